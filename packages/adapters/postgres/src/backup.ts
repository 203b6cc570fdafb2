import { createHash } from "node:crypto";
import {
  toBackupError,
  type ArtifactSink,
  type BackupFacts,
  type Bytes,
  type Fingerprint,
  type OperationContext,
} from "@sutazai/backup-core";
import {
  databasePrefix,
  readDatabaseFacts,
  readDatabases,
  readGlobalFacts,
  type DatabaseEntry,
  type GlobalFacts,
} from "./catalog.ts";
import { databaseArtifact, detailsAsJson, globalsArtifact } from "./details.ts";
import { observeDump } from "./dump/observe.ts";
import { captureGlobals } from "./globals.ts";
import { assertDumpHasAll, readInventory, type Inventory } from "./inventory.ts";
import { open, type Access } from "./open.ts";
import type { PostgresOptions } from "./options.ts";
import { inParallel } from "./parallel.ts";
import { chooseDatabases, closedReason } from "./probe.ts";
import { connect, type Session } from "./session.ts";

/** The one form of a backup: a dump of what belongs to no database, and one of each database. */
export const form = "sql";

export const defaultParallel = 2;

/** One dumped database: what its dump holds and what the catalogs say, of one moment. */
export interface DumpedDatabase {
  readonly entry: DatabaseEntry;
  readonly inventory: Inventory;
  readonly facts: Fingerprint;
  readonly rest: string;
}

export async function backup(
  options: PostgresOptions,
  name: string,
  context: OperationContext,
  sink: ArtifactSink,
): Promise<BackupFacts> {
  await using access = await open(options, name, context);
  const { session, cluster, tools } = access;
  const from = new Date().toISOString();
  const before = await readDatabases(session);
  const { chosen, closed, unnameable } = chooseDatabases(before, options);
  const rolesBefore = await readGlobalFacts(session);

  const dumped = await inParallel(chosen, options.parallel ?? defaultParallel, context.signal, (entry, signal) =>
    dumpDatabase(access, entry, { ...context, signal }, (content) =>
      sink.write(databaseArtifact(entry.name), content, entry.size === undefined ? {} : { size: entry.size }),
    ),
  );
  // After the databases: whoever owns something in them is then in it.
  const globals = await captureGlobals(session, tools, context.signal);
  const settings = await readSettings(session);
  const small = { [globalsArtifact]: globals.dump, ...settings.files };
  for (const [artifact, content] of Object.entries(small)) {
    await sink.write(artifact, once(content), { size: content.length });
  }
  const after = await readDatabases(session);

  return {
    serverVersion: cluster.version,
    forms: [
      {
        name: form,
        method: "pg_dumpall --globals-only; pg_dump --create",
        capture: { from, to: new Date().toISOString() },
        pausedMs: 0,
        artifacts: [...chosen.map((entry) => databaseArtifact(entry.name)), ...Object.keys(small)],
        fingerprint: Object.assign({}, globals.facts, ...dumped.map(({ facts }) => facts)) as Fingerprint,
        notCovered: [
          "settings made with ALTER SYSTEM, pg_hba.conf and postgresql.conf: kept beside, never restored",
          "the contents of materialized views: computed anew when restored",
          "planner statistics, replication slots, and whether a subscription was enabled",
        ],
      },
    ],
    incomplete: [
      ...closed.map(closedReason),
      ...unnameable.map(
        (database) => `database ${JSON.stringify(database)} cannot be dumped: its name has a line break (rename it)`,
      ),
      ...changesOfDatabases(before, after),
      ...rolesBefore.roles
        .filter((role) => !globals.roles.some((other) => other.name === role.name))
        .map((role) => `role "${role.name}" was dropped during the backup, and what was dumped before may need it`),
    ],
    warnings: settings.warnings,
    empty: dumped.every(({ inventory }) => inventory.empty),
    details: detailsAsJson({
      bootstrapUser: cluster.bootstrapUser,
      databases: dumped.map(({ entry, inventory, rest }) => ({
        name: entry.name,
        artifact: databaseArtifact(entry.name),
        tablespace: entry.tablespace,
        extensions: inventory.extensions,
        rest,
      })),
      roles: globals.roles,
      tablespaces: tablespacesOf(globals),
      digests: Object.fromEntries(Object.entries(small).map(([artifact, content]) => [artifact, sha256(content)])),
    }),
  };
}

