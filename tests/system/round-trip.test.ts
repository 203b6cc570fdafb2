import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ServerKindName } from "@sutazai/backup-testkit";
import {
  chromadbContent,
  faissContent,
  neo4jContent,
  postgresContent,
  qdrantContent,
  redisContent,
  type SampleContent,
} from "@sutazai/backup-testkit/conformance";
import { afterAll, beforeAll, expect, test } from "vitest";
import { differences, witness } from "../../examples/demo/witness.ts";
import { startPlatform, type Platform } from "./platform.ts";

const contents: Readonly<Record<ServerKindName, SampleContent>> = {
  postgres: postgresContent({ scale: 0.5 }),
  redis: redisContent({ keys: 5_000 }),
  neo4j: neo4jContent({ nodes: 500 }),
  qdrant: qdrantContent({ points: 500 }),
  chromadb: chromadbContent({ records: 400 }),
  faiss: faissContent({ vectors: 1_000 }),
};
const kinds = Object.keys(contents) as ServerKindName[];

let platform: Platform;
let before: Map<string, string>;

beforeAll(async () => {
  platform = await startPlatform(kinds);
  await each("fill");
  before = await present();
});
afterAll(() => platform[Symbol.asyncDispose]());

const present = () => witness(...platform.servers);
const each = (act: "fill" | "change" | "empty") =>
  Promise.all(platform.servers.map((server) => contents[server.kind][act](server)));

test("backup, show, list, verify: everything is there and proven", async () => {
  const backup = await platform.json(["backup"]);
  expect(backup).toMatchObject({ code: 0 });
  const report = backup.lines.find((line) => line.type === "backup-report")?.report;
  expect(report?.databases.map(({ database, status, incomplete }) => [database, status, incomplete])).toEqual(
    kinds.map((kind) => [kind, "ok", []]),
  );
  const names = await readdir(platform.environment["BACKUP_DIR"] ?? "");
  expect(names).toContain(`master_backup_report_${report?.runId}.json`);

  const list = await platform.run(["list"]);
  expect(list).toMatchObject({ code: 0 });
  for (const { backup: taken } of report?.databases ?? []) {
    expect(list.stdout).toContain(taken?.id);
    expect(await platform.run(["show", taken?.id ?? ""])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("verification"),
    });
  }
  expect(await platform.run(["verify"])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(`${kinds.length} verified, 0 damaged`),
  });
});

test("restore over changed content: all is as it was, and the changes are in the safety backups", async () => {
  await each("change");
  expect(differences(before, await present())).not.toEqual([]);
  const restore = await platform.json(["restore", "all", "--force"]);
  const report = restore.lines.find((line) => line.type === "restore-report")?.report;
  expect(restore, JSON.stringify(report, undefined, 1)).toMatchObject({ code: 0 });
  expect(report?.databases.map(({ status, state, safetyBackup }) => [status, state, typeof safetyBackup])).toEqual(
    kinds.map(() => ["ok", "restored", "string"]),
  );
  expect(differences(before, await present())).toEqual([]);

  const changed = await platform.json([
    "restore",
    "redis",
    "--force",
    "--backup",
    report?.databases.find(({ database }) => database === "redis")?.safetyBackup ?? "",
  ]);
  expect(changed).toMatchObject({ code: 0 });
  expect(differences(before, await present())).not.toEqual([]);
});

test("restore after everything was lost", async () => {
  await each("empty");
  expect(await platform.run(["restore", "all", "--force"])).toMatchObject({ code: 0 });
  expect(differences(before, await present())).toEqual([]);
});

test("nothing of the secrets is in the store, the journal or what was printed", async () => {
  const backup = await platform.json(["backup"]);
  const printed = backup.stdout + backup.stderr;
  const files = await readdir(platform.directory, { recursive: true, withFileTypes: true });
  const texts = await Promise.all(
    files.filter((file) => file.isFile()).map((file) => readFile(join(file.parentPath, file.name), "latin1")),
  );
  for (const { password: secret } of platform.servers) {
    expect(printed).not.toContain(secret.reveal());
    expect(texts.some((content) => content.includes(secret.reveal()))).toBe(false);
  }
});
