import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ContainerDefinition, ContainerInfo, ContainerRuntime } from "@sutazai/backup-core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parse } from "yaml";
import { createBackupSystem, localStore, type BackupSystem } from "../../src/index.ts";
import { FakeDatabase } from "../fake-database.ts";
import { plain } from "./definition.ts";

let directory: string;
let definition: ContainerDefinition;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "sdk-platform-"));
  definition = plain;
});
afterEach(() => rm(directory, { recursive: true, force: true }));

class Contained extends FakeDatabase {
  override async probe(context: Parameters<FakeDatabase["probe"]>[0]) {
    return { ...(await super.probe(context)), container: { id: this.name } as ContainerInfo };
  }
}

/** Only what a backup and an export ask of Docker. */
const containers = {
  removeOrphans: async () => [],
  lock: async () => ({ [Symbol.asyncDispose]: async () => undefined }),
  definition: async (id: string) => ({ ...definition, name: `container-of-${id}` }),
} as Partial<ContainerRuntime> as ContainerRuntime;

function systemOf(...databases: readonly FakeDatabase[]): BackupSystem {
  return createBackupSystem({
    databases,
    store: localStore({ path: join(directory, "store") }),
    containers,
    stateDirectory: join(directory, "state"),
  });
}

test("the newest good backup of each database tells of its container", async () => {
  const [orders, cache] = [new Contained("orders", ["1"]), new Contained("cache", ["2"])];
  const system = systemOf(orders, cache);
  await system.backup();
  definition = { ...plain, image: "redis:8.2.1" };
  await system.backup({ databases: ["cache"] });
  definition = { ...plain, image: "redis:9" };
  cache.incomplete = ["something is missing"];
  await system.backup({ databases: ["cache"] });

  const { compose, containers: told, leftOut } = await systemOf().exportPlatform();
  expect(told.map(({ name }) => name)).toEqual(["container-of-cache", "container-of-orders"]);
  expect(told[0]?.backups).toEqual([(await system.list("cache"))[1]?.id]);
  expect(leftOut).toEqual([]);
  const { services } = parse(compose);
  expect(services["container-of-orders"].image).toBe(plain.image);
  expect(services["container-of-cache"].image).toBe("redis:8.2.1");
});

test("a database without a container, and one without a good backup, are said to be left out", async () => {
  const system = systemOf(new Contained("orders", ["1"]), new FakeDatabase("far", ["2"]), new Contained("lost", ["3"]));
  await system.backup();
  const [lost] = await system.list("lost");
  await system.store.annotate(lost?.id ?? "", "verification", {
    level: "structure",
    ok: false,
    problems: ["x"],
    evidence: [],
    at: new Date().toISOString(),
  });
  const { containers: told, leftOut, warnings } = await system.exportPlatform();
  expect(told.map(({ name }) => name)).toEqual(["container-of-orders"]);
  expect(leftOut).toEqual(["lost"]);
  expect(warnings).toEqual(
    expect.arrayContaining([expect.stringMatching(/^lost is left out/), expect.stringMatching(/^far is left out/)]),
  );
});

test("where no backup tells of a container, there is nothing to export", async () => {
  await expect(systemOf().exportPlatform()).rejects.toMatchObject({ reason: "not-found" });
  const system = systemOf(new FakeDatabase("far", ["2"]));
  await system.backup();
  await expect(system.exportPlatform()).rejects.toMatchObject({ reason: "not-found" });
});
