// MurmurHash3_x86_128 by Austin Appleby, public domain:
// https://github.com/aappleby/smhasher/blob/master/src/MurmurHash3.cpp
const c1 = 0x239b961b;
const c2 = 0xab0e9789;
const c3 = 0x38b34ae5;
const c4 = 0xa1e38b93;

const blockLength = 16;

/**
 * MurmurHash3 x86_128 with seed 0 over bytes that come in pieces: fast, 128 bits, the same for any cutting into pieces.
 * It tells accidents, not attacks: whoever chooses the bytes can make two rows collide. Allocates nothing after construction.
 *
 * One object serves any number of rows: `reset`, `update` as often as needed, then `finish` (or `MultisetDigest.add`, which finishes).
 */
export class RowHash {
  /** The hash, lowest 32 bits first; meaningful after {@link finish}. */
  readonly lanes: Uint32Array = new Uint32Array(4);
  readonly #pending: Uint8Array = new Uint8Array(blockLength);
  #pendingLength = 0;
  #length = 0;
  #finished = false;

  /** Starts the next row. */
  reset(): void {
    for (let lane = 0; lane < 4; lane++) this.lanes[lane] = 0;
    this.#pendingLength = 0;
    this.#length = 0;
    this.#finished = false;
  }

  /** Takes the next bytes of the row, from `start` up to and without `end`. Throws after `finish`: a `reset` is missing. */
  update(bytes: Uint8Array, start: number = 0, end: number = bytes.length): void {
    if (this.#finished) throw new Error("RowHash: update after finish, without a reset between");
    this.#length += end - start;
    let position = start;
    if (this.#pendingLength > 0 || end - start < blockLength) {
      while (position < end && this.#pendingLength < blockLength) {
        this.#pending[this.#pendingLength++] = bytes[position++]!;
      }
      if (this.#pendingLength < blockLength) return;
      mixBlocks(this.lanes, this.#pending, 0, blockLength);
      this.#pendingLength = 0;
    }
    const blocksEnd = end - ((end - position) % blockLength);
    if (blocksEnd > position) mixBlocks(this.lanes, bytes, position, blocksEnd);
    for (position = blocksEnd; position < end; position++) this.#pending[this.#pendingLength++] = bytes[position]!;
  }

  /** Ends the row; the hash is then in `lanes`. Calling it again changes nothing. */
  finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    const lanes = this.lanes;
    if (this.#pendingLength > 0) {
      const rest = this.#pending;
      for (let index = this.#pendingLength; index < blockLength; index++) rest[index] = 0;
      // A lane without bytes mixes to zero, so that all four can be done whatever the length.
      lanes[0]! ^= scramble(wordAt(rest, 0), c1, 15, c2);
      lanes[1]! ^= scramble(wordAt(rest, 4), c2, 16, c3);
      lanes[2]! ^= scramble(wordAt(rest, 8), c3, 17, c4);
      lanes[3]! ^= scramble(wordAt(rest, 12), c4, 18, c1);
    }
    for (let lane = 0; lane < 4; lane++) lanes[lane]! ^= this.#length;
    spread(lanes);
    for (let lane = 0; lane < 4; lane++) lanes[lane] = avalanche(lanes[lane]!);
    spread(lanes);
  }

  /** Finishes, and gives the hash as a number of 32 hexadecimal digits, as `mmh3.hash128(row, x64arch=False)` of Python does. */
  hex(): string {
    this.finish();
    return hexOf(this.lanes);
  }
}

/**
 * What a set of rows, in no order, comes to: how many there are and the sum of their hashes mod 2^128. A sum, not an XOR: rows that
 * were doubled must show.
 */
export class MultisetDigest {
  readonly #sum: Uint32Array = new Uint32Array(4);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Counts a row in; finishes its hash. `row` may be reset and used for the next one at once. */
  add(row: RowHash): void {
    row.finish();
    this.#count += 1;
    this.#addLanes(row.lanes);
  }

  /** Counts in every row of another digest. */
  merge(other: MultisetDigest): void {
    this.#count += other.#count;
    this.#addLanes(other.#sum);
  }

  /** `<count>:<sum as 32 hexadecimal digits>`. */
  toString(): string {
    return `${this.#count}:${hexOf(this.#sum)}`;
  }

  #addLanes(lanes: Uint32Array): void {
    let carry = 0;
    for (let lane = 0; lane < 4; lane++) {
      const sum = this.#sum[lane]! + lanes[lane]! + carry;
      this.#sum[lane] = sum;
      carry = sum > 0xffffffff ? 1 : 0;
    }
  }
}

/** The hash of one value as 32 hexadecimal digits; a string stands for its UTF-8 bytes. */
export function digestOf(bytes: Uint8Array | string): string {
  const hash = new RowHash();
  hash.update(typeof bytes === "string" ? Buffer.from(bytes) : bytes);
  return hash.hex();
}

function mixBlocks(lanes: Uint32Array, bytes: Uint8Array, start: number, end: number): void {
  let h1 = lanes[0]! | 0;
  let h2 = lanes[1]! | 0;
  let h3 = lanes[2]! | 0;
  let h4 = lanes[3]! | 0;
  for (let position = start; position < end; position += blockLength) {
    h1 ^= scramble(wordAt(bytes, position), c1, 15, c2);
    h1 = (Math.imul(rotate(h1, 19) + h2, 5) + 0x561ccd1b) | 0;
    h2 ^= scramble(wordAt(bytes, position + 4), c2, 16, c3);
    h2 = (Math.imul(rotate(h2, 17) + h3, 5) + 0x0bcaa747) | 0;
    h3 ^= scramble(wordAt(bytes, position + 8), c3, 17, c4);
    h3 = (Math.imul(rotate(h3, 15) + h4, 5) + 0x96cd1c35) | 0;
    h4 ^= scramble(wordAt(bytes, position + 12), c4, 18, c1);
    h4 = (Math.imul(rotate(h4, 13) + h1, 5) + 0x32ac3b17) | 0;
  }
  lanes[0] = h1;
  lanes[1] = h2;
  lanes[2] = h3;
  lanes[3] = h4;
}

function wordAt(bytes: Uint8Array, position: number): number {
  return bytes[position]! | (bytes[position + 1]! << 8) | (bytes[position + 2]! << 16) | (bytes[position + 3]! << 24);
}

function scramble(word: number, first: number, rotation: number, second: number): number {
  return Math.imul(rotate(Math.imul(word, first), rotation), second);
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

function spread(lanes: Uint32Array): void {
  lanes[0] = lanes[0]! + lanes[1]! + lanes[2]! + lanes[3]!;
  for (let lane = 1; lane < 4; lane++) lanes[lane] = lanes[lane]! + lanes[0];
}

function avalanche(word: number): number {
  let h = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

function hexOf(lanes: Uint32Array): string {
  return [3, 2, 1, 0].map((lane) => lanes[lane]!.toString(16).padStart(8, "0")).join("");
}
