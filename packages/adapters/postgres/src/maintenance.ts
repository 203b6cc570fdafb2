import { BackupError, type Fingerprint, type OperationContext } from "@sutazai/backup-core";
import type { GlobalsTarget } from "./apply-globals.ts";
import { parseStatements } from "./dump/statements.ts";
import { captureGlobals } from "./globals.ts";
import { toJournal } from "./journal-records.ts";
import type { Access } from "./open.ts";
import { connect, quoteName, type Session } from "./session.ts";

/**
 * Makes a database to work from while all others may be replaced, and keeps in it what roles are now: their passwords'
 * verifiers stay in the server, and go with the database.
 */
export async function makeMaintenanceDatabase(
  { server, session, tools }: Access,
  maintenance: string,
  { journal, signal }: OperationContext,
): Promise<Session> {
  await journal.record(toJournal(server.database, { action: "make-maintenance-database", data: { maintenance } }));
  const database = quoteName(maintenance);
  await session.execute([
    `CREATE DATABASE ${database} TEMPLATE template0`,
    `REVOKE ALL ON DATABASE ${database} FROM PUBLIC`,
    `ALTER DATABASE ${database} CONNECTION LIMIT 0`,
  ]);
  const inside = await connect(server, maintenance, signal);
  const { dump, facts } = await captureGlobals(inside, tools, signal);
  await inside.query("CREATE TABLE public.before_restore (globals bytea NOT NULL, facts jsonb NOT NULL)");
  await inside.query("INSERT INTO public.before_restore VALUES ($1, $2)", [dump, JSON.stringify(facts)]);
  return inside;
}

/** What roles were before the restore that this maintenance database was made for. */
export async function readSavedGlobals(session: Session): Promise<GlobalsTarget> {
  const [saved] = await session.query<{ globals: Buffer; facts: Fingerprint }>(
    "SELECT globals, facts FROM public.before_restore",
  );
  if (saved === undefined) {
    throw new BackupError("restore-failed", `database ${session.database} does not hold what roles were before`, {
      operation: "postgres.recover",
      hint: "rename the databases back by hand, and restore roles from the safety backup's globals.sql",
    });
  }
  return { statements: parseStatements(saved.globals), facts: saved.facts, scope: "all" };
}
