import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BackupError, type ContainerInfo, type ContainerRuntime } from "@sutazai/backup-core";
import { parse } from "yaml";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  configText,
  loadConfig,
  proposeDatabases,
  startingConfig,
  tryDatabase,
  writeConfig,
  type BackupConfig,
  type ConfiguredDatabase,
} from "../../src/index.ts";

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "init-"));
  path = join(directory, "sutazai-backup.config.yaml");
});
afterEach(() => rm(directory, { recursive: true }));

function containers(...found: readonly Partial<ContainerInfo>[]): ContainerRuntime {
  return {
    list: async () => found.map((info) => ({ labels: {}, image: "any", ...info })),
    inspectRunning: async () => {
      throw new BackupError("not-found", "there is no such container");
    },
  } as unknown as ContainerRuntime;
}

test("known databases come first; what only looks like one has a name of its own", async () => {
  const proposed = await proposeDatabases(
    containers(
      { name: "other", image: "redis:8" },
      { name: "third", image: "redis:7" },
      { name: "sutazai-redis", image: "redis:8" },
      { name: "cache", labels: { "sutazai.backup": "qdrant" } },
    ),
  );
  expect(proposed).toEqual([
    { name: "redis", kind: "redis", container: "sutazai-redis", by: "name" },
    { name: "qdrant", kind: "qdrant", container: "cache", by: "label" },
    { name: "other", kind: "redis", container: "other", by: "image" },
    { name: "third", kind: "redis", container: "third", by: "image" },
  ]);
});

test("what cannot be reached is told, not thrown", async () => {
  const tried = await tryDatabase(containers(), { name: "a", kind: "redis", container: "gone", by: "label" });
  expect(tried).toMatchObject({ name: "a", error: { reason: "not-found", database: "a" } });
});

const reached = { version: "8.0", resource: "r", container: undefined, sizeEstimate: undefined, warnings: [] };
const databases: readonly ConfiguredDatabase[] = [
  { tried: { name: "redis", kind: "redis", container: "sutazai-redis", by: "name", probe: reached }, options: {} },
  {
    tried: {
      name: "cache: two",
      kind: "redis",
      container: "other",
      by: "image",
      error: { reason: "authentication", message: "NOAUTH\nsecond line", hint: "say\nmore" },
    },
    options: { passwordFile: "secret.txt" },
  },
];

test("a first configuration is read back as it was meant", async () => {
  const secret = join(directory, "secret.txt");
  await writeFile(secret, "hunter2\n");
  const [one, two] = databases;
  const { config, about } = startingConfig({
    dir: join(directory, "backups"),
    schedule: "hourly",
    databases: [one!, { ...two!, options: { passwordFile: secret } }],
  });
  const text = configText(config, about);
  await writeConfig(path, text);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(text).not.toContain("hunter2");
  expect(parse(text)).toEqual(config);

  const asWritten = await loadConfig(containers(), { configFile: path, environment: {}, workingDirectory: directory });
  const asMeant = await loadConfig(containers(), { flags: config, environment: {}, workingDirectory: "/" });
  expect(asWritten.settings).toEqual(asMeant.settings);
  expect(asWritten.settings).toMatchObject({ dir: join(directory, "backups"), schedules: { backup: "hourly" } });
  expect(asWritten.adapters.map(({ name, kind }) => [name, kind])).toEqual([
    ["redis", "redis"],
    ["cache: two", "redis"],
  ]);
});

test("every setting is explained, and what is commented out can be commented in", () => {
  const config: BackupConfig = { retention: { days: 14 }, databases: {} };
  const text = configText(config);
  expect(parse(text)).toEqual(config);
  const lines = text.split("\n");
  const settings = lines.filter((line) => /^\s*(# )?[a-zA-Z]+:( |$)/.test(line));
  expect(settings.length).toBeGreaterThan(30);
  expect(text).toContain("# Directory of the backups;");
  const usual = lines.map((line) => line.replace(/^(\s*)# (parallel|timeout|compression):/, "$1$2:")).join("\n");
  expect(parse(usual)).toMatchObject({ parallel: 6, timeout: "4h", compression: "zstd" });
});

test("a file that is there is replaced only with force, and a name that would not be read is refused", async () => {
  await writeFile(path, "mine");
  await expect(writeConfig(path, "x: 1\n")).rejects.toMatchObject({ reason: "refused" });
  expect(await readFile(path, "utf8")).toBe("mine");
  await writeConfig(path, "x: 1\n", { force: true });
  expect(await readFile(path, "utf8")).toBe("x: 1\n");
  await expect(writeConfig(join(directory, "x.ini"), "")).rejects.toMatchObject({ reason: "configuration" });
  await expect(writeConfig(join(directory, "no/x.yaml"), "")).rejects.toMatchObject({ reason: "not-found" });
});
