// All six databases lost with their containers, volumes and engine, and brought back on a blank engine from the store alone, by the commands of
// docs/runbooks/everything-lost.md, timed: the table of docs/recovery-time.md. Needs root and `dockerd`; takes about an hour.
// Usage: node bench/recovery.ts [megabytes of each, 500 by default; Redis a fifth of it]
import { execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Secret, type BackupReport, type RestoreReport } from "@sutazai/backup-core";
import { formatBytes, formatDuration } from "@sutazai/backup-sdk";
import { testImage, type ServerAddress, type ServerKindName } from "@sutazai/backup-testkit";
import { composeEnvironment } from "../tests/system/compose.ts";
import { readRunbook, walk } from "../tests/system/runbook.ts";
import { contents } from "./recovery/contents.ts";
import { startEngine, type Engine } from "./recovery/engine.ts";

const checkout = fileURLToPath(new URL("../", import.meta.url));
const cli = join(checkout, "apps/cli/src/main.ts");
const megabytes = Number(process.argv[2] ?? 500);
const password = "demo-password";
const servers: Readonly<
  Record<ServerKindName, { readonly port: number; readonly user: string; readonly share: number }>
> = {
  postgres: { port: 5432, user: "postgres", share: 1 },
  redis: { port: 6379, user: "default", share: 0.2 },
  neo4j: { port: 7687, user: "neo4j", share: 1 },
  qdrant: { port: 6333, user: "", share: 1 },
  chromadb: { port: 8000, user: "", share: 1 },
  faiss: { port: 8001, user: "", share: 1 },
};
const kinds = Object.keys(servers) as ServerKindName[];

