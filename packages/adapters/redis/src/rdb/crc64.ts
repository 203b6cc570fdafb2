// CRC-64 as Redis uses it ("Jones": polynomial 0xad93d23594c935a9, reflected in and out, start 0, no final XOR), eight bytes
// at a time. The tables hold the low and the high 32 bits of each entry side by side, because 64-bit integers are slow here.
const reflectedLow = 0xac4bc9b5 | 0;
const reflectedHigh = 0x95ac9329 | 0;

const tables: Int32Array = makeTables();

/** The running CRC-64 of bytes that come in pieces; `low` and `high` are its signed 32-bit halves. */
export class Crc64 {
  low = 0;
  high = 0;

  /** Takes the next bytes, from `start` up to and without `end`. */
  update(bytes: Uint8Array, start: number = 0, end: number = bytes.length): void {
    const t = tables;
    let low = this.low;
    let high = this.high;
    let position = start;
    for (const last = end - 8; position <= last; position += 8) {
      const a = 3584 + ((((low & 255) ^ bytes[position]!) & 255) << 1);
      const b = 3072 + ((((low >>> 8) & 255) ^ bytes[position + 1]!) << 1);
      const c = 2560 + ((((low >>> 16) & 255) ^ bytes[position + 2]!) << 1);
      const d = 2048 + (((low >>> 24) ^ bytes[position + 3]!) << 1);
      const e = 1536 + (((high & 255) ^ bytes[position + 4]!) << 1);
      const f = 1024 + ((((high >>> 8) & 255) ^ bytes[position + 5]!) << 1);
      const g = 512 + ((((high >>> 16) & 255) ^ bytes[position + 6]!) << 1);
      const h = ((high >>> 24) ^ bytes[position + 7]!) << 1;
      low = t[a]! ^ t[b]! ^ t[c]! ^ t[d]! ^ t[e]! ^ t[f]! ^ t[g]! ^ t[h]!;
      high = t[a + 1]! ^ t[b + 1]! ^ t[c + 1]! ^ t[d + 1]! ^ t[e + 1]! ^ t[f + 1]! ^ t[g + 1]! ^ t[h + 1]!;
    }
    for (; position < end; position++) {
      const entry = ((low ^ bytes[position]!) & 255) << 1;
      low = ((low >>> 8) | (high << 24)) ^ t[entry]!;
      high = (high >>> 8) ^ t[entry + 1]!;
    }
    this.low = low;
    this.high = high;
  }

  /** 16 hexadecimal digits. */
  hex(): string {
    return [this.high, this.low].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
  }
}

function makeTables(): Int32Array {
  const result = new Int32Array(8 * 512);
  for (let byte = 0; byte < 256; byte++) {
    let low = byte;
    let high = 0;
    for (let bit = 0; bit < 8; bit++) {
      const carry = low & 1;
      low = (low >>> 1) | (high << 31);
      high >>>= 1;
      if (carry !== 0) {
        low ^= reflectedLow;
        high ^= reflectedHigh;
      }
    }
    result[byte << 1] = low;
    result[(byte << 1) + 1] = high;
  }
  for (let entry = 512; entry < result.length; entry += 2) {
    const low = result[entry - 512]!;
    const high = result[entry - 511]!;
    const next = (low & 255) << 1;
    result[entry] = ((low >>> 8) | (high << 24)) ^ result[next]!;
    result[entry + 1] = (high >>> 8) ^ result[next + 1]!;
  }
  return result;
}
