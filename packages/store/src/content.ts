import { createHash } from "node:crypto";
import type { Bytes, Content } from "@sutazai/backup-core";

/** Counts and digests bytes as they pass. */
export class Meter {
  readonly #hash = createHash("sha256");
  #bytes = 0;
  #content: Content | undefined;

  get bytes(): number {
    return this.#bytes;
  }

  async *measure(content: Bytes): Bytes {
    for await (const chunk of content) {
      this.#hash.update(chunk);
      this.#bytes += chunk.length;
      yield chunk;
    }
  }

  /** After the last byte. */
  finish(): Content {
    this.#content ??= { bytes: this.#bytes, sha256: this.#hash.digest("hex") };
    return this.#content;
  }
}

export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** In which way two contents differ, for people; undefined where they are the same. */
export function differenceOf(expected: Content, actual: Content): string | undefined {
  if (actual.bytes !== expected.bytes) return `has ${actual.bytes} bytes instead of ${expected.bytes}`;
  return actual.sha256 === expected.sha256
    ? undefined
    : `has the SHA-256 ${actual.sha256} instead of ${expected.sha256}`;
}
