// How long a server stands still for a frozen copy of a large directory of which little changes, begun ahead or not: the ratio within one run.
// Usage: node bench/frozen-copy.ts [megabytes, 800 by default]
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { Journal, silentLogger } from "@sutazai/backup-core";
import { dockerRuntime, formatDuration } from "@sutazai/backup-sdk";
import { testImage } from "@sutazai/backup-testkit";

const run = promisify(execFile);
const megabytes = Number(process.argv[2] ?? 800);
const name = `sutazai-bench-${randomBytes(4).toString("hex")}`;
const writer = `head -c ${megabytes}M /dev/urandom > /data/large; while :; do date > /data/small; sleep 0.05; done`;

const containers = dockerRuntime();
const scratch = await mkdtemp(join(tmpdir(), "sutazai-bench-"));
const context = { logger: silentLogger, containers, scratch };
try {
  const { image } = await testImage("redis");
  await run("docker", [
    "run",
    "--detach",
    "--name",
    name,
    "--volume",
    `${name}:/data`,
    "--entrypoint",
    "sh",
    image,
    "-c",
    writer,
  ]);
  while (
    await run("docker", ["exec", name, "test", "-e", "/data/small"]).then(
      () => false,
      () => true,
    )
  )
    await sleep(200);
  const container = await containers.inspect(name);
  const frozen: Record<string, number[]> = { "at once": [], ahead: [] };
  for (let round = 0; round < 3; round += 1) {
    for (const [how, times] of Object.entries(frozen)) {
      const journal = await new Journal(join(scratch, "journal")).begin(
        { command: "bench", database: name },
        () => containers,
        context,
      );
      await using copy = await containers.frozenCopy({
        container,
        paths: ["/data"],
        purpose: "bench",
        maxPauseMs: 600_000,
        ahead: how === "ahead",
        journal,
        signal: new AbortController().signal,
      });
      times.push(copy.frozenMs);
    }
  }
  for (const [how, times] of Object.entries(frozen))
    console.log(`${how}: stands still ${times.map(formatDuration).join(", ")}`);
  const best = (times: readonly number[] = []) => Math.min(...times);
  console.log(`ratio of the shortest: ${(best(frozen["at once"]) / Math.max(10, best(frozen["ahead"]))).toFixed(0)}`);
} finally {
  await run("docker", ["rm", "--force", name]).catch(() => undefined);
  await run("docker", ["volume", "rm", "--force", name]).catch(() => undefined);
  await rm(scratch, { recursive: true, force: true });
}
