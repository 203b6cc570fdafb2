import { createCodec } from "@sutazai/backup-compressor";
import type { CodecName, Store } from "@sutazai/backup-core";
import { directoryStore } from "@sutazai/backup-store";

export interface LocalStoreOptions {
  readonly path: string;
  /** zstd unless given. Backups already there are read whatever they were written with. */
  readonly compression?: CodecName;
  readonly compressionLevel?: number | undefined;
}

/** A directory store with the project's codecs: what most systems want. */
export function localStore({ path, compression = "zstd", compressionLevel }: LocalStoreOptions): Store {
  return directoryStore({
    path,
    codec: createCodec({ name: compression, ...(compressionLevel !== undefined && { level: compressionLevel }) }),
    codecOf: (name) => createCodec({ name }),
  });
}
