// `npm run demo`: real databases are started, filled, backed up in parallel, destroyed, restored, and proven equal.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createBackupSystem,
  formatBackupReport,
  formatRestoreReport,
  localStore,
  postgresAdapter,
  redisAdapter,
  type BackupEvent,
} from "@sutazai/backup-sdk";
import { emptyPostgres, emptyRedis, fillPostgres, fillRedis, startServer } from "@sutazai/backup-testkit";
import { differences, witness } from "./demo/witness.ts";

const say = (line: string) => process.stdout.write(`${line}\n`);
const heading = (line: string) => say(`\n── ${line} ${"─".repeat(Math.max(3, 90 - line.length))}`);

heading("1. Two real databases are started");
await using postgres = await startServer("postgres");
await using redis = await startServer("redis", { arguments: ["--appendonly", "yes"] });
for (const { kind, image, standIn } of [postgres, redis]) {
  say(
    `${kind}: ${image}${standIn ? " (the real server, in an image built here, as the official image cannot be had)" : ""}`,
  );
}

heading("2. They are filled with the data of a small AI platform");
await Promise.all([fillPostgres(postgres, { scale: 5 }), fillRedis(redis, { keys: 100_000 })]);
const before = await witness(postgres, redis);
say(`${before.size} facts noted by asking the databases themselves, to compare with at the end:`);
for (const [name, value] of [...before].filter(([name]) => /users|messages|keys/.test(name)).slice(0, 8))
  say(`  ${name} = ${value}`);

heading("3. They are backed up in parallel");
const directory = await mkdtemp(join(tmpdir(), "sutazai-demo-"));
const system = createBackupSystem({
  databases: [
    postgresAdapter({ container: postgres.name, user: postgres.user, password: postgres.password }),
    redisAdapter({ container: redis.name, password: redis.password }),
  ],
  store: localStore({ path: join(directory, "backups") }),
  stateDirectory: join(directory, "state"),
  onEvent: showSteps(),
});
const backup = await system.backup();
say("");
say(formatBackupReport(backup));
if (backup.status !== "ok") throw new Error("the backup did not succeed");

heading("4. The backups are read back from the disk and proven");
for (const { id, ok, problems } of await system.verify()) say(`${id}: ${ok ? "ok" : problems.join("; ")}`);

heading("5. Everything is destroyed");
await Promise.all([emptyPostgres(postgres), emptyRedis(redis)]);
say(`${differences(before, await witness(postgres, redis)).length} of ${before.size} facts are gone`);

heading("6. Everything is restored: one command, a transaction for each database");
const restore = await system.restore();
say("");
say(formatRestoreReport(restore));

heading("7. Is it all back?");
const lost = differences(before, await witness(postgres, redis));
for (const line of lost) say(`  ✗ ${line}`);
const proven = lost.length === 0 && restore.status === "ok";
say(proven ? `✓ yes: all ${before.size} facts are as before, as the databases themselves say` : "✗ no");
await rm(directory, { recursive: true });
say("\nThe servers and the backups of this demo are removed again.");
process.exitCode = proven ? 0 : 1;

/** One line for each step of each database. */
function showSteps(): (event: BackupEvent) => void {
  const shown = new Set<string>();
  return (event) => {
    if (event.type === "run-start") shown.clear();
    if (event.type !== "progress") return;
    const line = `  ${event.database}: ${event.step}`;
    if (!shown.has(line)) say(line);
    shown.add(line);
  };
}
