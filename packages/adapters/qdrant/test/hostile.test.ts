import { readFileSync } from "node:fs";
import { isBackupError, type Bytes, type Inspection, type Json } from "@sutazai/backup-core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { qdrantAdapter } from "../src/index.ts";
import { readSnapshot } from "../src/snapshot/content.ts";

const fixtures = new URL("../../../../tests/fixtures/qdrant/bodies/", import.meta.url);
const products = readFileSync(new URL("products.snapshot", fixtures));
const adapter = qdrantAdapter({ name: "db", url: "http://127.0.0.1:1" });
const mebibyte = 1024 * 1024;

async function* chunksOf(bytes: Uint8Array, size: number): Bytes {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** The facts, or the reason why there are none. Anything but a BackupError fails the test. */
async function outcomeOf(artifact: string, content: Bytes, details: Json = null): Promise<Inspection | string> {
  try {
    return await adapter.inspectArtifact(artifact, content, { details, signal: new AbortController().signal });
  } catch (error) {
    if (isBackupError(error)) return error.reason;
    throw error;
  }
}

const reasonOf = (outcome: Inspection | string) => (typeof outcome === "string" ? outcome : "read");

/** With every header's sum made right again. */
function mended(bytes: Buffer): Buffer {
  for (let start = 0; start + 512 <= bytes.length; start += 512) {
    const block = bytes.subarray(start, start + 512);
    if (block.toString("latin1", 257, 262) !== "ustar") continue;
    block.fill(" ", 148, 156);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  }
  return bytes;
}

function header(name: string, size: number | Buffer, type: string = "0"): Buffer {
  const block = Buffer.alloc(512);
  block.write(name, 0, "latin1");
  if (typeof size === "number") block.write(`${size.toString(8).padStart(11, "0")}\0`, 124, "latin1");
  else block.set(size, 124);
  block.write(type, 156, "latin1");
  block.write("ustar  \0", 257, "latin1");
  return mended(block);
}

/** Where the headers are: what is changed there is structure. */
const headers = Array.from({ length: Math.floor(products.length / 512) }, (_, index) => index * 512).filter(
  (at) => products.toString("latin1", at + 257, at + 262) === "ustar",
);
const lies = fc.constantFrom(
  ["77777777777\0", 124],
  ["20000000000\0", 124],
  [Buffer.from("800000001000000000000000", "hex"), 124],
  [Buffer.from("80000000001fffffffffffff", "hex"), 124],
  [Buffer.alloc(12, 0xff), 124],
  ["00000000000\0", 124],
  ["S", 156],
  ["L", 156],
  ["1", 156],
  ["2", 156],
  ["3", 156],
  ["../../etc/passwd\0", 0],
  ["/etc/passwd\0", 0],
  ["config.json\0", 0],
  ["0/segments/x.tar\0", 0],
  [Buffer.alloc(24, 0xff), 386],
  ["\x01", 482],
) as fc.Arbitrary<[string | Buffer, number]>;

describe("a hostile snapshot", () => {
  test("of any changed headers is refused, or read alike however it is cut", async () => {
    const changes = fc.array(fc.tuple(fc.constantFrom(...headers), lies), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(changes, fc.integer({ min: 300, max: 70_000 }), async (all, size) => {
        const bytes = Buffer.from(products);
        for (const [at, [lie, offset]] of all) bytes.set(Buffer.from(lie), at + offset);
        mended(bytes);
        const whole = await outcomeOf("collections/a.snapshot", chunksOf(bytes, bytes.length));
        expect(["read", "corrupt"]).toContain(reasonOf(whole));
        expect(await outcomeOf("collections/a.snapshot", chunksOf(bytes, size))).toEqual(whole);
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  test("of flipped, lost or doubled pieces ends in order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(products.length), fc.nat(products.length), fc.boolean(), async (from, to, mend) => {
        // Where `to` comes before `from`, a piece is there twice.
        const bytes = Buffer.concat([products.subarray(0, from), products.subarray(to)]);
        const outcome = await outcomeOf("collections/a.snapshot", chunksOf(mend ? mended(bytes) : bytes, 65_536));
        expect(["read", "corrupt"]).toContain(reasonOf(outcome));
      }),
      { numRuns: 100 },
    );
  }, 60_000);

  test.each([
    ["a file of 2^60 bytes", header("data", Buffer.from("800000001000000000000000", "hex"))],
    ["a JSON file of 4 GiB", header("config.json", 2 ** 32)],
    ["a name of 4 GiB", header("x", 2 ** 32, "L")],
    ["a link", header("x", 0, "2")],
    ["a device", header("x", 0, "3")],
    ["a name that leads elsewhere", header("../x", 0)],
    [
      "a segment that ends before its header does",
      Buffer.concat([header("0/segments/s.tar", 512), header("n", 600, "L"), Buffer.alloc(1024, "n")]),
    ],
  ])("with %s is refused at once", (_, bytes) => {
    const reading = readSnapshot();
    expect(() => {
      reading.write(bytes);
      reading.write(Buffer.alloc(1024));
      reading.end();
    }).toThrow(expect.objectContaining({ reason: "corrupt" }));
  });

  test("of files without number is refused before their names fill the memory, and JSON is not kept", () => {
    const reading = readSnapshot();
    const json = Buffer.from(`"${"x".repeat(mebibyte - 2)}"`);
    const before = process.memoryUsage().heapUsed;
    for (let index = 0; index < 200; index++)
      reading.write(Buffer.concat([header(`${index}.json`, json.length), json]));
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(100 * mebibyte);
    let files = 0;
    expect(() => {
      for (;;) {
        const name = Buffer.alloc(4_096, "n");
        name.write(String(files++));
        reading.write(Buffer.concat([header("L", name.length, "L"), name, header("n", 0)]));
      }
    }).toThrow(expect.objectContaining({ reason: "corrupt", message: expect.stringContaining("more files") }));
    expect(files).toBeLessThan(20_000);
  });
});

describe("a hostile export", () => {
  const artifact = "collections/a.jsonl";
  const head = '{"collection":"a","version":"1.19.0","config":{"params":{"vectors":{}}},"payload_schema":{}}\n';
  const nested = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;
  const whole = `${head}{"id":1,"payload":{"a":[1.5,{"b":null}]},"vector":{"t":[1,2],"s":{"indices":[7],"values":[0.5]}}}\n{"points":1}\n`;

  test("of any lines is refused, or read alike however it is cut", async () => {
    const id = fc.constantFrom<unknown>(1, "x", -1, 2 ** 60, 1e300, null, [], {}, true);
    const vector = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom<unknown>([], [[]], { "": [] }, { indices: [1], values: [] }, { indices: [2, 1], values: [1, 2] }),
    );
    const point = fc.record({ id, vector, payload: fc.jsonValue() }).map((value) => JSON.stringify(value));
    const lines = fc.array(fc.oneof(point, fc.json(), fc.string()), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(lines, fc.integer({ min: 1, max: 50 }), async (all, size) => {
        const bytes = Buffer.from(`${head}${all.map((line) => `${line}\n`).join("")}{"points":${all.length}}\n`);
        const outcome = await outcomeOf(artifact, chunksOf(bytes, bytes.length));
        expect(["read", "corrupt"]).toContain(reasonOf(outcome));
        expect(await outcomeOf(artifact, chunksOf(bytes, size))).toEqual(outcome);
      }),
      { numRuns: 500 },
    );
  });

  test("of flipped, lost, doubled or other bytes ends in order", async () => {
    const bytes = Buffer.from(whole);
    expect(reasonOf(await outcomeOf(artifact, chunksOf(bytes, 7)))).toBe("read");
    await fc.assert(
      fc.asyncProperty(
        fc.nat(bytes.length),
        fc.nat(bytes.length),
        fc.uint8Array({ maxLength: 4 }),
        async (from, to, between) => {
          const changed = Buffer.concat([bytes.subarray(0, from), between, bytes.subarray(to)]);
          expect(["read", "corrupt"]).toContain(reasonOf(await outcomeOf(artifact, chunksOf(changed, 64))));
        },
      ),
      { numRuns: 500 },
    );
  });

  test.each([
    ["a payload", `${head}{"id":1,"payload":${nested(50_000)}}\n{"points":1}\n`],
    [
      "a payload with large numbers",
      `${head}{"id":1,"payload":[18446744073709551615,${nested(50_000)}]}\n{"points":1}\n`,
    ],
    ["a vector", `${head}{"id":1,"vector":${nested(50_000)}}\n{"points":1}\n`],
    ["the configuration", `${head.replace('{"vectors":{}}', `{"vectors":${nested(50_000)}}`)}{"points":0}\n`],
    [
      "the payload schema",
      `${head.replace('"payload_schema":{}', `"payload_schema":{"f":{"data_type":"x","params":${nested(50_000)}}}`)}{"points":0}\n`,
    ],
  ])("nested without an end in %s is corrupt, not a stack overflow", async (_, text) => {
    expect(await outcomeOf(artifact, chunksOf(Buffer.from(text), 65_536))).toBe("corrupt");
  });

  test("nested as deeply as the server takes it is read", async () => {
    const text = `${head}{"id":1,"payload":{"a":${nested(126)}}}\n{"points":1}\n`;
    expect(reasonOf(await outcomeOf(artifact, chunksOf(Buffer.from(text), 65_536)))).toBe("read");
  });

  test("of a line without an end is refused before it fills the memory", async () => {
    let asked = 0;
    async function* endless(): Bytes {
      yield Buffer.from(head);
      for (;;) {
        asked += 1;
        yield Buffer.alloc(mebibyte, "x");
      }
    }
    expect(await outcomeOf(artifact, endless())).toBe("corrupt");
    expect(asked).toBeLessThan(70);
  });

  test("with wrong values without number makes no complaint of each", async () => {
    const wrong = Object.fromEntries(Array.from({ length: 200_000 }, (_, index) => [`f${index}`, 0]));
    const text = head.replace('"payload_schema":{}', `"payload_schema":${JSON.stringify(wrong)}`);
    expect(await outcomeOf(artifact, chunksOf(Buffer.from(text), 65_536))).toBe("corrupt");
    const inventory = JSON.stringify({
      version: "1",
      cluster: null,
      aliases: wrong,
      collections: Object.values(wrong),
    });
    expect(await outcomeOf("collections.json", chunksOf(Buffer.from(inventory), 65_536))).toBe("corrupt");
  });
});

test("an artifact of any name, content and details ends in order", async () => {
  const names = fc.oneof(
    fc.constantFrom(
      "collections.json",
      "collections/a.jsonl",
      "collections/%2F%25.snapshot",
      "collections/../x.jsonl",
      "__proto__",
    ),
    fc.string(),
  );
  const contents = fc.oneof(
    fc.json().map((json) => Buffer.from(json)),
    fc.uint8Array(),
  );
  const details = fc.oneof(
    fc.json().map((json) => JSON.parse(json) as Json),
    fc.constant<Json>({ collections: [], aliases: {}, digests: { "collections.json": "0" } }),
  );
  await fc.assert(
    fc.asyncProperty(names, contents, details, async (name, content, known) => {
      const outcome = await outcomeOf(name, chunksOf(content, 100), known);
      expect(["read", "corrupt", "not-found"]).toContain(reasonOf(outcome));
    }),
    { numRuns: 500 },
  );
});
