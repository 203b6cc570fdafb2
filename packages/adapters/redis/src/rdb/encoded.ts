import { readInteger, readUint32, writeInteger } from "./integers.ts";
import { passThrough, type Parse, type StringSink, type StringSource, type Window } from "./window.ts";

// The compact encodings that Redis stores as one string each. Sources: listpack.c, ziplist.c, zipmap.c and intset.c of Redis.
// All of them are read forwards only, entry by entry; a header's count that may be "unknown" is checked where it is known.

/** A compact collection, open for reading. `start` reads its header; `more` returns false only at its very end. */
export interface EncodedSource extends StringSource {
  start(): Parse;
}

const endMark = 0xff;
const unknownCount = 0xffff;

/** What listpacks and ziplists have in common: a length in bytes, a count of 16 bits, entries, an end mark. */
abstract class Pack implements EncodedSource {
  readonly window: Window;
  protected pending = 0;
  #startOffset = 0;
  #totalBytes = 0;
  #announced = 0;
  #seen = 0;

  constructor(window: Window) {
    this.window = window;
  }

  protected abstract readonly headerLength: number;
  abstract next(sink: StringSink): boolean;
  abstract rest(sink: StringSink): Parse;

  *start(): Parse {
    const { window, headerLength } = this;
    yield* window.need(headerLength);
    this.#startOffset = window.offset;
    const start = window.take(headerLength);
    this.#totalBytes = readUint32(window.bytes, start);
    this.#announced = window.bytes[start + headerLength - 2]! | (window.bytes[start + headerLength - 1]! << 8);
    this.#seen = 0;
  }

  more(): boolean {
    const { window } = this;
    if (window.left === 0) throw window.truncated();
    if (window.bytes[window.position] !== endMark) {
      this.#seen += 1;
      return true;
    }
    window.take(1);
    if (window.offset - this.#startOffset !== this.#totalBytes) {
      throw window.corrupt("has a collection that is not as long as it says");
    }
    if (this.#announced !== unknownCount && this.#announced !== this.#seen) {
      throw window.corrupt("has a collection that does not hold as many entries as it says");
    }
    return false;
  }
}

/** Listpack: Redis 5 and later for streams, 7 and later for everything small. Every entry is followed by its own length, backwards. */
export class Listpack extends Pack {
  protected readonly headerLength = 6;
  #entryLength = 0;
  /** The integer just decoded, or undefined where the entry is a string. */
  #integer: number | bigint | undefined;

  next(sink: StringSink): boolean {
    const { window } = this;
    this.#head();
    if (this.#integer !== undefined) {
      writeInteger(this.#integer, sink);
      this.#backLength();
      return true;
    }
    sink.size(this.pending);
    if (this.pending + 5 > window.left && !(window.ended && this.pending <= window.left)) return false;
    const start = window.take(this.pending);
    sink.bytes(window.bytes, start, start + this.pending);
    this.#backLength();
    return true;
  }

  *rest(sink: StringSink): Parse {
    yield* passThrough(this.window, this.pending, sink);
    yield* this.window.want(5);
    this.#backLength();
  }

  /** The next entry where it must be an integer. */
  integer(): number | bigint {
    this.#head();
    if (this.#integer === undefined) throw this.window.corrupt("has a string where a number belongs");
    this.#backLength();
    return this.#integer;
  }

  #head(): void {
    const { window } = this;
    const first = window.byte();
    this.#integer = undefined;
    if (first < 0x80) {
      this.#integer = first;
      this.#entryLength = 1;
    } else if (first < 0xc0) {
      this.pending = first & 0x3f;
      this.#entryLength = 1 + this.pending;
    } else if (first < 0xe0) {
      const value = ((first & 0x1f) << 8) | window.byte();
      this.#integer = (value << 19) >> 19;
      this.#entryLength = 2;
    } else if (first < 0xf0) {
      this.pending = ((first & 0x0f) << 8) | window.byte();
      this.#entryLength = 2 + this.pending;
    } else if (first === 0xf0) {
      this.pending = readUint32(window.bytes, window.take(4));
      this.#entryLength = 5 + this.pending;
    } else {
      const width = listpackWidths[first - 0xf1];
      if (width === undefined) throw window.corrupt(`has a listpack entry of an unknown kind (${first})`);
      this.#integer = readInteger(window.bytes, window.take(width), width);
      this.#entryLength = 1 + width;
    }
  }

  #backLength(): void {
    const { window } = this;
    const length = this.#entryLength;
    if (length <= 127) {
      if (window.byte() === length) return;
    } else {
      const width = length < 16383 ? 2 : length < 2097151 ? 3 : length < 268435455 ? 4 : 5;
      const start = window.take(width);
      let value = 0;
      for (let index = 0; index < width; index++) value = value * 128 + (window.bytes[start + index]! & 127);
      if (value === length) return;
    }
    throw window.corrupt("has a listpack entry whose length is not as its end says");
  }
}

