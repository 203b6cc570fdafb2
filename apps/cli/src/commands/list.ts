import type { StoredBackup } from "@sutazai/backup-core";
import { formatBytes, table } from "@sutazai/backup-sdk";
import { exitCode } from "../exit-codes.ts";
import type { Verb } from "../verb.ts";
import { runVerb } from "../session.ts";

export const listCommand: Verb<{ readonly name?: string }> = {
  command: "list [name]",
  describe: "List the backups, oldest first",
  builder: (parser) => parser.positional("name", { type: "string", describe: "Backups of this database only" }),
  run: (args) =>
    runVerb(args, { storeOnly: true }, async ({ system, printer }) => {
      for (const { database, command, startedAt, liveness } of await system.pending()) {
        printer.warning(
          `a ${command} of ${database}, begun ${startedAt}, is ${liveness === "dead" ? "unfinished: run `sutazai-backup recover`" : "running"}`,
        );
      }
      const backups = await system.list(args.name);
      printer.result("backups", { backups: backups.map(toJson) }, () => formatList(backups, system.store.location));
      return exitCode.ok;
    }),
};

function toJson({ id, database, manifest, problem }: StoredBackup): object {
  return problem === undefined ? { id, database, manifest } : { id, database, problem: problem.toJSON() };
}

function formatList(backups: readonly StoredBackup[], location: string): string {
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
        ]
      : [id, database, problem.reason, "", "", "", problem.message.split("\n")[0] ?? ""],
  );
  return table(["backup", "database", "status", "purpose", "made", "stored", "forms"], rows);
}
