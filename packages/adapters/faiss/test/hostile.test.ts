import { isBackupError } from "@sutazai/backup-core";
import { writeTar, type TarInput } from "@sutazai/backup-formats";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ElementCount } from "../src/companion.ts";
import { FileSet } from "../src/file-set.ts";
import { IndexFile } from "../src/index-file/index-file.ts";
import { indexTypes } from "../src/index-file/types.ts";
import { inspectArtifact } from "../src/inspect.ts";
import { rulesOf } from "../src/options.ts";

const rules = rulesOf({ directory: "/data" });
const signal = new AbortController().signal;

const number32 = fc.oneof(fc.integer(), fc.constantFrom(0, 1, 2, -1, 0x7fffffff, -0x80000000));
const number64 = fc.oneof(
  fc.bigInt({ min: 0n, max: 300n }),
  fc.constantFrom(-1n, 2n ** 31n, 2n ** 50n, 2n ** 53n, 2n ** 60n, 2n ** 63n - 1n, 1n << 20n),
);
const part = fc.oneof(
  number32.map((value) => Buffer.from(Int32Array.of(value).buffer)),
  number64.map((value) => Buffer.from(BigInt64Array.of(BigInt.asIntN(64, value)).buffer)),
  fc
    .constantFrom(...indexTypes.keys(), "null", "ilar", "il00", "full", "sprs", "rrot", "PcAm", "VNrm", "QQQQ")
    .map((code) => Buffer.from(code, "latin1")),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
);

/** A header as the library writes it, for any type. */
function header(code: string, vectors: bigint = 3n): Buffer {
  const isBinary = indexTypes.get(code)?.name.startsWith("Binary") === true;
  const start = [Buffer.from(code, "latin1"), Buffer.from(Int32Array.of(isBinary ? 16 : 4).buffer)];
  const count = Buffer.from(BigInt64Array.of(BigInt.asIntN(64, vectors)).buffer);
  const reserved = Buffer.from(BigInt64Array.of(1n << 20n).buffer);
  const end = [Buffer.of(1), Buffer.from(Int32Array.of(1).buffer)];
  return isBinary
    ? Buffer.concat([...start, Buffer.from(Int32Array.of(2).buffer), count, ...end])
    : Buffer.concat([...start, count, reserved, reserved, ...end]);
}

const files = fc
  .tuple(fc.option(fc.constantFrom(...indexTypes.keys())), number64, fc.array(part, { maxLength: 30 }))
  .map(([code, vectors, parts]) => Buffer.concat([...(code === null ? [] : [header(code, vectors)]), ...parts]));

function read(file: Uint8Array, pieces: number): ReturnType<IndexFile["end"]> {
  const index = new IndexFile();
  for (let at = 0; at < file.length; at += pieces) index.write(file.subarray(at, at + pieces));
  return index.end(true);
}

describe("a hostile index", () => {
  test("of any header and any lengths is told for what it is, alike however it is cut", () => {
    const states = new Set<string | undefined>();
    fc.assert(
      fc.property(files, fc.integer({ min: 1, max: 64 }), (file, pieces) => {
        const facts = read(file, pieces);
        expect(read(file, file.length + 1)).toEqual(facts);
        expect(["whole", "opaque", "torn", "trailing"]).toContain(facts?.state);
        states.add(facts?.state);
      }),
      { numRuns: 5_000 },
    );
    expect(states.size).toBeGreaterThan(1);
  });

  test.each([...indexTypes.keys()])("of type %s that claims 2^50 of everything ends with its bytes", (code) => {
    for (const filling of [Buffer.from(BigInt64Array.of(1n << 50n).buffer), Buffer.alloc(8, 0xff), Buffer.alloc(8)]) {
      const file = Buffer.concat([header(code), ...Array.from({ length: 2_000 }, () => filling)]);
      expect(["opaque", "torn", "trailing", "whole"]).toContain(read(file, 1_000)?.state);
    }
  });

  test("of indexes within indexes is given up, however deep", () => {
    for (const code of ["IxMp", "IxPT", "IxRF"]) {
      const between = code === "IxPT" ? Buffer.alloc(4) : Buffer.alloc(0);
      const file = Buffer.concat(Array.from({ length: 100_000 }, () => Buffer.concat([header(code), between])));
      expect(read(file, 65_536)?.state).toBe("torn");
    }
  });
});

describe("a hostile set", () => {
  async function outcomeOf(entries: readonly TarInput[]): Promise<string> {
    try {
      await inspectArtifact("data.tar", writeTar(entries), rules, { signal });
      return "read";
    } catch (error) {
      if (isBackupError(error)) return error.reason;
      throw error;
    }
  }

  test("of any files is read, or refused", async () => {
    const names = fc.constantFrom(
      "a.index",
      "a.faiss",
      "a.ids.json",
      "a.json",
      "d/b.index",
      "__proto__",
      "constructor.index",
    );
    const content = fc.oneof(
      files,
      fc.json().map((json) => Buffer.from(json)),
    );
    const entries = fc.uniqueArray(fc.record({ name: names, content }), { selector: ({ name }) => name, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(entries, async (all) => {
        expect(await outcomeOf(all)).toBe("read");
      }),
      { numRuns: 300 },
    );
  });

  test("of indexes without number is refused before their facts fill the memory", async () => {
    const set = new FileSet(rules);
    const content = header("IxF2");
    const entry = { type: "file", size: content.length, mode: 0o600, uid: 0, gid: 0, mtime: new Date(0) } as const;
    async function* bytes(): AsyncGenerator<Uint8Array> {
      yield content;
    }
    let passed = 0;
    const passing = async (): Promise<void> => {
      for (;;) {
        for await (const _ of set.pass({ ...entry, name: `${passed}.index`, content: bytes() }));
        passed += 1;
      }
    };
    await expect(passing()).rejects.toMatchObject({ reason: "unsupported", hint: expect.any(String) });
    expect(passed).toBe(100_000);
  }, 60_000);

  test("has the elements of any JSON counted as a parser counts them", () => {
    fc.assert(
      fc.property(fc.json(), fc.integer({ min: 1, max: 9 }), (json, pieces) => {
        const counter = new ElementCount();
        const bytes = Buffer.from(json);
        for (let at = 0; at < bytes.length; at += pieces) counter.write(bytes.subarray(at, at + pieces));
        const value: unknown = JSON.parse(json);
        const isCounted = typeof value === "object" && value !== null;
        expect(counter.end()).toBe(isCounted ? Object.keys(value).length : undefined);
      }),
      { numRuns: 1_000 },
    );
  });

  test("has nesting without an end counted, not followed", () => {
    const counter = new ElementCount();
    const chunk = Buffer.alloc(1024 * 1024, "[");
    for (let count = 0; count < 16; count++) counter.write(chunk);
    expect(counter.end()).toBeUndefined();
  });
});
