import { passThrough, wholeLimit, type Parse, type StringSink, type Window } from "./window.ts";

// LZF by Marc Lehmann, as Redis writes it: a byte below 32 is followed by that many plus one literal bytes; otherwise its upper three
// bits are a length (7: the next byte is added to it), its lower five and the next byte how far back to copy from.
const reach = 8192;
/** The most that one byte of input can come to: three bytes make 264. */
const largestRatio = 88;

/** Decompresses a whole string. Returns whether it came out at `outputLength` bytes, exactly; whatever the input, it reads and writes within bounds. */
export function decompress(
  input: Uint8Array,
  start: number,
  end: number,
  output: Uint8Array,
  outputLength: number,
): boolean {
  let from = start;
  let to = 0;
  while (from < end) {
    const control = input[from++]!;
    if (control < 32) {
      const count = control + 1;
      if (from + count > end || to + count > outputLength) return false;
      for (let index = 0; index < count; index++) output[to++] = input[from++]!;
      continue;
    }
    let count = control >> 5;
    if (count === 7) {
      if (from >= end) return false;
      count += input[from++]!;
    }
    count += 2;
    if (from >= end) return false;
    let source = to - ((control & 31) << 8) - input[from++]! - 1;
    if (source < 0 || to + count > outputLength) return false;
    for (let index = 0; index < count; index++) output[to++] = output[source++]!;
  }
  return to === outputLength;
}

/** Decompresses a string of any length in pieces, with the last 8 KiB of output at hand. */
export function* decompressLarge(window: Window, inputLength: number, outputLength: number, sink: StringSink): Parse {
  const output = new Uint8Array(reach + wholeLimit + 2 * 264);
  const inputEnd = window.offset + inputLength;
  let used = 0;
  let passed = 0;
  let total = 0;
  const literal: StringSink = {
    size: () => undefined,
    bytes: (bytes, start, end) => {
      output.set(bytes.subarray(start, end), used);
      used += end - start;
    },
  };
  while (window.offset < inputEnd) {
    const control = yield* nextByte(window);
    if (control < 32) {
      total += control + 1;
      yield* passThrough(window, control + 1, literal);
    } else {
      let count = control >> 5;
      if (count === 7) count += yield* nextByte(window);
      count += 2;
      total += count;
      let source = used - ((control & 31) << 8) - (yield* nextByte(window)) - 1;
      if (source < 0) throw window.corrupt("has a compressed string that refers to before its start");
      for (let index = 0; index < count; index++) output[used++] = output[source++]!;
    }
    if (total > outputLength) break;
    if (used >= reach + wholeLimit) {
      sink.bytes(output, passed, used);
      output.copyWithin(0, used - reach, used);
      used = reach;
      passed = reach;
    }
  }
  if (total !== outputLength || window.offset !== inputEnd) {
    throw window.corrupt("has a compressed string that is not as long as it says");
  }
  sink.bytes(output, passed, used);
}

/** Whether so many bytes can come out of so many: what tells a lie before any work is done. */
export function isPossible(inputLength: number, outputLength: number): boolean {
  return inputLength > 0 && outputLength > 0 && outputLength <= inputLength * largestRatio;
}

function* nextByte(window: Window): Parse<number> {
  if (window.left === 0) yield* window.need(1);
  return window.byte();
}
