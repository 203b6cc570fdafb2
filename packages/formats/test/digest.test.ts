import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MultisetDigest, RowHash, digestOf } from "../src/index.ts";

// Made with the reference implementation: '%032x' % mmh3.hash128(input, x64arch=False), mmh3 5.3.1 from PyPI.
const vectors = JSON.parse(
  readFileSync(new URL("fixtures/murmur3-x86-128.json", import.meta.url), "utf8"),
) as readonly { readonly input: string; readonly hash: string }[];

function digestOfRows(rows: readonly Uint8Array[]): MultisetDigest {
  const digest = new MultisetDigest();
  const hash = new RowHash();
  for (const row of rows) {
    hash.reset();
    hash.update(row);
    digest.add(hash);
  }
  return digest;
}

describe("RowHash", () => {
  it.each(vectors)("agrees with the reference for $input", ({ input, hash }) => {
    expect(digestOf(Buffer.from(input, "hex"))).toBe(hash);
  });

  it("gives the same hash however a row is cut, also when the object served before", () => {
    const hash = new RowHash();
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 70 }), { maxLength: 8 }), (pieces) => {
        hash.reset();
        for (const piece of pieces) hash.update(piece);
        expect(hash.hex()).toBe(digestOf(Buffer.concat(pieces)));
      }),
    );
  });

  it("hashes the named range of a larger chunk", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), fc.nat(100), (bytes, a, b) => {
        const [start, end] = [Math.min(a, b, bytes.length), Math.min(Math.max(a, b), bytes.length)];
        const hash = new RowHash();
        hash.update(bytes, start, end);
        expect(hash.hex()).toBe(digestOf(bytes.slice(start, end)));
      }),
    );
  });

  it("hashes a string as its UTF-8 bytes", () => {
    expect(digestOf("Füße 日本語 🙂")).toBe(digestOf(new TextEncoder().encode("Füße 日本語 🙂")));
  });

  it("can be finished twice, and refuses bytes until it is reset", () => {
    const hash = new RowHash();
    hash.update(Buffer.from("row"));
    hash.finish();
    hash.finish();
    expect(hash.hex()).toBe(digestOf("row"));
    expect(() => hash.update(Buffer.from("more"))).toThrow(/reset/);
  });
});

describe("MultisetDigest", () => {
  const rowsOfBytes = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 });

  it("is the count and the sum of the row hashes mod 2^128", () => {
    fc.assert(
      fc.property(rowsOfBytes, (rows) => {
        const sum = rows.reduce((total, row) => total + BigInt(`0x${digestOf(row)}`), 0n) % (1n << 128n);
        expect(digestOfRows(rows).toString()).toBe(`${rows.length}:${sum.toString(16).padStart(32, "0")}`);
      }),
    );
  });

  it("does not depend on the order of the rows", () => {
    const shuffled = rowsOfBytes.chain((rows) =>
      fc.tuple(fc.constant(rows), fc.shuffledSubarray(rows, { minLength: rows.length })),
    );
    fc.assert(
      fc.property(shuffled, ([rows, other]) => {
        expect(digestOfRows(other).toString()).toBe(digestOfRows(rows).toString());
      }),
    );
  });

  it("shows a doubled row, a lost row and a changed row, also at an equal count", () => {
    const sumOf = (rows: readonly string[]) => digestOfRows(rows.map((row) => Buffer.from(row))).toString();
    expect(sumOf(["a", "b", "b"])).not.toBe(sumOf(["a", "a", "b"]));
    expect(sumOf(["a", "a"])).not.toBe(sumOf(["b", "b"]));
    expect(sumOf(["a", "a"])).not.toBe(sumOf([]));
    expect(sumOf(["a", "b"])).not.toBe(sumOf(["a", "c"]));
    expect(sumOf(["ab", "c"])).not.toBe(sumOf(["a", "bc"]));
  });

  it("merges to what the rows together give", () => {
    fc.assert(
      fc.property(rowsOfBytes, rowsOfBytes, (left, right) => {
        const merged = digestOfRows(left);
        merged.merge(digestOfRows(right));
        expect(merged.toString()).toBe(digestOfRows([...left, ...right]).toString());
        expect(merged.count).toBe(left.length + right.length);
      }),
    );
  });
});
