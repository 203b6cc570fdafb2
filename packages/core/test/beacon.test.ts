import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { beforeEach, expect, test, vi } from "vitest";
import { beaconOf } from "../src/beacon.ts";
import { currentProcess, livenessOf, showProcessIn, type ProcessIdentity } from "../src/index.ts";

// Each starts another process.
vi.setConfig({ testTimeout: 60_000 });

let directory: string;
beforeEach(async () => {
  directory = join(
    await mkdtemp(join(tmpdir(), "core-beacon-")),
    "a directory with a path that is longer than a".repeat(4),
  );
  await mkdir(directory);
  showProcessIn(directory);
  return () => rm(join(directory, ".."), { recursive: true, force: true });
});

type Holder = ChildProcessByStdio<Writable, Readable, null>;

/** A process that seems to be in another pid namespace. */
async function holder(): Promise<{ child: Holder; identity: ProcessIdentity }> {
  const program = join(import.meta.dirname, "beacon-holder.ts");
  const child = spawn(process.execPath, [program, directory], { stdio: ["pipe", "pipe", "inherit"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { child, identity: JSON.parse(line.toString()) as ProcessIdentity };
}

test("a process of another pid namespace lives while its beacon answers, and is dead once it was killed", async () => {
  const { child, identity } = await holder();
  expect(await livenessOf(identity)).toBe("alive");
  child.kill("SIGSTOP");
  expect(await livenessOf(identity)).toBe("alive");
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(await livenessOf(identity)).toBe("dead");
  expect(await livenessOf({ ...identity, startTime: "1" })).toBe("foreign");
  expect(await livenessOf({ ...identity, bootId: "another", host: "elsewhere" })).toBe("foreign");
});

test("one that has ended by itself leaves no beacon", async () => {
  const { child, identity } = await holder();
  child.stdin.end();
  await once(child, "exit");
  expect(await readdir(join(directory, identity.bootId))).toEqual([]);
  expect(await livenessOf(identity)).toBe("foreign");
});

test("nothing is concluded from a socket of another place, from what is no socket, or from what is not there", async () => {
  const { child, identity } = await holder();
  child.kill("SIGKILL");
  await once(child, "exit");
  const place = join(directory, identity.bootId);
  const [name = ""] = await readdir(place);
  await rename(place, `${place}.before`);
  await mkdir(place);
  await rename(join(`${place}.before`, name), join(place, name));
  expect(await beaconOf(directory, identity)).toBe("unknown");
  await rename(join(place, name), join(`${place}.before`, name));
  await rm(place, { recursive: true });
  await rename(`${place}.before`, place);
  expect(await beaconOf(directory, identity)).toBe("out");
  await rm(join(place, name));
  await writeFile(join(place, name), "");
  expect(await beaconOf(directory, identity)).toBe("unknown");
  expect(await beaconOf(join(directory, "nowhere"), identity)).toBe("unknown");
});

test("the own beacon is lit before the identity can be written down; those of earlier boots go", async () => {
  await mkdir(join(directory, "earlier"));
  const self = await currentProcess();
  expect(await beaconOf(directory, self)).toBe("lit");
  expect(await readdir(directory)).toEqual([self.bootId]);
});

test("where there can be no beacon there is none, and nothing fails", async () => {
  await rm(directory, { recursive: true });
  await writeFile(directory, "");
  await expect(currentProcess()).resolves.toMatchObject({ pid: process.pid });
});