// Once more in a network of its own: neither ports nor addresses nor rules can meet those of the usual engine.
if (process.env["BENCH_RECOVERY_INSIDE"] === undefined) {
  const again = [
    "--net",
    "sh",
    "-c",
    'ip link set lo up && exec "$@"',
    "sh",
    process.execPath,
    ...process.argv.slice(1),
  ];
  const child = spawn("unshare", again, { stdio: "inherit", env: { ...process.env, BENCH_RECOVERY_INSIDE: "1" } });
  process.exitCode = await new Promise<number>((resolve) => child.once("close", (code) => resolve(code ?? 1)));
} else {
  const directory = await mkdtemp(join(tmpdir(), "sutazai-recovery-"));
  try {
    await measure(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function measure(directory: string): Promise<void> {
  const images = Object.fromEntries(
    await Promise.all(kinds.map(async (kind) => [kind, (await testImage(kind)).image] as const)),
  );
  const compose = await composeEnvironment(join(directory, "docker-config"));
  const copy = join(directory, "copy-of-backups");

  say(`filling: ${megabytes} MB each`);
  const { held, backup } = await lose(join(directory, "old"), images, compose, copy);

  say("everything is lost; a blank engine is started, and the images are loaded into it");
  await using engine = await startEngine(join(directory, "new"));
  await engine.load(Object.values(images));
  const store = join(directory, "backups");
  await mkdir(join(directory, "walk"));
  const began = performance.now();
  // What is printed there is of another platform; that each step ends well is the same.
  const printed = await readRunbook("everything-lost");
  const steps = await walk(
    printed.map((step) => ({ ...step, shows: [] })),
    {
      directory: join(directory, "walk"),
      environment: { ...onMachine(engine, directory, "new"), ...compose, ...secrets(password) },
      names: { "/opt/sutazaiapp/backups": store, "/mnt/copy-of-backups": copy },
      onStep: ({ commands, seconds, output }) => say(`${commands}${output}(${formatDuration(seconds * 1000)})\n`),
    },
  );
  const total = performance.now() - began;
  const restore = await newestReport<RestoreReport>(store, "restore_report_");

  say("| database | content | stored | backup | restore | facts equal | verdict |");
  say("| --- | --- | --- | --- | --- | --- | --- |");
  for (const kind of kinds) {
    const taken = backup.databases.find(({ database }) => database === kind);
    const restored = restore.databases.find(({ database }) => database === kind);
    const holds = await contents[kind].ask(addressOf(kind));
    const asBefore = holds === held.get(kind);
    if (!asBefore) say(`${kind} held ${held.get(kind)} and now holds ${holds}`);
    const cells = [
      kind,
      formatBytes(taken?.backup?.plainBytes ?? 0),
      formatBytes(taken?.backup?.storedBytes ?? 0),
      durationOf(taken),
      durationOf(restored),
      String(restored?.factsCompared ?? 0),
      restored?.state === "restored" && asBefore ? "as before" : "NOT AS BEFORE",
    ];
    if (cells.at(-1) !== "as before") process.exitCode = 1;
    say(`| ${cells.join(" | ")} |`);
  }
  say("\n| step of the runbook | time |\n| --- | --- |");
  for (const { commands, seconds } of steps) {
    say(`| \`${commands.trim().split("\n").at(-1)}\` | ${formatDuration(seconds * 1000)} |`);
  }
  say(`| all of it | ${formatDuration(total)} |`);
}

/** Fills six databases on an engine, backs them up, and removes everything but the copy of the store. */
async function lose(
  directory: string,
  images: Readonly<Record<string, string>>,
  compose: Readonly<Record<string, string>>,
  copy: string,
): Promise<{ readonly held: ReadonlyMap<ServerKindName, string>; readonly backup: BackupReport }> {
  await using engine = await startEngine(directory);
  await engine.load(Object.values(images));
  const environment = {
    ...process.env,
    ...onMachine(engine, directory, "old"),
    ...compose,
    ...Object.fromEntries(kinds.map((kind) => [`${kind.toUpperCase()}_IMAGE`, images[kind]])),
  };
  const composed = (...args: string[]) =>
    run("docker", ["compose", "--file", join(checkout, "compose.yaml"), ...args], { env: environment });
  await composed("up", "--detach", "--wait");
  const held = new Map<ServerKindName, string>();
  for (const kind of kinds) {
    const started = performance.now();
    await contents[kind].fill(addressOf(kind), megabytes * servers[kind].share);
    held.set(kind, await contents[kind].ask(addressOf(kind)));
    say(`  ${kind} in ${formatDuration(performance.now() - started)}`);
  }
  say("backing up");
  const { stdout } = await run(process.execPath, [cli, "backup"], { env: { ...environment, BACKUP_DIR: copy } });
  say(stdout);
  const backup = await newestReport<BackupReport>(copy, "master_backup_report_");
  await composed("down", "--volumes");
  return { held, backup };
}

/** A machine has its own engine, state and home. */
function onMachine({ host }: Engine, directory: string, name: string): Record<string, string> {
  return { DOCKER_HOST: host, BACKUP_STATE_DIR: join(directory, `state-${name}`) };
}

/** What whoever follows the runbook has to know. */
function secrets(value: string): Record<string, string> {
  return {
    POSTGRES_PASSWORD: value,
    REDIS_REQUIREPASS: value,
    REDISCLI_AUTH: value,
    NEO4J_AUTH: `neo4j/${value}`,
    QDRANT__SERVICE__API_KEY: value,
  };
}

function addressOf(kind: ServerKindName): ServerAddress {
  const { port, user } = servers[kind];
  return { host: "127.0.0.1", port, user, password: new Secret(password) };
}

async function newestReport<Report>(store: string, prefix: string): Promise<Report> {
  const name =
    (await readdir(store))
      .filter((file) => file.startsWith(prefix))
      .sort()
      .at(-1) ?? "";
  return JSON.parse(await readFile(join(store, name), "utf8")) as Report;
}

function durationOf(result: { readonly startedAt: string; readonly endedAt: string } | undefined): string {
  return result === undefined ? "–" : formatDuration(Date.parse(result.endedAt) - Date.parse(result.startedAt));
}

function run(command: string, args: readonly string[], options: { readonly env: NodeJS.ProcessEnv }) {
  return promisify(execFile)(command, [...args], { ...options, maxBuffer: 2 ** 26 });
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
