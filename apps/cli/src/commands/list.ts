import type { StoredBackup } from "@sutazai/backup-core";
import { formatBytes, table, type Pin, type Standing } from "@sutazai/backup-sdk";
import { exitCode } from "../exit-codes.ts";
import { formatStanding } from "../printers/standing.ts";
import type { Verb } from "../verb.ts";
import { runVerb } from "../session.ts";

export const listCommand: Verb<{ readonly name?: string }> = {
  command: "list [name]",
  describe: "List the backups, oldest first",
  builder: (parser) => parser.positional("name", { type: "string", describe: "Backups of this database only" }),
  run: (args) =>
    runVerb(args, { storeOnly: true, onlyLooks: true }, async ({ system, printer }) => {
      const backups = await system.list(args.name);
      const pins = await system.pins(backups.map(({ id }) => id));
      const standings = await system.standings(backups.map(({ id }) => id));
      const known = backups.map((backup) => toJson(backup, pins.get(backup.id), standings.get(backup.id)));
      printer.result("backups", { backups: known }, () => formatList(backups, pins, standings, system.store.location));
      return exitCode.ok;
    }),
};

function toJson(
  { id, database, manifest, problem }: StoredBackup,
  pinned: Pin | undefined,
  standing: Standing | undefined,
): object {
  const known = problem === undefined ? { manifest } : { problem: problem.toJSON() };
  return { id, database, ...known, ...standing, ...(pinned !== undefined && { pinned }) };
}

function formatList(
  backups: readonly StoredBackup[],
  pins: ReadonlyMap<string, Pin>,
  standings: ReadonlyMap<string, Standing>,
  location: string,
): string {
  if (backups.length === 0) return `${location} holds no backups`;
  const rows = backups.map(({ id, database, manifest, problem }) =>
    problem === undefined
      ? [
          id,
          database,
          manifest.status,
          manifest.purpose,
          manifest.endedAt,
          formatBytes(manifest.artifacts.reduce((sum, { stored }) => sum + stored.bytes, 0)),
          manifest.forms.map(({ name }) => name).join(", "),
          formatStanding(standings.get(id)),
          pins.get(id)?.reason ?? "",
        ]
      : [id, database, problem.reason, "", "", "", problem.message.split("\n")[0] ?? ""],
  );
  return table(["backup", "database", "status", "purpose", "made", "stored", "forms", "proven", "pinned"], rows);
}
