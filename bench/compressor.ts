/**
 * Compresses and decompresses data that looks like an SQL dump, with the compressor and with the tools a user would type, in one run:
 *
 *     pnpm --filter @sutazai/bench exec node compressor.ts [MiB]
 *
 * Every measurement is a process of its own; of three rounds the best counts. `zstd` and `gzip` must be installed.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { codecs } from "@sutazai/backup-compressor";
import { type Bytes, codecNames } from "@sutazai/backup-core";

const rounds = 3;
const mebibyte = 1024 * 1024;

interface Measurement {
  readonly seconds: number;
  readonly outputBytes: number;
  readonly peakMegabytes: number;
}

const [action, name = "", path = ""] = process.argv.slice(2);
if (action === "encode" || action === "decode") await measureHere(action, name, path);
else await compareAll(Number(action ?? 256));

async function compareAll(mebibytes: number): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "bench-compressor-"));
  try {
    const plain = join(directory, "dump.sql");
    await writeFile(plain, sqlLikeData(mebibytes * mebibyte));
    const encoded = { zstd: `${plain}.zst`, gzip: `${plain}.gz` };
    for (const format of ["zstd", "gzip"] as const) {
      await writeFile(encoded[format], codecs[format].encode(createReadStream(plain)));
    }
    const size = (await stat(plain)).size;
    const reading = await measureOurs(["encode", "none", plain]);
    console.log(`reading alone: ${reading.peakMegabytes.toFixed(0)} MB peak`);
    await compare("compress, zstd level 3", size, ["zstd", "-3", "-T2", "-qc", plain], ["encode", "zstd", plain]);
    await compare("compress, gzip level 6", size, ["gzip", "-6", "-c", plain], ["encode", "gzip", plain]);
    await compare("decompress zstd", size, ["zstd", "-dqc", encoded.zstd], ["decode", "zstd", encoded.zstd]);
    await compare("decompress gzip", size, ["gzip", "-dc", encoded.gzip], ["decode", "gzip", encoded.gzip]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function compare(
  title: string,
  plainBytes: number,
  tool: readonly string[],
  ours: readonly string[],
): Promise<void> {
  const best: { tool?: Measurement; ours?: Measurement } = {};
  for (let round = 0; round < rounds; round++) {
    best.tool = faster(best.tool, await measureTool(tool));
    best.ours = faster(best.ours, await measureOurs(ours));
  }
  const line = (label: string, { seconds, outputBytes, peakMegabytes }: Measurement): string =>
    `  ${label.padEnd(20)} ${seconds.toFixed(2).padStart(6)} s ${(plainBytes / 1e6 / seconds).toFixed(0).padStart(5)} MB/s ` +
    `${(outputBytes / 1e6).toFixed(1).padStart(7)} MB out${peakMegabytes > 0 ? `  ${peakMegabytes.toFixed(0)} MB peak` : ""}`;
  const { tool: theirs, ours: mine } = best as Required<typeof best>;
  console.log(title);
  console.log(line(tool.slice(0, -1).join(" "), theirs));
  console.log(line("backup-compressor", mine));
  console.log(
    `  ratio: ${(mine.seconds / theirs.seconds).toFixed(2)} of its time, ${(mine.outputBytes / theirs.outputBytes).toFixed(3)} of its size`,
  );
}

function faster(one: Measurement | undefined, other: Measurement): Measurement {
  return one !== undefined && one.seconds < other.seconds ? one : other;
}

async function measureTool([command = "", ...args]: readonly string[]): Promise<Measurement> {
  const start = performance.now();
  const tool = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  let outputBytes = 0;
  tool.stdout.on("data", (chunk: Buffer) => (outputBytes += chunk.length));
  const [code] = await once(tool, "close");
  if (code !== 0) throw new Error(`${command} ended with ${code}`);
  return { seconds: (performance.now() - start) / 1000, outputBytes, peakMegabytes: 0 };
}

async function measureOurs(args: readonly string[]): Promise<Measurement> {
  const child = spawn(process.execPath, [import.meta.filename, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`measuring ${args.join(" ")} ended with ${code}`);
  return JSON.parse(text) as Measurement;
}

/** In the child: reads the file through the codec, and prints what it took. */
async function measureHere(direction: "encode" | "decode", codecName: string, file: string): Promise<void> {
  const codec = codecs[codecNames.find((known) => known === codecName) ?? "none"];
  const start = performance.now();
  let outputBytes = 0;
  for await (const chunk of codec[direction](createReadStream(file))) outputBytes += chunk.length;
  const seconds = (performance.now() - start) / 1000;
  const peakMegabytes = process.resourceUsage().maxRSS / 1000;
  console.log(JSON.stringify({ seconds, outputBytes, peakMegabytes } satisfies Measurement));
}

/** Rows of a COPY: counting ids, names and words as often as in a language, times, numbers; the same every time. */
async function* sqlLikeData(length: number): Bytes {
  let state = 1;
  const random = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const letters = "etaoinshrdlucmfwypvbgkqjxz";
  const often = (count: number): number => Math.floor((random(count) * random(count)) / count);
  const words = Array.from({ length: 5000 }, () =>
    Array.from({ length: 3 + random(8) }, () => letters.charAt(often(letters.length))).join(""),
  );
  const word = (): string => words[often(words.length)] ?? "";
  const two = (number: number): string => String(number).padStart(2, "0");

  let made = 0;
  for (let id = 1; made < length;) {
    let rows = "";
    for (const end = id + 1000; id < end; id++) {
      const day = `2026-${two(1 + random(12))}-${two(1 + random(28))}`;
      const time = `${two(random(24))}:${two(random(60))}:${two(random(60))}.${random(1_000_000)}+00`;
      const text = Array.from({ length: 7 }, word).join(" ");
      rows += `${id}\t${word()} ${word()}\t${word()}@${word()}.com\t${day} ${time}\t${random(100_000) / 100}\t${random(2) === 0 ? "t" : "f"}\t${text}\t\\N\n`;
    }
    const bytes = Buffer.from(rows).subarray(0, length - made);
    made += bytes.length;
    yield bytes;
  }
}