/** Dumps one database through `consume`. The dump, the inventory and the catalog facts are of one snapshot. */
export async function dumpDatabase(
  { server, tools }: Access,
  entry: DatabaseEntry,
  context: OperationContext,
  consume: (content: Bytes) => Promise<void>,
): Promise<DumpedDatabase> {
  await using session = await connect(server, entry.name, context.signal);
  return await session.transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", async () => {
    const [{ snapshot } = { snapshot: undefined }] = await session.query<{ snapshot: string }>(
      "SELECT pg_export_snapshot() AS snapshot",
    );
    const inventory = await readInventory(session);
    const whole = await readDatabaseFacts(session, [entry.name]);
    const totalBytes = entry.size === undefined ? {} : { totalBytes: entry.size };
    const dump = observeDump(await tools.dump(entry.name, snapshot, context.signal), (bytes) =>
      context.progress({ step: `dumping ${entry.name}`, bytes, ...totalBytes }),
    );
    await consume(dump.content);
    const { facts, ...rest } = dump.facts();
    assertDumpHasAll({ facts, ...rest }, inventory, entry.name);
    return { entry, inventory, rest: rest.rest, facts: { ...whole, ...prefixed(entry.name, facts) } };
  });
}

export function prefixed(database: string, facts: Fingerprint): Fingerprint {
  const prefix = databasePrefix(database);
  return Object.fromEntries(Object.entries(facts).map(([key, fact]) => [prefix + key, fact]));
}

function tablespacesOf({ facts }: GlobalFacts): string[] {
  const prefix = "tablespace:";
  return Object.keys(facts)
    .filter((key) => key.startsWith(prefix))
    .map((key) => key.slice(prefix.length));
}

function changesOfDatabases(before: readonly DatabaseEntry[], after: readonly DatabaseEntry[]): string[] {
  const known = new Set(before.map(({ oid }) => oid));
  const kept = new Set(after.map(({ oid }) => oid));
  return [
    ...after.filter(({ oid }) => !known.has(oid)).map(({ name }) => `database "${name}" was created during the backup`),
    ...before.filter(({ oid }) => !kept.has(oid)).map(({ name }) => `database "${name}" was dropped during the backup`),
  ];
}

const settingsFiles: Readonly<Record<string, string>> = {
  "config/postgresql.auto.conf": "current_setting('data_directory') || '/postgresql.auto.conf'",
  "config/pg_hba.conf": "current_setting('hba_file')",
  "config/postgresql.conf": "current_setting('config_file')",
};

/** The server's own configuration, as far as it may be read: kept beside the dumps. */
async function readSettings(
  session: Session,
): Promise<{ readonly files: Readonly<Record<string, Buffer>>; readonly warnings: readonly string[] }> {
  const files: Record<string, Buffer> = {};
  const warnings: string[] = [];
  for (const [artifact, path] of Object.entries(settingsFiles)) {
    try {
      const [row] = await session.query<{ content: Buffer }>(`SELECT pg_read_binary_file(${path}) AS content`);
      if (row !== undefined) files[artifact] = row.content;
    } catch (error) {
      const { reason, message } = toBackupError(error);
      if (reason === "cancelled" || reason === "connection") throw error;
      warnings.push(`${artifact} could not be kept: ${message}`);
    }
  }
  return { files, warnings };
}

function sha256(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

async function* once(bytes: Uint8Array): Bytes {
  yield bytes;
}
