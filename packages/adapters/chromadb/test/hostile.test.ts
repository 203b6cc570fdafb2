import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { isBackupError, type Bytes } from "@sutazai/backup-core";
import { readTar, writeTar, type TarInput } from "@sutazai/backup-formats";
import { byteChanges, changedBytes } from "@sutazai/backup-testkit";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { readContent } from "../src/data/content.ts";
import { extract } from "../src/data/extract.ts";
import { headerLength, readHnswHeader } from "../src/data/hnsw-header.ts";
import { readHnsw } from "../src/data/hnsw.ts";
import { readIdMap } from "../src/data/id-map.ts";
import { chromadbAdapter } from "../src/index.ts";

const mebibyte = 1024 * 1024;
const never = new AbortController().signal;
const segment = "2ad14c5f";

let work: string;
let archive: Buffer;
let entries: readonly (TarInput & { readonly content: Buffer })[];
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), "chromadb-hostile-"));
  archive = gunzipSync(await readFile(new URL("fixtures/data.tar.gz", import.meta.url)));
  const read: (TarInput & { content: Buffer })[] = [];
  for await (const entry of readTar(piecesOf(archive, 65_536))) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of entry.content) chunks.push(chunk);
    read.push({ ...entry, content: Buffer.concat(chunks) });
  }
  entries = read;
});
afterAll(() => rm(work, { recursive: true, force: true }));

async function* piecesOf(bytes: Uint8Array, size: number): AsyncGenerator<Buffer, void, undefined> {
  for (let at = 0; at < bytes.length; at += size) yield Buffer.from(bytes.subarray(at, at + size));
}

/** The content of the file of the saved index whose name ends so. */
function saved(name: string): Buffer {
  const found = entries.find((entry) => entry.name.includes(segment) && entry.name.endsWith(name));
  return Buffer.from(found?.content ?? Buffer.alloc(0));
}

/** What reading comes to: a result, or the reason why it was refused. Anything but a BackupError fails the test. */
async function outcomeOf<Result>(read: () => Promise<Result>): Promise<Result | string> {
  try {
    return await read();
  } catch (error) {
    if (isBackupError(error)) return error.reason;
    throw error;
  }
}

const reasonOf = (outcome: unknown): string => (typeof outcome === "string" ? outcome : "read");

const lies = fc.constantFrom(
  Buffer.from([0]),
  Buffer.from([0xff]),
  Buffer.from([0xff, 0xff, 0xff, 0xff]),
  Buffer.from([0xff, 0xff, 0xff, 0x7f]),
  Buffer.alloc(8, 0xff),
  Buffer.from([0, 0, 0, 0, 0, 0, 0, 0x10]),
  Buffer.from([0, 0, 0, 0, 1, 0, 0, 0]),
  Buffer.from("X\xff\xff\xff\xff", "latin1"),
  Buffer.from("X\x04\0\0\0more", "latin1"),
  Buffer.from("\x8a\xff", "latin1"),
  Buffer.from("}"),
  Buffer.from("."),
  Buffer.from("(K\x01u", "latin1"),
);
const changes = fc.array(fc.tuple(fc.nat(), fc.constantFrom(...byteChanges), fc.nat(100), lies), {
  minLength: 1,
  maxLength: 3,
});

describe("hostile ids of vectors", () => {
  const idsIn = async (bytes: Uint8Array, size: number) => {
    const found: (readonly [string, number])[] = [];
    for await (const pair of readIdMap(piecesOf(bytes, size), segment)) found.push(pair);
    return found;
  };

  test("of any change are refused, or read alike however they are cut", async () => {
    const pickle = saved("index_metadata.pickle");
    expect(await idsIn(pickle, 7)).toHaveLength(44);
    let read = 0;
    await fc.assert(
      fc.asyncProperty(changes, fc.integer({ min: 1, max: 500 }), async (all, size) => {
        const bytes = changedBytes(pickle, all);
        const whole = await outcomeOf(() => idsIn(bytes, bytes.length + 1));
        expect(["read", "corrupt"]).toContain(reasonOf(whole));
        if (typeof whole !== "string") read += 1;
        expect(await outcomeOf(() => idsIn(bytes, size))).toEqual(whole);
      }),
      { numRuns: 500 },
    );
    expect(read).toBeGreaterThan(0);
  });

  test("of any bytes are refused, or read alike however they are cut", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(lies, fc.uint8Array({ maxLength: 5 }))), fc.nat(5), async (parts, size) => {
        const bytes = Buffer.concat(parts);
        const whole = await outcomeOf(() => idsIn(bytes, bytes.length + 1));
        expect(["read", "corrupt"]).toContain(reasonOf(whole));
        expect(await outcomeOf(() => idsIn(bytes, size + 1))).toEqual(whole);
      }),
      { numRuns: 500 },
    );
  });

  test("with one of four gigabytes are refused before it is read", async () => {
    let asked = 0;
    async function* endless() {
      yield Buffer.from("X\xff\xff\xff\xff", "latin1");
      for (;;) {
        asked += 1;
        yield Buffer.alloc(mebibyte, "x");
      }
    }
    const reading = async () => {
      for await (const _ of readIdMap(endless(), segment));
    };
    expect(await outcomeOf(reading)).toBe("corrupt");
    expect(asked).toBe(0);
  });
});

