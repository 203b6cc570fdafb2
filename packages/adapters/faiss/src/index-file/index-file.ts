import type { Extent, Header } from "./parts.ts";
import { indexTypes } from "./types.ts";
import { code, Implausible, type Step, type Walk } from "./walk.ts";

/** What an index file says of itself. */
export interface IndexFacts {
  /** Its four-letter code; whatever stands there where the type is not known. */
  readonly code: string;
  /** `HNSWFlat`; undefined for a type that is not known here. */
  readonly type: string | undefined;
  readonly header: Header | undefined;
  /**
   * `whole`: as long as its own lengths say. `opaque`: followed only as far as its layout is known. `torn`: shorter than it says, or damaged.
   * `trailing`: something stands behind its end.
   */
  readonly state: Extent | "torn" | "trailing";
}

/** Reads an index file as its bytes pass, holding a few of them. Input is hostile: lengths are believed only by passing over so many bytes. */
export class IndexFile {
  readonly #seen: { code: string; type?: string; header?: Header } = { code: "" };
  readonly #walk: Walk<Extent>;
  #step: Step | undefined;
  #missing = 0;
  #taken = new Uint8Array(64);
  #takenLength = 0;
  #extent: Extent | "torn" | undefined;
  #isIndex = true;
  #isBehind = false;

  constructor() {
    this.#walk = walkFile(this.#seen);
    this.#next(this.#walk.next());
  }

  write(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length && this.#step !== undefined) {
      const length = Math.min(this.#missing, chunk.length - at);
      if ("take" in this.#step) {
        this.#taken.set(chunk.subarray(at, at + length), this.#takenLength);
        this.#takenLength += length;
      }
      at += length;
      this.#missing -= length;
      if (this.#missing === 0) this.#advance();
    }
    if (at < chunk.length) this.#isBehind = true;
  }

  /** At the end of the file; undefined where it is no index at all. `expected`: its name says that it is one. */
  end(expected: boolean): IndexFacts | undefined {
    const { code: found, type, header } = this.#seen;
    if (!this.#isIndex || type === undefined) {
      if (!expected) return undefined;
      // Too short even for a header: whoever was to write it has not.
      const isShort = this.#step !== undefined;
      return { code: found, type: undefined, header: undefined, state: isShort ? "torn" : "opaque" };
    }
    const extent = this.#step === undefined ? (this.#extent ?? "torn") : "torn";
    return { code: found, type, header, state: extent === "whole" && this.#isBehind ? "trailing" : extent };
  }

  #advance(): void {
    const view = new DataView(this.#taken.buffer.slice(0, this.#takenLength));
    this.#takenLength = 0;
    try {
      this.#next(this.#walk.next(view));
    } catch (error) {
      if (!(error instanceof Implausible)) throw error;
      // In the header: no index. Later: an index with damage in it.
      if (this.#seen.header === undefined) this.#isIndex = false;
      this.#step = undefined;
      this.#extent = "torn";
    }
  }

  #next(result: IteratorResult<Step, Extent>): void {
    if (result.done === true) {
      this.#step = undefined;
      this.#extent = result.value;
    } else {
      this.#step = result.value;
      this.#missing = "take" in result.value ? result.value.take : result.value.skip;
    }
  }
}

function* walkFile(seen: { code: string; type?: string; header?: Header }): Walk<Extent> {
  seen.code = yield* code();
  const type = indexTypes.get(seen.code);
  if (type === undefined) return "opaque";
  seen.type = type.name;
  seen.header = yield* type.header();
  return yield* type.body(0);
}
