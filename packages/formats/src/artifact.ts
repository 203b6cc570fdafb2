import { createHash, type Hash } from "node:crypto";
import type { ArtifactSink, Bytes } from "@sutazai/backup-core";

/** 64 hexadecimal digits. */
export function sha256(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Bytes as they pass by are hashed (SHA-256) and counted. */
export class PassingDigest {
  readonly #hash: Hash = createHash("sha256");
  bytes = 0;

  add(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.bytes += chunk.length;
  }

  /** The same bytes, hashed as they pass. */
  async *observe(content: Bytes): Bytes {
    for await (const chunk of content) {
      this.add(chunk);
      yield chunk;
    }
  }

  /** 64 hexadecimal digits. To be asked once, at the end. */
  hex(): string {
    return this.#hash.digest("hex");
  }
}

/** Writes an artifact that is small enough to be held. */
export async function writeOnce(sink: ArtifactSink, name: string, content: Uint8Array): Promise<void> {
  await sink.write(
    name,
    (async function* (): Bytes {
      yield content;
    })(),
    { size: content.length },
  );
}
