import {
  BackupError,
  compareFingerprints,
  describeDifference,
  type Fact,
  type Fingerprint,
} from "@sutazai/backup-core";
import { answersFor, applyGlobals, type GlobalsTarget } from "./apply-globals.ts";
import { readDatabaseFacts, readGlobalFacts } from "./catalog.ts";
import { disconnectAll, insist, nameOf } from "./databases.ts";
import type { Swap } from "./journal-records.ts";
import { quoteName, type Session } from "./session.ts";

interface Verified {
  readonly expected: Fingerprint;
  readonly found: Fingerprint;
}

/** A swap with the statements that give the new database its owner, settings, privileges and comment. */
export interface PreparedSwap extends Swap {
  readonly statements: readonly string[];
}

/**
 * The one moment in which the backup takes the place of what was there: a single transaction, so that a crash leaves all of
 * the old or all of the new. `verify` compares what it made before it commits, and prevents it by throwing.
 */
export async function cutOver(
  session: Session,
  swaps: readonly PreparedSwap[],
  globals: GlobalsTarget,
  verify: (found: Fingerprint) => Verified,
): Promise<Verified> {
  const oids = swaps.flatMap(({ stagedOid, oldOid }) => (oldOid === null ? [stagedOid] : [stagedOid, oldOid]));
  return insist(async () => {
    await disconnectAll(session, oids);
    return session.transaction("BEGIN", async () => {
      await session.query("SET LOCAL lock_timeout = '5s'");
      await assertUnchanged(session, swaps);
      const before = await readGlobalFacts(session);
      for (const swap of swaps) await session.execute(statementsOf(swap));
      await applyGlobals(session, globals);

      const after = await readGlobalFacts(session);
      const untouched = Object.keys(before.facts).filter((fact) => !answersFor(globals, before.subjects[fact] ?? []));
      assertSame(
        pick(before.facts, untouched),
        pick(after.facts, untouched),
        "what the backup does not have would change",
      );
      const mine = Object.keys(after.facts).filter((fact) => answersFor(globals, after.subjects[fact] ?? []));
      return verify({
        ...(await readDatabaseFacts(
          session,
          swaps.map(({ name }) => name),
        )),
        ...pick(after.facts, mine),
      });
    });
  });
}

function statementsOf({ name, staged, retired, oldOid, statements }: PreparedSwap): string[] {
  return [
    ...(oldOid === null ? [] : [`ALTER DATABASE ${quoteName(name)} RENAME TO ${quoteName(retired)}`]),
    `ALTER DATABASE ${quoteName(staged)} RENAME TO ${quoteName(name)}`,
    `ALTER DATABASE ${quoteName(name)} CONNECTION LIMIT -1`,
    ...statements.filter((statement) => !statement.startsWith("CREATE DATABASE ")),
  ];
}

async function assertUnchanged(session: Session, swaps: readonly Swap[]): Promise<void> {
  for (const { name, staged, stagedOid, oldOid } of swaps) {
    const now = await session.query<{ oid: number }>(
      "SELECT oid::int8::float8 AS oid FROM pg_database WHERE datname = $1",
      [name],
    );
    if ((now[0]?.oid ?? null) === oldOid && (await nameOf(session, stagedOid)) === staged) continue;
    throw new BackupError(
      "restore-failed",
      `database "${name}" was renamed, dropped or created by somebody else meanwhile`,
      {
        operation: "postgres.cut-over",
        hint: "restore again when nobody else changes databases",
      },
    );
  }
}

/** Throws `mismatch`, naming the first facts that differ. */
export function assertSame(expected: Fingerprint, found: Fingerprint, what: string): void {
  const differences = compareFingerprints(expected, found);
  if (differences.length === 0) return;
  const shown = differences.slice(0, 5).map(describeDifference).join("; ");
  throw new BackupError(
    "mismatch",
    `${what}: ${shown}${differences.length > 5 ? `; and ${differences.length - 5} more` : ""}`,
    {
      operation: "postgres.validate",
      hint: "the server is left as it was; restore another backup, or look into what differs",
      details: { differences: differences.length },
    },
  );
}

/** Puts the retired databases back in their places, and roles with them: one transaction again. A no-op where the cut-over never was. */
export async function swapBack(session: Session, swaps: readonly Swap[], before: GlobalsTarget): Promise<void> {
  const committed = await haveSwapped(session, swaps);
  if (!committed) return;
  const oids = swaps.flatMap(({ stagedOid, oldOid }) => (oldOid === null ? [stagedOid] : [stagedOid, oldOid]));
  for (const { name } of swaps) await session.query(`ALTER DATABASE ${quoteName(name)} ALLOW_CONNECTIONS false`);
  await insist(async () => {
    await disconnectAll(session, oids);
    await session.transaction("BEGIN", async () => {
      await session.query("SET LOCAL lock_timeout = '5s'");
      for (const { name, staged, retired, oldOid } of swaps) {
        await session.query(`ALTER DATABASE ${quoteName(name)} RENAME TO ${quoteName(staged)}`);
        if (oldOid !== null) await session.query(`ALTER DATABASE ${quoteName(retired)} RENAME TO ${quoteName(name)}`);
      }
      await applyGlobals(session, before);
    });
  });
}

/** Whether the cut-over was committed: all of its databases have their new names, or none. */
export async function haveSwapped(session: Session, swaps: readonly Swap[]): Promise<boolean> {
  const [first] = swaps;
  return first !== undefined && (await nameOf(session, first.stagedOid)) === first.name;
}

function pick(facts: Fingerprint, keys: readonly string[]): Fingerprint {
  return Object.fromEntries(keys.map((key): [string, Fact] => [key, facts[key] ?? { absent: "it is gone" }]));
}
