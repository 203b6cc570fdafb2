// `npm run demo`: real databases are started, filled, backed up in parallel, destroyed, restored, and proven equal.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createBackupSystem,
  formatBackupReport,
  formatDrillReport,
  formatRestoreReport,
  gatherReport,
  localStore,
  renderReport,
  writeReportFile,
  type BackupEvent,
} from "@sutazai/backup-sdk";
import { startServer, type ServerKindName } from "@sutazai/backup-testkit";
import { demoDatabases } from "./demo/databases.ts";
import { differences, witness } from "./demo/witness.ts";

const say = (line: string) => process.stdout.write(`${line}\n`);
const heading = (line: string) => say(`\n── ${line} ${"─".repeat(Math.max(3, 90 - line.length))}`);

heading("1. The six databases of an AI platform are started");
await using started = new AsyncDisposableStack();
const kinds = Object.keys(demoDatabases) as ServerKindName[];
const servers = await Promise.all(
  kinds.map(async (kind) => started.use(await startServer(kind, demoDatabases[kind].options))),
);
for (const { kind, image, standInIs } of servers) {
  say(`${kind}: ${image}${standInIs === undefined ? "" : ` (${standInIs})`}`);
}

const qdrant = servers.find(({ kind }) => kind === "qdrant");
say(
  `So here are ${qdrant?.standInIs === undefined ? "six real databases" : "five real databases and a Qdrant stand-in"}.`,
);

heading("2. They are filled");
await Promise.all(servers.map((server) => demoDatabases[server.kind].fill(server)));
const before = await witness(...servers);
say(`${before.size} facts noted by asking the databases themselves, to compare with at the end:`);
for (const kind of kinds) {
  for (const [name, value] of before)
    if (name.startsWith(kind) && demoDatabases[kind].shown.test(name)) say(`  ${name} = ${value}`);
}

heading("3. They are backed up in parallel");
const directory = await mkdtemp(join(tmpdir(), "sutazai-demo-"));
const system = createBackupSystem({
  databases: servers.map((server) => demoDatabases[server.kind].adapter(server)),
  store: localStore({ path: join(directory, "backups") }),
  stateDirectory: join(directory, "state"),
  onEvent: showSteps(),
});
const backup = await system.backup();
say("");
say(formatBackupReport(backup));
if (backup.status !== "ok") throw new Error("the backup did not succeed");

heading("4. Each backup is proven: restored into a throwaway server, compared, and again after a restart");
const drill = await system.drill();
say("");
say(formatDrillReport(drill));
if (drill.status !== "ok") throw new Error("not every backup was proven");

heading("5. Everything is destroyed");
await Promise.all(servers.map((server) => demoDatabases[server.kind].destroy(server)));
say(`${differences(before, await witness(...servers)).length} of ${before.size} facts are gone`);

heading("6. Everything is restored: one command, a transaction for each database");
const restore = await system.restore();
say("");
say(formatRestoreReport(restore));

heading("7. Is it all back?");
const lost = differences(before, await witness(...servers));
for (const line of lost) say(`  ✗ ${line}`);
const proven = lost.length === 0 && restore.status === "ok";
say(proven ? `✓ yes: all ${before.size} facts are as before, as the databases themselves say` : "✗ no");
const page = join(tmpdir(), "sutazai-demo-report.html");
await writeReportFile(page, await renderReport(await gatherReport(system), "html"));
await rm(directory, { recursive: true });
say(`\nA report to look at: file://${page}`);
say("The servers and the backups of this demo are removed again.");
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
