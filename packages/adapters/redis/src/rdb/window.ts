import { BackupError } from "@sutazai/backup-core";

/**
 * A parser that runs on pushed bytes: it yields where it needs more of them and is resumed after the next push. Generators
 * keep the hot loops synchronous: no promise per element, and a pause may fall anywhere, even within a string.
 */
export type Parse<T = void> = Generator<void, T, void>;

/** As many bytes as the fixed part of any element may have; see {@link Window.want}. */
export const headLength = 32;

/** What is small enough to be waited for whole. Anything larger passes through in pieces. */
export const wholeLimit: number = 64 * 1024;

/** The unread part of a stream of bytes. Memory: the last chunk pushed and what was left of those before. */
export class Window {
  bytes: Uint8Array = new Uint8Array(0);
  position = 0;
  end = 0;
  /** Something ended before it was complete. */
  isTruncated = false;
  /** Nothing more will be pushed. */
  ended = false;
  readonly #name: string;
  readonly #parent: Window | undefined;
  readonly #onConsumed: ((bytes: Uint8Array, start: number, end: number) => void) | undefined;
  #base = 0;
  #consumedUpTo = 0;

  /** `name` is what messages call it. A window within another one's string tells positions in terms of that one. */
  constructor(
    name: string,
    options: { parent?: Window; onConsumed?: (bytes: Uint8Array, start: number, end: number) => void } = {},
  ) {
    this.#name = name;
    this.#parent = options.parent;
    this.#onConsumed = options.onConsumed;
  }

  get left(): number {
    return this.end - this.position;
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.#base + this.position;
  }

  /** Adds bytes at the end. */
  push(chunk: Uint8Array): void {
    this.settle();
    const left = this.left;
    this.#base += this.position;
    if (left === 0) {
      this.bytes = chunk;
    } else {
      const joined = new Uint8Array(left + chunk.length);
      joined.set(this.bytes.subarray(this.position, this.end));
      joined.set(chunk, left);
      this.bytes = joined;
    }
    this.position = 0;
    this.#consumedUpTo = 0;
    this.end = this.bytes.length;
  }

  /** Makes it a whole of its own: a part of another buffer, with nothing to follow. */
  show(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
    this.ended = true;
    this.#base = -start;
  }

  /** Makes it empty, to be pushed to. */
  clear(): void {
    this.show(empty, 0, 0);
    this.ended = false;
  }

  /** Hands what was read since the last time to `onConsumed`. */
  settle(): void {
    if (this.#onConsumed !== undefined) this.#onConsumed(this.bytes, this.#consumedUpTo, this.position);
    this.#consumedUpTo = this.position;
  }

  /** Waits until `count` bytes are there; `corrupt` where the stream ends before. */
  *need(count: number): Parse {
    while (this.left < count) {
      if (this.ended) throw this.truncated();
      yield;
    }
  }

  /** Waits until `count` bytes are there or nothing more will come. */
  *want(count: number): Parse {
    while (this.left < count && !this.ended) yield;
  }

  /** The position of the next `count` bytes, which must be there; moves past them. */
  take(count: number): number {
    const start = this.position;
    if (count > this.end - start) throw this.truncated();
    this.position = start + count;
    return start;
  }

  byte(): number {
    if (this.position >= this.end) throw this.truncated();
    return this.bytes[this.position++]!;
  }

  truncated(): BackupError {
    this.isTruncated = true;
    return this.corrupt("ends in the middle");
  }

  corrupt(what: string): BackupError {
    const top = this.#parent ?? this;
    const where = this.#parent === undefined ? "" : ` (${this.#name}, byte ${this.offset})`;
    return new BackupError("corrupt", `the ${top.#name} ${what} at byte ${top.offset}${where}`, {
      operation: `redis.${top.#name.toLowerCase()}`,
      hint: "this file cannot be trusted; use another backup",
      details: { offset: top.offset },
    });
  }
}

const empty = new Uint8Array(0);

/** Where the content of a string goes: first its length, then its bytes, in any pieces. */
export interface StringSink {
  size(length: number): void;
  bytes(bytes: Uint8Array, start: number, end: number): void;
}

/** Passes the next `length` bytes on in pieces, whatever their number. */
export function* passThrough(window: Window, length: number, sink: StringSink): Parse {
  let remaining = length;
  while (remaining > 0) {
    if (window.left === 0) yield* window.need(1);
    const piece = Math.min(remaining, window.left);
    const start = window.take(piece);
    sink.bytes(window.bytes, start, start + piece);
    remaining -= piece;
  }
}

/** A source of strings one after the other: RDB strings, or the entries of a listpack, ziplist, zipmap or intset. */
export interface StringSource {
  readonly window: Window;
  /** Whether another string follows. Needs {@link headLength} bytes in the window, or its end. */
  more(): boolean;
  /** Reads the next string if it is there whole; otherwise returns false and {@link rest} reads on. Needs as `more`. */
  next(sink: StringSink): boolean;
  rest(sink: StringSink): Parse;
}

/** Reads the next string into the sink. The loops that matter do the same by hand, to save the generator. */
export function* readString(source: StringSource, sink: StringSink): Parse {
  const { window } = source;
  if (window.left < headLength) yield* window.want(headLength);
  if (!source.next(sink)) yield* source.rest(sink);
}
