import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { BackupError, type Bytes, type Inspection } from "@sutazai/backup-core";
import { readTar, writeTar, type TarInput } from "@sutazai/backup-formats";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { readContent, type DataContent } from "../src/data/content.ts";
import { asDamage } from "../src/data/database-file.ts";
import { extract } from "../src/data/extract.ts";
import { Room } from "../src/data/room.ts";
import { chromadbAdapter } from "../src/index.ts";

// Of a real server: 44 records for cosine, 46 changes of which are in the saved index and one in the queue, and 15 that are queued alone.
const fixture = new URL("fixtures/data.tar.gz", import.meta.url);
let entries: readonly (TarInput & { readonly content: Buffer })[];
beforeAll(async () => {
  const read: (TarInput & { content: Buffer })[] = [];
  for await (const entry of readTar(once(gunzipSync(await readFile(fixture))))) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of entry.content) chunks.push(chunk);
    read.push({ ...entry, content: Buffer.concat(chunks) });
  }
  entries = read;
});

async function* once(bytes: Uint8Array): Bytes {
  yield bytes;
}

const inspect = (name: string, content: Bytes): Promise<Inspection> =>
  chromadbAdapter().inspectArtifact(name, content, { details: null, signal: new AbortController().signal });

/** What an inspection comes to, without the process that it reads in. */
async function read(archive: Bytes): Promise<DataContent> {
  const directory = await mkdtemp(join(tmpdir(), "chromadb-test-"));
  try {
    return await readContent(await extract(archive, directory, new AbortController().signal));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The archive with the content of some files changed; undefined leaves a file out. */
function changed(name: RegExp, change: (content: Buffer) => Buffer | undefined): Bytes {
  return writeTar(
    entries.flatMap((entry) => {
      if (entry.type !== "file" || !name.test(entry.name)) return [entry];
      const content = change(Buffer.from(entry.content));
      return content === undefined ? [] : [{ ...entry, content, size: content.length }];
    }),
  );
}

/** The archive with its database changed by SQL. */
async function altered(sql: string): Promise<Bytes> {
  const directory = await mkdtemp(join(tmpdir(), "chromadb-test-"));
  try {
    const path = join(directory, "altered.sqlite3");
    await writeFile(path, entries.find(({ name }) => name === "chroma.sqlite3")?.content ?? "");
    const database = new DatabaseSync(path);
    database.exec(sql);
    database.close();
    const content = await readFile(path);
    return changed(/^chroma\.sqlite3$/, () => content);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const saved = "2ad14c5f-[-0-9a-f]+";
const cut = (content: Buffer) => content.subarray(0, content.length - 1);
const half = (content: Buffer) => content.subarray(0, content.length >> 1);
const set = (offset: number, value: number) => (content: Buffer) => {
  content.writeUInt8(value, offset);
  return content;
};

test("a copy of a real server tells its records and vectors, saved and queued", async () => {
  const { facts } = await inspect("data.tar", writeTar(entries));
  const prefix = "collection:default_tenant/default_database";
  expect(facts).toMatchObject({
    "database:default_tenant/default_database": { exact: true },
    [`${prefix}/saved/records`]: { exact: 44 },
    [`${prefix}/saved/vectors`]: { exact: 44 },
    [`${prefix}/saved/vectors/sum-1`]: { bounds: [expect.any(Number), expect.any(Number)] },
    [`${prefix}/queued/records`]: { exact: 15 },
    [`${prefix}/queued/vectors`]: { exact: expect.stringMatching(/^15:[0-9a-f]{32}$/) },
  });
});

describe("what it is unpacked into", () => {
  let scratch: string;
  beforeEach(async () => {
    scratch = await mkdtemp(join(tmpdir(), "chromadb-test-"));
  });
  afterEach(() => rm(scratch, { recursive: true, force: true }));

  test("is the directory given, and empty afterwards", async () => {
    const context = { details: null, signal: new AbortController().signal, scratch };
    const seen = new Set<string>();
    async function* watched(): Bytes {
      for await (const chunk of writeTar(entries)) {
        for (const name of await readdir(scratch, { recursive: true })) seen.add(basename(name));
        yield chunk;
      }
    }
    await chromadbAdapter().inspectArtifact("data.tar", watched(), context);
    expect([...seen]).toContain("chroma.sqlite3");
    const cutOff = (async function* () {
      for await (const chunk of writeTar(entries)) {
        yield chunk;
        throw new BackupError("corrupt", "cut off");
      }
    })();
    await expect(chromadbAdapter().inspectArtifact("data.tar", cutOff, context)).rejects.toThrow("cut off");
    expect(await readdir(scratch)).toEqual([]);
  });

  test("is refused beforehand where it does not fit, and nothing is read", async () => {
    let asked = 0;
    const untouched: Bytes = (async function* () {
      asked += 1;
      yield Buffer.alloc(512);
    })();
    const context = { details: null, signal: new AbortController().signal, scratch, bytes: 2 ** 60 };
    await expect(chromadbAdapter().inspectArtifact("data.tar", untouched, context)).rejects.toMatchObject({
      reason: "no-space",
      hint: expect.stringContaining("stateDirectory"),
    });
    expect(asked).toBe(0);
  });

  test("is looked at as it fills", async () => {
    const room = new Room(scratch);
    for (let count = 0; count < 1_000; count++) await room.take(16);
    await expect(room.take(2 ** 60)).rejects.toMatchObject({ reason: "no-space" });
  });

  test("being too small for what SQLite writes there is no damage of the backup", async () => {
    using database = new DatabaseSync(join(scratch, "small.sqlite3"));
    database.exec("PRAGMA max_page_count = 2");
    const filling = (async () => database.exec("CREATE TABLE t AS SELECT zeroblob(100000)"))();
    expect(await filling.catch(asDamage)).toMatchObject({ reason: "no-space", cause: expect.any(Error) });
  });
});

describe("the process that it is read in", () => {
  test("is ended by the signal, however long SQLite would still compute, and nothing else waits for it meanwhile", async () => {
    // Each term compares a million places with half a million letters.
    const terms = Array.from({ length: 50 }, (_, at) => `instr(x, y || '${at}') = 0`).join(" AND ");
    const archive = await altered(`PRAGMA ignore_check_constraints = ON; CREATE TABLE slow (x, y, CHECK (${terms}));
      INSERT INTO slow VALUES (printf('%.*c', 1000000, 'a'), printf('%.*c', 500000, 'a') || 'b')`);
    const controller = new AbortController();
    const attempt = chromadbAdapter().inspectArtifact("data.tar", archive, {
      details: null,
      signal: controller.signal,
    });
    const aborting = (async () => {
      for (let turn = 0; turn < 100; turn++) await sleep(10);
      controller.abort();
    })();
    await expect(attempt).rejects.toMatchObject({ reason: "cancelled" });
    await aborting;
  });

  test("that dies says nothing about the backup", async () => {
    // Another one than what waits for orders already.
    vi.resetModules();
    vi.stubEnv("NODE_OPTIONS", "--no-such-option");
    try {
      const { readApart } = await import("../src/data/reading.ts");
      const nothing = { directory: tmpdir(), sizes: new Map<string, number>(), entries: "" };
      await expect(readApart("content", nothing, new AbortController().signal)).rejects.toMatchObject({
        reason: "tool-failed",
        message: expect.stringContaining("--no-such-option"),
        hint: expect.any(String),
      });
    } finally {
      vi.unstubAllEnvs();
    }
  });
});

describe("what the server would count as if it were whole", () => {
  test.each<[string, RegExp, (content: Buffer) => Buffer | undefined]>([
    ["no SQLite file", /^chroma\.sqlite3$/, () => undefined],
    ["half a SQLite file", /^chroma\.sqlite3$/, half],
    ["no database", /^chroma\.sqlite3$/, () => Buffer.from("SQLite format 3\0 nonsense")],
    ["a torn page", /^chroma\.sqlite3$/, (content) => content.fill(0x5a, 40_960, 45_056)],
    ["no header of the vectors", new RegExp(`${saved}/header.bin`), () => undefined],
    ["a cut header", new RegExp(`${saved}/header.bin`), cut],
    ["a header of another format", new RegExp(`${saved}/header.bin`), set(0, 2)],
    ["a header of fewer elements", new RegExp(`${saved}/header.bin`), set(20, 40)],
    ["a header of more elements", new RegExp(`${saved}/header.bin`), set(20, 60)],
    ["a header of 2^60 elements", new RegExp(`${saved}/header.bin`), set(27, 16)],
    ["a header of huge elements", new RegExp(`${saved}/header.bin`), set(33, 255)],
    ["no vectors", new RegExp(`${saved}/data_level0.bin`), () => undefined],
    ["torn vectors", new RegExp(`${saved}/data_level0.bin`), (content) => content.subarray(0, 152 * 44)],
    ["no lengths", new RegExp(`${saved}/length.bin`), () => undefined],
    ["torn lengths", new RegExp(`${saved}/length.bin`), (content) => content.subarray(0, 100)],
    ["torn links", new RegExp(`${saved}/link_lists.bin`), cut],
    ["no ids of the vectors", new RegExp(`${saved}/index_metadata.pickle`), () => undefined],
    ["torn ids", new RegExp(`${saved}/index_metadata.pickle`), half],
    ["ids cut by a byte", new RegExp(`${saved}/index_metadata.pickle`), cut],
    ["ids that would run something", new RegExp(`${saved}/index_metadata.pickle`), () => Buffer.from("cos\nsystem\n.")],
    ["a journal of several databases", /^nothing$/, half],
  ])("%s is corrupt", async (what, name, change) => {
    const journal = {
      name: "chroma.sqlite3-journal",
      content: Buffer.concat([Buffer.alloc(512), Buffer.from("/etc/passwd"), Buffer.from("d9d505f920a163d7", "hex")]),
    };
    const archive = /journal/.test(what) ? writeTar([...entries, journal]) : changed(name, change);
    await expect(read(archive)).rejects.toMatchObject({ reason: "corrupt", hint: expect.any(String) });
  });

  test("a schema that would run for ever is not asked", async () => {
    const archive = await altered(`ALTER TABLE max_seq_id RENAME TO old;
      CREATE VIEW max_seq_id AS WITH RECURSIVE n(seq_id) AS (SELECT 1 UNION ALL SELECT seq_id + 1 FROM n) SELECT 'x' AS segment_id, seq_id FROM n`);
    await expect(inspect("data.tar", archive)).rejects.toMatchObject({ reason: "corrupt" });
  });
});

describe("an export", () => {
  const name = "collections/default_tenant/default_database/x.jsonl";
  const head = `{"format":"chromadb-export","version":1,"tenant":"t","database":"d","collection":{"name":"x","metadata":null,"configuration_json":{"hnsw":{"space":"l2"}},"schema":null}}\n`;
  const record = `{"id":"a\\",\\"embedding\\":[1]","embedding":[1,2.5e-7],"document":"d","metadata":{"__proto__":1.0,"n":9007199254740993},"uri":null}\n`;

  test("tells its facts, numbers to the last digit", async () => {
    const first = await inspect(name, once(Buffer.from(`${head}${record}{"records":1}\n`)));
    expect(first.facts["collection:t/d/x/records"]).toEqual({ exact: 1 });
    for (const [from, to] of [
      ["1.0", "1"],
      ["9007199254740993", "9007199254740992"],
      ["__proto__", "__proto"],
      ["2.5e-7", "2.6e-7"],
    ] as const) {
      const other = await inspect(name, once(Buffer.from(`${head}${record.replace(from, to)}{"records":1}\n`)));
      expect(other.facts, from).not.toEqual(first.facts);
    }
  });

  test.each([
    ["nothing", ""],
    ["its head alone", head],
    ["no last line", `${head}${record}`],
    ["a last line that is cut", `${head}${record}{"records":1}`],
    ["fewer records than it says", `${head}${record}{"records":2}\n`],
    ["something behind its end", `${head}${record}{"records":1}\n${record}`],
    ["a vector that is none", `${head}${record.replace("2.5e-7", "2.5e")}{"records":1}\n`],
    ["a field too many", `${head}${record.replace('"uri"', '"x":1,"uri"')}{"records":1}\n`],
    ["a head of a later version", `${head.replace('"version":1', '"version":2')}{"records":0}\n`],
  ])("with %s is corrupt", async (_, text) => {
    const attempt = inspect(name, once(Buffer.from(text)));
    await expect(attempt).rejects.toMatchObject({ reason: "corrupt", details: { offset: expect.any(Number) } });
  });
});

test("artifacts that there are not are told", async () => {
  await expect(inspect("other.tar", once(Buffer.alloc(0)))).rejects.toMatchObject({ reason: "not-found" });
});
