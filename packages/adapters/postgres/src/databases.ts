import { setTimeout as sleep } from "node:timers/promises";
import { BackupError, isBackupError } from "@sutazai/backup-core";
import type { Server } from "./server.ts";
import { connect, quoteName, type Session } from "./session.ts";

const patienceMs = 60_000;
const pauseMs = 100;

export async function oidOf(session: Session, database: string): Promise<number | undefined> {
  const [row] = await session.query<{ oid: number }>(
    "SELECT oid::int8::float8 AS oid FROM pg_database WHERE datname = $1",
    [database],
  );
  return row?.oid;
}

export async function nameOf(session: Session, oid: number): Promise<string | undefined> {
  const [row] = await session.query<{ name: string }>(
    "SELECT datname::text AS name FROM pg_database WHERE oid = $1::int8::oid",
    [oid],
  );
  return row?.name;
}

/**
 * Ends what sessions of an operation still run, though whoever opened them is gone: what they make would appear after it had been looked for.
 * An operation's work is done in its maintenance database, whose name the statements that make databases share the beginning of.
 */
export async function endSessionsOf(session: Session, maintenance: string): Promise<void> {
  await terminate(session, `application_name = 'sutazai-backup' AND (datname = $1 OR position($2 IN query) > 0)`, [
    maintenance,
    maintenance.replace(/_work$/, "_"),
  ]);
}

/** Ends every session in these databases but our own. Throws `timeout` where they do not go, or keep coming back. */
export function disconnectAll(session: Session, oids: readonly number[]): Promise<void> {
  return terminate(session, "datid = ANY ($1::int8[]::oid[])", [oids]);
}

async function terminate(session: Session, which: string, values: readonly unknown[]): Promise<void> {
  const until = performance.now() + patienceMs;
  for (;;) {
    const left = await session.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND ${which}`,
      values,
    );
    if (left.length === 0) return;
    if (performance.now() > until) {
      throw new BackupError("timeout", `${left.length} sessions do not end`, {
        operation: "postgres.disconnect",
        hint: "end them (pg_stat_activity shows them), then try again",
      });
    }
    await sleep(pauseMs);
  }
}

/** Runs `work` again where another session was in the way (a lock, a connection that came back), for a while. */
export async function insist<T>(work: () => Promise<T>): Promise<T> {
  const until = performance.now() + patienceMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (
        !isBackupError(error) ||
        error.reason !== "timeout" ||
        error.details["code"] === undefined ||
        performance.now() > until
      ) {
        throw error;
      }
      await sleep(pauseMs);
    }
  }
}

/** Drops a database whoever is connected and whatever it is for; a no-op where there is none of this OID. */
export async function dropDatabase(server: Server, session: Session, oid: number): Promise<void> {
  const database = await nameOf(session, oid);
  if (database === undefined) return;
  await session.query(`ALTER DATABASE ${quoteName(database)} IS_TEMPLATE false`);
  await dropSubscriptions(server, session, database, oid);
  await insist(() => session.query(`DROP DATABASE IF EXISTS ${quoteName(database)} WITH (FORCE)`));
}

/** A database with subscriptions cannot be dropped. Their slots stay on the publisher: the restored subscriptions use them too. */
async function dropSubscriptions(server: Server, session: Session, database: string, oid: number): Promise<void> {
  const subscriptions = await session.query<{ name: string }>(
    "SELECT subname::text AS name FROM pg_subscription WHERE subdbid = $1::int8::oid",
    [oid],
  );
  if (subscriptions.length === 0) return;
  await session.query(`ALTER DATABASE ${quoteName(database)} ALLOW_CONNECTIONS true`);
  await using inside = await connect(server, database);
  for (const subscription of subscriptions.map(({ name }) => quoteName(name))) {
    await inside.execute([
      `ALTER SUBSCRIPTION ${subscription} DISABLE`,
      `ALTER SUBSCRIPTION ${subscription} SET (slot_name = NONE)`,
      `DROP SUBSCRIPTION ${subscription}`,
    ]);
  }
}
