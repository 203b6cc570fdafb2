import { RowHash, type MultisetDigest } from "@sutazai/backup-formats";
import type { StringSink } from "./window.ts";

const capacity = 2048;

/**
 * Builds rows for digests. Numbers are eight bytes, little endian; strings have their length before them, so that no two
 * different rows have the same bytes. Small pieces are gathered, for hashing goes faster in one stretch.
 */
export class Row implements StringSink {
  readonly #hash: RowHash = new RowHash();
  readonly #buffer: Uint8Array = new Uint8Array(capacity);
  readonly #view: DataView = new DataView(this.#buffer.buffer);
  #used = 0;

  start(): void {
    this.#hash.reset();
    this.#used = 0;
  }

  byte(value: number): void {
    if (this.#used === capacity) this.#flush();
    this.#buffer[this.#used++] = value;
  }

  /** A number that is an integer of at most 53 bits. */
  number(value: number): void {
    this.halves(value >>> 0, (value / 0x100000000) >>> 0);
  }

  /** A 64-bit integer by its unsigned halves. */
  halves(low: number, high: number): void {
    if (this.#used > capacity - 8) this.#flush();
    this.#view.setUint32(this.#used, low, true);
    this.#view.setUint32(this.#used + 4, high, true);
    this.#used += 8;
  }

  bigint(value: bigint): void {
    if (this.#used > capacity - 8) this.#flush();
    this.#view.setBigUint64(this.#used, BigInt.asUintN(64, value), true);
    this.#used += 8;
  }

  /** A sorted set's score. Both zeros are one: some encodings keep the sign, some do not. */
  double(value: number): void {
    if (this.#used > capacity - 8) this.#flush();
    this.#view.setFloat64(this.#used, value === 0 ? 0 : value, true);
    this.#used += 8;
  }

  size(length: number): void {
    this.number(length);
  }

  bytes(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (length > 512) {
      this.#flush();
      this.#hash.update(bytes, start, end);
      return;
    }
    if (length > capacity - this.#used) this.#flush();
    const buffer = this.#buffer;
    let used = this.#used;
    if (length > 64) {
      buffer.set(bytes.subarray(start, end), used);
      used += length;
    } else {
      for (let position = start; position < end; position++) buffer[used++] = bytes[position]!;
    }
    this.#used = used;
  }

  /** A text of its own: its characters must be below 256. */
  text(text: string): void {
    this.number(text.length);
    for (let index = 0; index < text.length; index++) this.byte(text.charCodeAt(index));
  }

  /** Ends the row and counts it into the digest. */
  addTo(digest: MultisetDigest): void {
    this.#flush();
    digest.add(this.#hash);
  }

  /** Ends the row; its hash, four words. Valid until the next `start`. */
  lanes(): Uint32Array {
    this.#flush();
    this.#hash.finish();
    return this.#hash.lanes;
  }

  #flush(): void {
    if (this.#used > 0) this.#hash.update(this.#buffer, 0, this.#used);
    this.#used = 0;
  }
}

/**
 * The members of one collection, in no order: their number and the sum mod 2^128 of their rows' hashes. What `MultisetDigest` does for
 * rows of the fingerprint, without making a text for each of a million small collections.
 */
export class Members {
  count: number = 0;
  readonly #sum: Uint32Array = new Uint32Array(4);

  clear(): void {
    this.count = 0;
    this.#sum.fill(0);
  }

  add(row: Row): void {
    const lanes = row.lanes();
    let carry = 0;
    for (let lane = 0; lane < 4; lane++) {
      const sum = this.#sum[lane]! + lanes[lane]! + carry;
      this.#sum[lane] = sum;
      carry = sum > 0xffffffff ? 1 : 0;
    }
    this.count += 1;
  }

  writeTo(row: Row): void {
    row.number(this.count);
    row.halves(this.#sum[0]!, this.#sum[1]!);
    row.halves(this.#sum[2]!, this.#sum[3]!);
  }
}