const listpackWidths: readonly number[] = [2, 3, 4, 8];

/** Ziplist: before Redis 7. Every entry begins with the length of the one before. */
export class Ziplist extends Pack {
  protected readonly headerLength = 10;

  next(sink: StringSink): boolean {
    const { window } = this;
    if (window.byte() === 254) window.take(4);
    const first = window.byte();
    if (first >= 0xc0) {
      writeInteger(this.#integer(first), sink);
      return true;
    }
    if (first < 0x40) {
      this.pending = first;
    } else if (first < 0x80) {
      this.pending = ((first & 0x3f) << 8) | window.byte();
    } else {
      const start = window.take(4);
      const { bytes } = window;
      this.pending =
        ((bytes[start]! << 24) | (bytes[start + 1]! << 16) | (bytes[start + 2]! << 8) | bytes[start + 3]!) >>> 0;
    }
    sink.size(this.pending);
    if (this.pending > window.left) return false;
    const start = window.take(this.pending);
    sink.bytes(window.bytes, start, start + this.pending);
    return true;
  }

  rest(sink: StringSink): Parse {
    return passThrough(this.window, this.pending, sink);
  }

  #integer(first: number): number | bigint {
    if (first >= 0xf1 && first <= 0xfd) return first - 0xf1;
    const width = ziplistWidths[first];
    if (width === undefined) throw this.window.corrupt(`has a ziplist entry of an unknown kind (${first})`);
    return readInteger(this.window.bytes, this.window.take(width), width);
  }
}

const ziplistWidths: Readonly<Record<number, number>> = { 0xc0: 2, 0xd0: 4, 0xe0: 8, 0xf0: 3, 0xfe: 1 };

/** Zipmap: hashes before Redis 2.6. After each value may come unused bytes, counted in a byte before it. */
export class Zipmap implements EncodedSource {
  readonly window: Window;
  #isValue = false;
  #pending = 0;
  #unused = 0;

  constructor(window: Window) {
    this.window = window;
  }

  *start(): Parse {
    yield* this.window.need(1);
    this.window.take(1);
    this.#isValue = false;
  }

  more(): boolean {
    const { window } = this;
    if (window.left === 0) throw window.truncated();
    if (window.bytes[window.position] !== endMark) return true;
    window.take(1);
    return false;
  }

  next(sink: StringSink): boolean {
    const { window } = this;
    const first = window.byte();
    if (first === endMark) throw window.corrupt("has a zipmap that ends within a pair");
    this.#pending = first < 254 ? first : readUint32(window.bytes, window.take(4));
    this.#unused = this.#isValue ? window.byte() : 0;
    this.#isValue = !this.#isValue;
    sink.size(this.#pending);
    if (this.#pending + this.#unused > window.left) return false;
    const start = window.take(this.#pending + this.#unused);
    sink.bytes(window.bytes, start, start + this.#pending);
    return true;
  }

  *rest(sink: StringSink): Parse {
    yield* passThrough(this.window, this.#pending, sink);
    yield* this.window.need(this.#unused);
    this.window.take(this.#unused);
  }
}

/** Intset: sets of integers, each in 2, 4 or 8 bytes. */
export class Intset implements EncodedSource {
  readonly window: Window;
  #width = 0;
  #remaining = 0;

  constructor(window: Window) {
    this.window = window;
  }

  *start(): Parse {
    const { window } = this;
    yield* window.need(8);
    const start = window.take(8);
    this.#width = readUint32(window.bytes, start);
    this.#remaining = readUint32(window.bytes, start + 4);
    if (![2, 4, 8].includes(this.#width)) throw window.corrupt(`has an intset of an unknown width (${this.#width})`);
  }

  more(): boolean {
    return this.#remaining-- > 0;
  }

  next(sink: StringSink): boolean {
    const { window } = this;
    writeInteger(readInteger(window.bytes, window.take(this.#width), this.#width), sink);
    return true;
  }

  *rest(): Parse {
    // `next` always reads the whole of it.
  }
}
