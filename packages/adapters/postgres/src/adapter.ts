import { BackupError, toBackupError, type DatabaseAdapter } from "@sutazai/backup-core";
import { z } from "zod";
import { backup, form } from "./backup.ts";
import { drill } from "./drill.ts";
import { fingerprint } from "./fingerprint.ts";
import { inspectArtifact } from "./inspect.ts";
import { postgresOptionsSchema, type PostgresOptions } from "./options.ts";
import { method, planRestore } from "./plan.ts";
import { probe } from "./probe.ts";
import { recover } from "./recover.ts";
import { restore } from "./restore.ts";

/**
 * One PostgreSQL server: all its databases and roles, dumped by its own tools. Does no I/O until a method is called. Throws
 * `configuration` for options that cannot be right.
 */
export function postgresAdapter(options: PostgresOptions = {}): DatabaseAdapter {
  const parsed = postgresOptionsSchema.safeParse(options);
  const name = options.name ?? "postgres";
  if (!parsed.success) {
    throw new BackupError("configuration", `options of database "${name}": ${z.prettifyError(parsed.error)}`, {
      operation: "postgres.configure",
      database: name,
    });
  }
  const told = <T>(work: Promise<T>): Promise<T> =>
    work.catch((error: unknown) => {
      throw toBackupError(error, { database: name });
    });
  return {
    kind: "postgres",
    name,
    capabilities: {
      forms: [{ name: form, pointInTime: false, byDefault: true }],
      restoreMethods: [{ name: method, restarts: false, fence: "staged" }],
      restoresPart: true,
    },
    probe: (context) => told(probe(options, name, context)),
    backup: (context, sink) => told(backup(options, name, context, sink)),
    planRestore: (context, manifest, restoreOptions) =>
      told(planRestore(options, name, context, manifest, restoreOptions)),
    // Nobody is kept out until the new databases are ready: closing the old ones is part of the restore.
    fence: async () => undefined,
    restore: (context, source, restoreOptions) => told(restore(options, name, context, source, restoreOptions)),
    fingerprint: (context, wanted) => told(fingerprint(options, name, context, wanted)),
    inspectArtifact: (artifact, content, facts) => told(inspectArtifact(artifact, content, facts)),
    drill: (manifest, form) => drill(options, name, manifest, form, postgresAdapter),
    recover: (record, settlement, context) => told(recover(options, name, record, settlement, context)),
  };
}
