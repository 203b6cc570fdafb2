// What the tests and the processes they start have in common.
import { Readable } from "node:stream";
import { createGunzip, createGzip } from "node:zlib";
import { BackupError, type Bytes, type Codec, type ManifestDraft } from "@sutazai/backup-core";

export const none: Codec = { name: "none", suffix: "", encode: (plain) => plain, decode: (encoded) => encoded };

/** Node's own gzip: enough of a codec for what the store has to prove. */
export const gzip: Codec = {
  name: "gzip",
  suffix: ".gz",
  encode: (plain) => through(plain, createGzip()),
  decode: async function* (encoded) {
    try {
      yield* through(encoded, createGunzip());
    } catch (error) {
      if (String((error as NodeJS.ErrnoException).code).startsWith("Z_")) {
        throw new BackupError("corrupt", "not gzip at some offset", { cause: error });
      }
      throw error;
    }
  },
};

async function* through(bytes: Bytes, transform: ReturnType<typeof createGzip>): Bytes {
  const source = Readable.from(bytes);
  source.on("error", (error) => transform.destroy(error));
  try {
    yield* source.pipe(transform) as Bytes;
  } finally {
    source.destroy();
    transform.destroy();
  }
}

export const codecs: Record<string, Codec> = { none, gzip };

export function draftOf(artifacts: readonly string[], changes: Partial<ManifestDraft> = {}): ManifestDraft {
  return {
    parents: [],
    runId: "run-1",
    purpose: "backup",
    status: "ok",
    startedAt: "2026-11-23T13:00:00Z",
    endedAt: "2026-11-23T13:00:01Z",
    madeBy: "sutazai-backup 0.0.0",
    serverVersion: "17.12",
    container: null,
    empty: false,
    incomplete: [],
    warnings: [],
    forms: [
      {
        name: "dump",
        method: "test",
        capture: { from: "2026-11-23T13:00:00Z", to: "2026-11-23T13:00:00Z" },
        pausedMs: 0,
        artifacts,
        fingerprint: { rows: { exact: 3 } },
        notCovered: [],
      },
    ],
    details: null,
    ...changes,
  };
}
