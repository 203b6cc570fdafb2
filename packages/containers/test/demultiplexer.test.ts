import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Demultiplexer } from "../src/demultiplexer.ts";

interface Frame {
  readonly stream: number;
  readonly data: Uint8Array;
}

function encode(frames: readonly Frame[]): Uint8Array {
  return Buffer.concat(
    frames.flatMap(({ stream, data }) => {
      const header = Buffer.alloc(8);
      header[0] = stream;
      header.writeUInt32BE(data.length, 4);
      return [header, data];
    }),
  );
}

function decode(chunks: readonly Uint8Array[]): { stdout: string; stderr: string; copied: boolean } {
  const stdout: Uint8Array[] = [];
  const stderr: Uint8Array[] = [];
  const frames = new Demultiplexer({ stdout: (data) => stdout.push(data), stderr: (data) => stderr.push(data) });
  for (const chunk of chunks) frames.push(chunk);
  frames.end();
  const buffers = new Set(chunks.map(({ buffer }) => buffer));
  const copied = [...stdout, ...stderr].some(({ buffer }) => !buffers.has(buffer));
  return { stdout: Buffer.concat(stdout).toString("hex"), stderr: Buffer.concat(stderr).toString("hex"), copied };
}

const hex = (frames: readonly Frame[], stream: number) =>
  Buffer.concat(frames.filter((frame) => frame.stream === stream).map(({ data }) => data)).toString("hex");

const frame = (stream: number, text: string): Frame => ({ stream, data: Buffer.from(text) });

describe("the stream of an attached container", () => {
  test("comes apart the same however it is cut", () => {
    const frames = [frame(1, "one"), frame(2, "err"), frame(1, ""), frame(1, "two")];
    const bytes = encode(frames);
    for (let first = 0; first <= bytes.length; first++) {
      for (let second = first; second <= bytes.length; second++) {
        const chunks = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)];
        expect(decode(chunks)).toEqual({ stdout: hex(frames, 1), stderr: hex(frames, 2), copied: false });
      }
    }
  });

  test("comes apart whatever is in it", () => {
    const anyFrame = fc.record({ stream: fc.constantFrom(1, 2), data: fc.uint8Array({ maxLength: 300 }) });
    fc.assert(
      fc.property(fc.array(anyFrame), fc.integer({ min: 1, max: 64 }), (frames, size) => {
        const bytes = encode(frames);
        const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
          bytes.subarray(index * size, (index + 1) * size),
        );
        expect(decode(chunks)).toEqual({ stdout: hex(frames, 1), stderr: hex(frames, 2), copied: false });
      }),
    );
  });

  test("gives on a long frame as it comes", () => {
    const seen: number[] = [];
    const frames = new Demultiplexer({ stdout: (data) => seen.push(data.length), stderr: () => undefined });
    frames.push(Buffer.from([1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]));
    frames.push(new Uint8Array(1000));
    expect(seen).toEqual([1000]);
  });

  test("is an error wherever it is cut off within a frame", () => {
    const bytes = encode([frame(1, "one")]);
    for (let length = 1; length < bytes.length; length++) {
      expect(() => decode([bytes.subarray(0, length)])).toThrow("cut off");
    }
    expect(decode([bytes]).stdout).toBe(Buffer.from("one").toString("hex"));
  });

  test.each([
    ["a bad stream", [3, 0, 0, 0, 0, 0, 0, 1]],
    ["standard input", [0, 0, 0, 0, 0, 0, 0, 1]],
    ["a terminal's bytes", [...Buffer.from("root@host:~#")]],
    ["no zeros", [1, 0, 1, 0, 0, 0, 0, 1]],
  ])("is an error where a frame begins with %s", (_, bytes) => {
    expect(() => decode([Uint8Array.from(bytes)])).toThrow("not made of frames");
  });

  test("is an error where a length lies", () => {
    const short = encode([frame(1, "four"), frame(1, "more")]);
    short[7] = 3;
    expect(() => decode([short])).toThrow("not made of frames");
    const long = encode([frame(1, "four")]);
    long[7] = 5;
    expect(() => decode([long])).toThrow("1 bytes before the end of a frame");
  });
});
