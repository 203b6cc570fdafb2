// The first program in the README of each package runs as it is printed there, but for the names of containers and directories.
import { spawn } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startServer, type ServerKindName, type TestServer } from "@sutazai/backup-testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { finished } from "./platform.ts";

const packages = fileURLToPath(new URL("../../packages/", import.meta.url));
const store = "/opt/sutazaiapp/backups";

const servers = new AsyncDisposableStack();
let directory: string;
let started: readonly TestServer[];
/** What the notifier's program tells. */
const receiver = createServer((request, response) => request.resume().on("end", () => response.end("ok")));

const kinds: readonly ServerKindName[] = ["postgres", "redis", "neo4j", "qdrant", "chromadb", "faiss"];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sutazai-readme-"));
  await symlink(fileURLToPath(new URL("node_modules", import.meta.url)), join(directory, "node_modules"));
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  started = await Promise.all(
    kinds.map(async (kind) =>
      servers.use(await startServer(kind, kind === "redis" ? { arguments: ["--appendonly", "yes"] } : {})),
    ),
  );
});
afterAll(async () => {
  receiver.close();
  await servers.disposeAsync();
  await rm(directory, { recursive: true, force: true });
});

/** Runs the program in a directory of its own. */
async function runReadme(name: string) {
  const readme = await readFile(join(packages, name, "README.md"), "utf8");
  const program = /^```ts\n(.*?)^```$/ms.exec(readme)?.[1] ?? "";
  expect(program).toContain("@sutazai/backup-");
  const here = join(directory, name.replace("/", "-"));
  await mkdir(here, { recursive: true });
  const names = started.map(({ kind, name }) => [`"sutazai-${kind}"`, JSON.stringify(name)] as const);
  const adapted = [...names, [store, join(directory, "backups")] as const].reduce(
    (text, [from, to]) => text.replaceAll(from, to),
    program,
  );
  await writeFile(join(here, "program.ts"), adapted);
  const password = started.find(({ kind }) => kind === "postgres")?.password.reveal();
  const env = {
    ...process.env,
    POSTGRES_PASSWORD: password,
    PGPASSWORD: password,
    BACKUP_SLACK_WEBHOOK: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`,
    XDG_STATE_HOME: join(directory, "state"),
  };
  const result = await finished(spawn(process.execPath, ["program.ts"], { cwd: here, env }));
  expect(result, result.stderr).toMatchObject({ code: 0 });
  return { ...result, here };
}

test.each(kinds)("one adapter alone: %s", async (kind) => {
  const { here } = await runReadme(`adapters/${kind}`);
  expect((await readdir(here)).length).toBeGreaterThan(1);
});

test("the sdk", async () => {
  const { stdout } = await runReadme("sdk");
  expect(stdout.split("\n").filter((line) => line === "run-end").length).toBe(2);
  // What the programs of the store's packages read.
  const backups = join(directory, "backups");
  const [redis = ""] = await readdir(join(backups, "redis"));
  await give("core", join(backups, "redis", redis, "manifest.json"), "manifest.json");
  const report = (await readdir(backups)).find((name) => name.startsWith("master_backup_report")) ?? "";
  await give("reporter", join(backups, report), "master_backup_report.json");
  await give("compressor", join(backups, report), "dump.sql");
});

test.each([
  ["core", /^redis \{/],
  ["store", / redis ok$/m],
  ["verifier", /^\[\] \[\] \{/],
  ["reporter", /^Backup .*: ok in /],
  ["compressor", /^$/],
  ["formats", /^1:[0-9a-f]{32}$/m],
  ["http", /^connection vectors the server is busy/],
  ["containers", /PostgreSQL database dump complete/],
  ["notifier", /^slack firing delivered\nslack firing skipped\nslack resolved delivered$/m],
  ["scheduler", /^2027-03-28T01:00:00.000Z\n2027-03-29T00:30:00.000Z\nok$/m],
  ["testkit", /^sutazai-test-redis-/],
])("%s", async (name, says) => {
  expect((await runReadme(name)).stdout).toMatch(says);
});

async function give(name: string, file: string, as: string): Promise<void> {
  await mkdir(join(directory, name), { recursive: true });
  await copyFile(file, join(directory, name, as));
}