describe("a hostile index", () => {
  const names = ["header.bin", "data_level0.bin", "length.bin", "link_lists.bin"] as const;
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(work, "hnsw-"));
    await mkdir(join(directory, segment));
  });

  test("of any change is refused, or has the elements that its header tells", async () => {
    const pristine = new Map(names.map((name) => [name, saved(name)]));
    let read = 0;
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names), changes, fc.boolean(), async (which, all, isCosine) => {
        const sizes = new Map<string, number>();
        for (const [name, content] of pristine) {
          const bytes = name === which ? changedBytes(content, all) : content;
          sizes.set(`${segment}/${name}`, bytes.length);
          await writeFile(join(directory, segment, name), bytes);
        }
        const outcome = await outcomeOf(async () => {
          let elements = 0;
          for await (const { vector } of readHnsw({ directory, sizes, entries: "" }, segment, isCosine)) {
            expect(vector.length).toBeLessThan(4 * mebibyte);
            elements += 1;
          }
          return elements;
        });
        expect(["read", "corrupt"]).toContain(reasonOf(outcome));
        if (typeof outcome === "string") return;
        read += 1;
        const header = readHnswHeader(await readFile(join(directory, segment, "header.bin")), segment);
        expect(outcome).toBe(header.elements);
      }),
      { numRuns: 150 },
    );
    expect(read).toBeGreaterThan(0);
  });

  test("has a header of any bytes that is refused, or says what fits together", async () => {
    const numbers = fc.array(fc.oneof(fc.bigInt(0n, 300n), fc.bigInt(0n, 2n ** 64n - 1n)), {
      minLength: 5,
      maxLength: 5,
    });
    const bytes = fc.uint8Array({ minLength: headerLength, maxLength: headerLength });
    await fc.assert(
      fc.asyncProperty(bytes, numbers, async (random, all) => {
        const header = Buffer.from(random);
        header.writeUInt32LE(1, 0);
        for (const [at, number] of all.entries()) header.writeBigUInt64LE(number, 12 + at * 8);
        const outcome = await outcomeOf(async () => readHnswHeader(header, segment));
        expect(["read", "corrupt"]).toContain(reasonOf(outcome));
        if (typeof outcome === "string") return;
        const { elements, maxElements, elementLength, vectorOffset, labelOffset } = outcome;
        expect(elements).toBeLessThanOrEqual(maxElements);
        expect(elementLength).toBeLessThanOrEqual(16 * mebibyte);
        expect(labelOffset + 8).toBe(elementLength);
        expect(vectorOffset).toBeLessThanOrEqual(labelOffset);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("a hostile copy of the data directory", () => {
  const unpacked = async (bytes: Bytes) => {
    const place = await mkdtemp(join(work, "place-"));
    const directory = join(place, "within");
    await mkdir(directory);
    try {
      return await outcomeOf(async () => {
        const { sizes, entries: digest } = await extract(bytes, directory, never);
        return { sizes: [...sizes], digest };
      });
    } finally {
      expect(await readdir(place)).toEqual(["within"]);
      await rm(place, { recursive: true, force: true });
    }
  };

  test("of any change to its headers is refused, or unpacked alike however it is cut, and nowhere else", async () => {
    const headers = Array.from({ length: archive.length >> 9 }, (_, block) => block << 9).filter(
      (at) => archive.toString("latin1", at + 257, at + 262) === "ustar",
    );
    const structures = fc.constantFrom<[string | Buffer, number]>(
      ["77777777777\0", 124],
      [Buffer.from("800000001000000000000000", "hex"), 124],
      ["00000000000\0", 124],
      ["L", 156],
      ["S", 156],
      ["2", 156],
      ["5", 156],
      ["../escaped\0", 0],
      ["/etc/passwd\0", 0],
      ["chroma.sqlite3\0", 0],
      ["lost+found/x\0", 0],
    );
    const lying = fc.array(fc.tuple(fc.constantFrom(...headers), structures), { minLength: 1, maxLength: 3 });
    let read = 0;
    await fc.assert(
      fc.asyncProperty(lying, fc.integer({ min: 300, max: 70_000 }), async (all, size) => {
        const bytes = Buffer.from(archive);
        for (const [at, [lie, offset]] of all) {
          bytes.set(Buffer.from(lie), at + offset);
          mendSum(bytes.subarray(at, at + 512));
        }
        const whole = await unpacked(piecesOf(bytes, bytes.length));
        expect(["read", "corrupt", "unsupported"]).toContain(reasonOf(whole));
        if (typeof whole !== "string") read += 1;
        expect(await unpacked(piecesOf(bytes, size))).toEqual(whole);
      }),
      { numRuns: 60 },
    );
    expect(read).toBeGreaterThan(0);
  }, 60_000);

  test("whose files are of any content is refused, or read", async () => {
    const names = entries.filter(({ type }) => type === "file").map(({ name }) => name);
    let read = 0;
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names, "chroma.sqlite3"), changes, async (which, all) => {
        const files = entries.map((entry) => {
          const content = entry.name === which ? changedBytes(entry.content, all) : entry.content;
          return { ...entry, content, size: content.length };
        });
        const directory = await mkdtemp(join(work, "files-"));
        const outcome = await outcomeOf(async () => readContent(await extract(writeTar(files), directory, never)));
        await rm(directory, { recursive: true, force: true });
        expect(["read", "corrupt"]).toContain(reasonOf(outcome));
        if (typeof outcome !== "string") read += 1;
      }),
      { numRuns: 80 },
    );
    expect(read).toBeGreaterThan(0);
  }, 60_000);

  test.each([
    ["a number of the queue that is a text", "UPDATE max_seq_id SET seq_id = 'x'"],
    ["a number of the queue that is nothing", "UPDATE max_seq_id SET seq_id = NULL"],
    ["a number of the queue of a megabyte", "UPDATE max_seq_id SET seq_id = zeroblob(1000000)"],
    ["an id that is bytes", "UPDATE embeddings SET embedding_id = CAST(embedding_id AS BLOB)"],
    ["a value that is bytes", "UPDATE embedding_metadata SET string_value = x'00ff'"],
    ["a value that is no number", "UPDATE embedding_metadata SET float_value = 'x', string_value = NULL"],
    ["a queue of other things", "UPDATE embeddings_queue SET operation = 'x'"],
    ["a queue of nested metadata", `UPDATE embeddings_queue SET metadata = printf('%.*c', 200000, '[')`],
    ["a configuration of brackets", `UPDATE collections SET config_json_str = printf('%.*c', 200000, '[')`],
    ["a schema of a number", `UPDATE collections SET schema_str = '1'`],
    ["collections of no database", "UPDATE collections SET database_id = 'x'"],
    ["segments that lead elsewhere", "UPDATE segments SET id = '../../' || id"],
    ["tenants that are bytes", "UPDATE databases SET tenant_id = x'00ff'"],
  ])("with %s is refused, or read", async (_, sql) => {
    const { DatabaseSync } = await import("node:sqlite");
    const directory = await mkdtemp(join(work, "sql-"));
    await extract(writeTar(entries), directory, never);
    const path = join(directory, "chroma.sqlite3");
    const database = new DatabaseSync(path);
    database.exec(`PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF; ${sql}`);
    database.close();
    const content = await readFile(path);
    const files = entries.map((entry) =>
      entry.name === "chroma.sqlite3" ? { ...entry, content, size: content.length } : entry,
    );
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory);
    const outcome = await outcomeOf(async () => readContent(await extract(writeTar(files), directory, never)));
    expect(["read", "corrupt"]).toContain(reasonOf(outcome));
  });
});

/** Makes the sum of a header right again. */
function mendSum(block: Buffer): void {
  block.fill(" ", 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
}

describe("a hostile export", () => {
  const artifact = "collections/t/d/x.jsonl";
  const head = (space: string) =>
    `{"format":"chromadb-export","version":1,"tenant":"t","database":"d","collection":{"name":"x","metadata":null,"configuration_json":{"hnsw":{"space":"${space}"}},"schema":null}}\n`;
  const nested = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;
  const inspect = (bytes: Uint8Array, size: number) =>
    outcomeOf(() =>
      chromadbAdapter().inspectArtifact(artifact, piecesOf(bytes, size), { details: null, signal: never }),
    );

  test("of any lines is refused, or read alike however it is cut", async () => {
    const embedding = fc.oneof(
      fc.constantFrom("[]", "[1]", "[1e999]", "[-0.0,1e-400]", "[[1]]", "[1,]", "null", '"x"', "[,,,]", "[.]"),
      fc.array(fc.float({ noNaN: true, noDefaultInfinity: true })).map((all) => JSON.stringify(all)),
    );
    const record = fc
      .tuple(fc.string(), embedding, fc.jsonValue(), fc.oneof(fc.constant(null), fc.string()))
      .map(
        ([id, vector, metadata, document]) =>
          `{"id":${JSON.stringify(id)},"embedding":${vector},"document":${JSON.stringify(document)},"metadata":${JSON.stringify(metadata)},"uri":null}`,
      );
    const lines = fc.array(fc.oneof({ weight: 3, arbitrary: record }, fc.json(), fc.string()), { maxLength: 5 });
    let read = 0;
    await fc.assert(
      fc.asyncProperty(
        lines,
        fc.constantFrom("l2", "cosine"),
        fc.integer({ min: 1, max: 50 }),
        async (all, space, size) => {
          const bytes = Buffer.from(
            `${head(space)}${all.map((line) => `${line}\n`).join("")}{"records":${all.length}}\n`,
          );
          const outcome = await inspect(bytes, bytes.length);
          expect(["read", "corrupt"]).toContain(reasonOf(outcome));
          if (typeof outcome !== "string") read += 1;
          expect(await inspect(bytes, size)).toEqual(outcome);
        },
      ),
      { numRuns: 500 },
    );
    expect(read).toBeGreaterThan(0);
  });

  test("of flipped, lost, doubled or other bytes ends in order", async () => {
    const whole = Buffer.from(
      `${head("l2")}{"id":"a","embedding":[1,2.5e-7],"document":"d","metadata":{"n":9007199254740993},"uri":null}\n{"records":1}\n`,
    );
    expect(reasonOf(await inspect(whole, 7))).toBe("read");
    await fc.assert(
      fc.asyncProperty(changes, async (all) => {
        expect(["read", "corrupt"]).toContain(reasonOf(await inspect(changedBytes(whole, all), 64)));
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    [
      "metadata",
      `${head("l2")}{"id":"a","embedding":null,"document":null,"metadata":{"a":${nested(50_000)}},"uri":null}\n`,
    ],
    ["the configuration", head("l2").replace('{"space":"l2"}', nested(50_000))],
    ["the collection's metadata", head("l2").replace('"metadata":null', `"metadata":{"a":${nested(50_000)}}`)],
    ["a vector", `${head("l2")}{"id":"a","embedding":${nested(50_000)},"document":null,"metadata":null,"uri":null}\n`],
  ])("nested without an end in %s is corrupt, not a stack overflow", async (_, text) => {
    expect(await inspect(Buffer.from(text), 65_536)).toBe("corrupt");
  });

  test.each([1_000, 2_000, 3_000, 4_000, 5_000, 7_000])("nested %i deep is read or refused", async (levels) => {
    const metadata = `{"a":${nested(levels)}}`;
    const text = `${head("l2")}{"id":"a","embedding":null,"document":null,"metadata":${metadata},"uri":null}\n{"records":1}\n`;
    expect(["read", "corrupt"]).toContain(reasonOf(await inspect(Buffer.from(text), 65_536)));
  });
});

test("an artifact of any name, content and details ends in order", async () => {
  const names = fc.oneof(
    fc.constantFrom("data.tar", "catalog.json", "collections/t/d/x.jsonl", "collections/../x.jsonl", "__proto__"),
    fc.string(),
  );
  const contents = fc.oneof(
    fc.json().map((json) => Buffer.from(json)),
    fc.uint8Array(),
  );
  await fc.assert(
    fc.asyncProperty(names, contents, fc.jsonValue(), async (name, content, details) => {
      const context = { details: details as never, signal: never };
      const outcome = await outcomeOf(() => chromadbAdapter().inspectArtifact(name, piecesOf(content, 100), context));
      expect(["read", "corrupt", "not-found"]).toContain(reasonOf(outcome));
    }),
    { numRuns: 500 },
  );
});
