import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ContainerRuntime, ProcessIdentity } from "@sutazai/backup-core";
import { expect, test } from "vitest";
import { createBackupSystem, localStore } from "../../src/index.ts";
import { FakeDatabase } from "../fake-database.ts";

const program = fileURLToPath(new URL("../../../core/test/beacon-holder.ts", import.meta.url));

test("what a process in another container holds is respected while it lives, and cleared away once it was killed", async () => {
  const directory = await mkdtemp(join(tmpdir(), "sdk-other-container-"));
  const stateDirectory = join(directory, "state");
  const child = spawn(process.execPath, [program, join(stateDirectory, "processes")], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  try {
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const owner = JSON.parse(line.toString()) as ProcessIdentity;
    const system = createBackupSystem({
      databases: [new FakeDatabase("db", ["one"])],
      store: localStore({ path: join(directory, "store"), compression: "none" }),
      containers: { removeOrphans: async () => [] } as Partial<ContainerRuntime> as ContainerRuntime,
      stateDirectory,
    });
    await system.store.prepare();
    const since = "2026-11-23T13:00:00.000Z";
    await writeFile(join(directory, "store", ".locks", "exclusive-other.json"), JSON.stringify({ since, owner }));
    const left = { version: 1, id: "left", command: "backup", database: "db", startedAt: since, owner };
    const record = { part: "db", action: "fenced", data: null };
    await mkdir(join(stateDirectory, "journal"));
    await writeFile(
      join(stateDirectory, "journal", "left.json"),
      JSON.stringify({ ...left, settlement: "undo", abandoned: false, records: [record] }),
    );

    await expect(system.backup()).rejects.toMatchObject({ reason: "locked", details: { since, liveness: "alive" } });
    expect((await system.recover()).running).toMatchObject([{ id: "left", liveness: "alive" }]);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect((await system.backup()).status).toBe("ok");
    expect(await system.store.lockHolders()).toEqual([]);
    expect(await system.pending()).toEqual([]);
  } finally {
    child.kill("SIGKILL");
    await rm(directory, { recursive: true, force: true });
  }
}, 60_000);
