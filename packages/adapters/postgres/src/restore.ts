import { randomBytes } from "node:crypto";
import {
  BackupError,
  type ArtifactSource,
  type Fingerprint,
  type JournalEntry,
  type OperationContext,
  type RestoreFacts,
  type RestoreOptions,
} from "@sutazai/backup-core";
import { rolesOf, type GlobalsTarget } from "./apply-globals.ts";
import { defaultParallel } from "./backup.ts";
import { passwordFact, readDatabases, readGlobalFacts } from "./catalog.ts";
import { assertSame, cutOver, type PreparedSwap } from "./cut-over.ts";
import { globalsArtifact } from "./details.ts";
import { parseStatements } from "./dump/statements.ts";
import { comparable, expectedFacts } from "./expected.ts";
import { toJournal, type RestoreRecord } from "./journal-records.ts";
import { makeMaintenanceDatabase } from "./maintenance.ts";
import { open } from "./open.ts";
import type { PostgresOptions } from "./options.ts";
import { inParallel } from "./parallel.ts";
import { examine, majorOf } from "./plan.ts";
import { connect, quoteName, type Session } from "./session.ts";
import { stageDatabase, type StagedDatabase } from "./staging.ts";

const globalsLimit = 64 * 1024 * 1024;

/**
 * Restores beside what is there, compares, and changes places in one transaction. Every step is in the journal before it is taken: what goes
 * wrong here is undone by whoever closes the journal.
 */
export async function restore(
  options: PostgresOptions,
  name: string,
  context: OperationContext,
  source: ArtifactSource,
  restoreOptions: RestoreOptions,
): Promise<RestoreFacts> {
  const { signal, journal } = context;
  await using access = await open(options, name, context);
  const { server, cluster } = access;
  const examination = await examine(options, access, source.manifest, restoreOptions);
  const { databases, plan, missingRoles, restoresRoles, risenRoles } = examination;
  const record: Recorder = (entry) => journal.record(toJournal(name, entry));
  const operation = randomBytes(5).toString("hex");

  const maintenance = `sutazai_${operation}_work`;
  await using session = await makeMaintenanceDatabase(access, maintenance, context);
  const statements = parseStatements(await readWhole(source, globalsArtifact));
  for (const role of rolesOf(statements).filter((role) => missingRoles.includes(role))) {
    await record({ action: "create-role", data: { maintenance, role } });
    await session.query(`CREATE ROLE ${quoteName(role)}`);
  }

  // What a superuser grants counts as granted by the owner: privileges that these roles passed on would come back as somebody else's.
  for (const role of restoresRoles ? risenRoles : []) {
    await record({ action: "demote-role", data: { maintenance, role } });
    await session.query(`ALTER ROLE ${quoteName(role)} NOSUPERUSER`);
  }

  const staged = await inParallel(databases, options.parallel ?? defaultParallel, signal, (database, signal, index) =>
    stageDatabase(access, maintenance, source, database, `sutazai_${operation}_new_${index}`, { ...context, signal }),
  );
  const sameMajor = cluster.major === majorOf(source.manifest);
  const live = await readGlobalFacts(session);
  const expected = expectedFacts(
    source.manifest,
    restoreOptions.form,
    examination,
    cluster.user,
    live.facts[passwordFact(cluster.user)],
  );
  const everything = Object.assign({}, ...staged.map(({ facts }) => facts)) as Fingerprint;
  const inside = comparable(expected.inside, everything, sameMajor);
  assertSame(inside.expected, inside.found, "what was restored is not what was backed up");

  signal.throwIfAborted();
  const swaps = await closeOldDatabases(session, maintenance, staged, operation, record);
  await record({ action: "cut-over", data: { maintenance, swaps: swaps.map(({ statements: _, ...swap }) => swap) } });
  const globals: GlobalsTarget = {
    statements,
    facts: expected.globals,
    scope: restoresRoles ? "known" : { newRoles: new Set(missingRoles) },
  };
  const outside = { ...expected.whole, ...expected.globals };
  const settled = await cutOver(session, swaps, globals, (found) => {
    const pair = comparable(outside, found, sameMajor);
    assertSame(pair.expected, pair.found, "the restored settings are not those of the backup");
    return pair;
  });
  for (const database of databases) {
    await using check = await connect(server, database.name, signal);
    await check.query("SELECT 1");
  }
  return {
    fingerprint: { ...inside.found, ...settled.found },
    expected: { ...inside.expected, ...settled.expected },
    evidence: [
      "each database dumped again before the cut-over",
      "roles and settings read before the cut-over was committed",
      "each database entered after it",
    ],
    warnings: [...plan.warnings, ...expected.warnings],
  };
}

type Recorder = (entry: RestoreRecord) => Promise<JournalEntry>;

/** Lets nobody into the databases that are to be replaced, not even superusers. */
async function closeOldDatabases(
  session: Session,
  maintenance: string,
  staged: readonly StagedDatabase[],
  operation: string,
  record: Recorder,
): Promise<PreparedSwap[]> {
  const live = await readDatabases(session);
  const swaps: PreparedSwap[] = [];
  for (const [index, { facts: _, ...database }] of staged.entries()) {
    const old = live.find(({ name }) => name === database.name);
    swaps.push({ ...database, retired: `sutazai_${operation}_old_${index}`, oldOid: old?.oid ?? null });
    if (old === undefined) continue;
    await record({
      action: "close-database",
      data: { maintenance, oid: old.oid, allowedConnections: old.allowsConnections },
    });
    await session.query(`ALTER DATABASE ${quoteName(old.name)} ALLOW_CONNECTIONS false`);
  }
  return swaps;
}

async function readWhole(source: ArtifactSource, artifact: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of source.read(artifact)) {
    length += chunk.length;
    if (length > globalsLimit) {
      throw new BackupError("corrupt", `${artifact} is larger than this system writes it`, {
        operation: "postgres.restore",
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
