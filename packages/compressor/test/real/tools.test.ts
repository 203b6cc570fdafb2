import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it, type TestContext } from "vitest";
import { codecs, createCodec } from "../../src/index.ts";
import { collect, sample, streamOf } from "../streams.ts";

// Against the formats' own command-line tools, where this machine has them.
const plain = sample(9 * 1024 * 1024 + 12_345);
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "compressor-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Standard output of a tool that must succeed. Without input it has none: a tool that does not read what it is given closes it at any time. */
async function run(command: string, args: readonly string[], input?: Uint8Array): Promise<Buffer> {
  const tool = spawn(command, args, { stdio: [input === undefined ? "ignore" : "pipe", "pipe", "inherit"] });
  const [output, [code]] = await Promise.all([
    collect(tool.stdout as Readable),
    once(tool, "close"),
    tool.stdin === null ? undefined : pipeline(Readable.from([input ?? Buffer.alloc(0)]), tool.stdin),
  ]);
  expect(code).toBe(0);
  return output;
}

function skipWithout(tool: string, { skip }: Pick<TestContext, "skip">): void {
  const { error } = spawnSync(tool, ["--version"]);
  if (error !== undefined) skip(`the command-line tool ${tool} is not installed on this machine`);
}

describe.each([
  { name: "zstd", compress: ["zstd", "-qc"], decompress: ["zstd", "-dqc"], check: ["zstd", "-tq"] },
  { name: "gzip", compress: ["gzip", "-c"], decompress: ["gunzip", "-c"], check: ["gzip", "-t"] },
] as const)("$name", ({ name, compress, decompress, check }) => {
  beforeEach((context) => skipWithout(name, context));

  it.each([0, 1, 2 * 1024 * 1024, plain.length])("the tool reads %i bytes encoded here", async (length) => {
    const encoded = await collect(codecs[name].encode(streamOf(plain.subarray(0, length))));
    const [command, ...args] = decompress;
    expect((await run(command, args, encoded)).equals(plain.subarray(0, length))).toBe(true);
    await run(check[0], check.slice(1), encoded);
  });

  it.each([1, 9])("the tool reads level %i", async (level) => {
    const encoded = await collect(createCodec({ name, level }).encode(streamOf(plain)));
    const [command, ...args] = decompress;
    expect((await run(command, args, encoded)).equals(plain)).toBe(true);
  });

  it.each([0, 1, plain.length])("%i bytes encoded by the tool are read here", async (length) => {
    const [command, ...args] = compress;
    const encoded = await run(command, args, plain.subarray(0, length));
    expect((await collect(codecs[name].decode(streamOf(encoded)))).equals(plain.subarray(0, length))).toBe(true);
  });

  it("a stored file can be read by hand, and by a stream of it", async () => {
    const path = join(directory, `stored${codecs[name].suffix}`);
    await writeFile(path, codecs[name].encode(streamOf(plain)));
    const [command, ...args] = decompress;
    expect((await run(command, [...args, path])).equals(plain)).toBe(true);
    expect((await collect(codecs[name].decode(createReadStream(path)))).equals(plain)).toBe(true);
  });
});

it("zstd finds size and checksum in every frame", async (context) => {
  skipWithout("zstd", context);
  const path = join(directory, "listed.zst");
  await writeFile(path, codecs.zstd.encode(streamOf(plain)));
  const listing = (await run("zstd", ["-lq", path])).toString();
  expect(listing).toMatch(/^ +5 +0 .* XXH64 /m);
  expect((await readFile(path)).length).toBeLessThan(plain.length);
});
