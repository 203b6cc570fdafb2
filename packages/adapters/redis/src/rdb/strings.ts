import type { BackupError } from "@sutazai/backup-core";
import { readInteger, writeInteger } from "./integers.ts";
import { decompress, decompressLarge, isPossible } from "./lzf.ts";
import {
  headLength,
  passThrough,
  wholeLimit,
  type Parse,
  type StringSink,
  type StringSource,
  type Window,
} from "./window.ts";

/** What is decompressed in one go; larger strings go through in pieces. */
const decompressLimit = 1024 * 1024;
const integerWidths = [1, 2, 4];
const compressed = 3;

/** Lengths and strings in RDB's own encoding. */
export class RdbStrings implements StringSource {
  readonly window: Window;
  /** The halves of the last length read, which may be any 64-bit number (parts of stream ids, values of modules). */
  low = 0;
  high = 0;
  /** How many of a counted series are still to come; set before a series is read through {@link more}. */
  remaining = 0;
  readonly #scratch: Uint8Array = new Uint8Array(decompressLimit);
  #pendingInput = 0;
  #pendingOutput = 0;
  #special = -1;

  constructor(window: Window) {
    this.window = window;
  }

  more(): boolean {
    return this.remaining-- > 0;
  }

  /** A length as 64 bits in `low` and `high`. Returns -1, or the number of the special encoding that stands in its place. */
  readLength(): number {
    const { window } = this;
    const first = window.byte();
    this.high = 0;
    switch (first >> 6) {
      case 0:
        this.low = first & 63;
        return -1;
      case 1:
        this.low = ((first & 63) << 8) | window.byte();
        return -1;
      case 3:
        this.low = 0;
        return first & 63;
    }
    if (first === 0x80) {
      this.low = this.#bigEndian();
    } else if (first === 0x81) {
      this.high = this.#bigEndian();
      this.low = this.#bigEndian();
    } else {
      throw window.corrupt(`has a length of an unknown kind (${first})`);
    }
    return -1;
  }

  /** A length that must be a number, not a special encoding; the halves are in `low` and `high`. */
  wide(): void {
    if (this.readLength() !== -1) throw this.window.corrupt("has a string where a number belongs");
  }

  /** A number that counts or measures something: refused beyond 2^53. */
  count(): number {
    this.wide();
    if (this.high >= 0x200000) throw this.window.corrupt("has an impossible length");
    return this.high * 0x100000000 + this.low;
  }

  next(sink: StringSink): boolean {
    const { window } = this;
    this.#head();
    if (this.#special >= 0 && this.#special < compressed) {
      const width = integerWidths[this.#special]!;
      const start = window.take(width);
      writeInteger(readInteger(window.bytes, start, width), sink);
      return true;
    }
    const output = this.#pendingOutput;
    const input = this.#pendingInput;
    sink.size(output);
    if (input > window.left || (this.#special === compressed && output > decompressLimit)) return false;
    const start = window.take(input);
    if (this.#special === -1) {
      sink.bytes(window.bytes, start, start + input);
    } else {
      this.#decompress(start, input, output);
      sink.bytes(this.#scratch, 0, output);
    }
    return true;
  }

  *rest(sink: StringSink): Parse {
    if (this.#special === -1) yield* passThrough(this.window, this.#pendingInput, sink);
    else yield* decompressLarge(this.window, this.#pendingInput, this.#pendingOutput, sink);
  }

  /**
   * Reads a string that holds an encoded collection, and has it parsed: in place where it is in the window or fits in memory,
   * otherwise in pieces as it comes. `parse` must read all of it.
   */
  *blob(inner: Window, parse: (inner: Window) => Parse): Parse {
    const { window } = this;
    if (window.left < headLength) yield* window.want(headLength);
    this.#head();
    const special = this.#special;
    if (special >= 0 && special < compressed) throw window.corrupt("has an integer where a collection belongs");
    const input = this.#pendingInput;
    const output = this.#pendingOutput;
    if (input > window.left && input <= wholeLimit) yield* window.need(input);
    if (input <= window.left && output <= decompressLimit) {
      const start = window.take(input);
      if (special === compressed) this.#decompress(start, input, output);
      inner.show(
        special === compressed ? this.#scratch : window.bytes,
        special === compressed ? 0 : start,
        special === compressed ? output : start + input,
      );
      parse(inner).next();
    } else {
      inner.clear();
      const parsing = parse(inner);
      const feed: StringSink = {
        size: () => undefined,
        bytes: (bytes, start, end) => {
          // A copy: the piece is read only now, and what the inner parser has not read of it must outlive it.
          inner.push(bytes.slice(start, end));
          if (parsing.next().done === true && inner.left > 0) throw endsEarly(inner);
        },
      };
      if (special === compressed) yield* decompressLarge(window, input, output, feed);
      else yield* passThrough(window, input, feed);
      inner.ended = true;
      parsing.next();
    }
    if (inner.left > 0) throw endsEarly(inner);
  }

  #head(): void {
    const { window } = this;
    this.#special = this.readLength();
    if (this.#special < 0) {
      if (this.high >= 0x200000) throw window.corrupt("has an impossible length");
      this.#pendingInput = this.high * 0x100000000 + this.low;
      this.#pendingOutput = this.#pendingInput;
      return;
    }
    if (this.#special > compressed) throw window.corrupt(`has a string of an unknown kind (${this.#special})`);
    if (this.#special < compressed) return;
    const input = this.count();
    const output = this.count();
    if (!isPossible(input, output)) throw window.corrupt("has a compressed string with impossible lengths");
    this.#special = compressed;
    this.#pendingInput = input;
    this.#pendingOutput = output;
  }

  #decompress(start: number, input: number, output: number): void {
    const { window } = this;
    if (!decompress(window.bytes, start, start + input, this.#scratch, output)) {
      throw window.corrupt("has a compressed string that does not decompress");
    }
  }

  #bigEndian(): number {
    const start = this.window.take(4);
    const { bytes } = this.window;
    return ((bytes[start]! << 24) | (bytes[start + 1]! << 16) | (bytes[start + 2]! << 8) | bytes[start + 3]!) >>> 0;
  }
}

function endsEarly(inner: Window): BackupError {
  return inner.corrupt("has a collection that ends before its string does");
}

/** Gathers a string that must be short: names, numbers as text. */
export class ShortText implements StringSink {
  readonly #bytes: Buffer;
  #length = 0;
  /** Whether more came than was kept. */
  overflow = false;

  constructor(limit: number) {
    this.#bytes = Buffer.alloc(limit);
  }

  size(): void {
    this.#length = 0;
    this.overflow = false;
  }

  bytes(bytes: Uint8Array, start: number, end: number): void {
    for (let position = start; position < end; position++) {
      if (this.#length === this.#bytes.length) {
        this.overflow = true;
        return;
      }
      this.#bytes[this.#length++] = bytes[position]!;
    }
  }

  get length(): number {
    return this.#length;
  }

  toString(): string {
    return this.#bytes.toString("latin1", 0, this.#length);
  }

  toBuffer(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }
}

/** Takes a string and forgets it. */
export const nowhere: StringSink = { size: () => undefined, bytes: () => undefined };
