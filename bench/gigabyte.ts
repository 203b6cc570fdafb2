// A gigabyte of pgbench data through the command line: time and peak memory of a backup and of a restore, beside what one would
// otherwise type, in one run. Usage: node bench/gigabyte.ts [scale, 80 by default]
import { spawn } from "node:child_process";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { peakMemoryOf, startServer } from "@sutazai/backup-testkit";

const scale = process.argv[2] ?? "80";
const cli = fileURLToPath(new URL("../apps/cli/src/main.ts", import.meta.url));
const directory = await mkdtemp(join(tmpdir(), "sutazai-bench-"));
await using postgres = await startServer("postgres");

console.log(`filling: pgbench -i -s ${scale}`);
const filled = await postgres.exec(["pgbench", "-U", postgres.user, "-i", "-q", "-s", scale, "postgres"]);
if (filled.exitCode !== 0) throw new Error(filled.stderr);

const environment = {
  ...process.env,
  BACKUP_DIR: join(directory, "backups"),
  BACKUP_STATE_DIR: join(directory, "state"),
  BACKUP_POSTGRES_CONTAINER: postgres.name,
  BACKUP_POSTGRES_PASSWORD: postgres.password.reveal(),
  BACKUP_REDIS_CONTAINER: "",
};
const container = postgres.name;
const dump = join(directory, "typed.sql.zst");
const typed = `docker exec ${container} pg_dumpall -U postgres | zstd -q -3 -T0 > ${dump}`;
const drop = "DROP TABLE pgbench_accounts, pgbench_branches, pgbench_history, pgbench_tellers";
const typedBack = `docker exec ${container} psql -q -U postgres -c '${drop}' && zstd -dc ${dump} | docker exec -i ${container} psql -q -U postgres > /dev/null 2>&1`;

const rows = [
  [
    "floor: pg_dumpall to /dev/null in the container",
    await measure("sh", ["-c", `docker exec ${container} sh -c 'pg_dumpall -U postgres > /dev/null'`]),
  ],
  ["typed: pg_dumpall | zstd", await measure("sh", ["-c", typed])],
  ["sutazai-backup backup", await measure(process.execPath, [cli, "backup", "postgres"])],
  [
    "sutazai-backup restore (with safety backup, validated)",
    await measure(process.execPath, [cli, "restore", "postgres", "--force"]),
  ],
  [
    "sutazai-backup restore --no-safety-backup (validated)",
    await measure(process.execPath, [cli, "restore", "postgres", "--force", "--no-safety-backup"]),
  ],
  ["typed: zstd -d | psql (nothing checked)", await measure("sh", ["-c", typedBack])],
] as const;

const reference = rows[1][1].seconds;
console.log(`\nstored by hand: ${((await stat(dump)).size / 2 ** 20).toFixed(1)} MiB`);
for (const [name, { seconds, peakMiB }] of rows) {
  console.log(
    `${name.padEnd(58)} ${seconds.toFixed(1).padStart(7)} s  ${(seconds / reference).toFixed(2).padStart(5)} x  peak ${peakMiB.toFixed(0).padStart(4)} MiB`,
  );
}
await rm(directory, { recursive: true });

interface Measured {
  readonly seconds: number;
  /** Largest resident size of the process itself. */
  readonly peakMiB: number;
}

async function measure(command: string, args: readonly string[]): Promise<Measured> {
  const started = performance.now();
  const child = spawn(command, args, { env: environment, stdio: ["ignore", "ignore", "inherit"] });
  const watching = peakMemoryOf(child);
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}`);
  return { seconds: (performance.now() - started) / 1000, peakMiB: (await watching) / 2 ** 20 };
}
