import type { JournalRecord, RecoveryContext, Settlement } from "@sutazai/backup-core";
import { haveSwapped, swapBack } from "./cut-over.ts";
import { dropDatabase, endSessionsOf, nameOf, oidOf } from "./databases.ts";
import { fromJournal, type RestoreRecord } from "./journal-records.ts";
import { readSavedGlobals } from "./maintenance.ts";
import type { PostgresOptions } from "./options.ts";
import { resolveServer, type Server } from "./server.ts";
import { enter, quoteName, type Session } from "./session.ts";

/**
 * Settles one record of a restore by what is really there. `undo` leaves the server exactly as it was before, also after the cut-over:
 * the replaced databases and the old definitions of roles are kept in the server until the restore is finished.
 */
export async function recover(
  options: PostgresOptions,
  name: string,
  record: JournalRecord,
  settlement: Settlement,
  { containers, logger }: RecoveryContext,
): Promise<void> {
  const known = fromJournal(record);
  const server = await resolveServer(options, containers, name);
  // The maintenance database is removed from outside.
  const preferred = known.action === "make-maintenance-database" ? [] : [known.data.maintenance];
  await using session = await enter(server, undefined, preferred);
  logger.debug({ action: known.action, settlement }, "settling a step of a restore");
  await endSessionsOf(session, known.data.maintenance);
  await settle[settlement](known, server, session);
}

const settle: Readonly<Record<Settlement, (record: RestoreRecord, server: Server, session: Session) => Promise<void>>> =
  {
    async undo({ action, data }, server, session) {
      switch (action) {
        case "make-maintenance-database":
          return dropNamed(server, session, data.maintenance);
        case "create-role":
          await session.query(`DROP ROLE IF EXISTS ${quoteName(data.role)}`);
          return;
        case "demote-role": {
          const found = await session.query("SELECT FROM pg_roles WHERE rolname = $1", [data.role]);
          if (found.length > 0) await session.query(`ALTER ROLE ${quoteName(data.role)} SUPERUSER`);
          return;
        }
        case "stage-database":
          return dropNamed(server, session, data.staged);
        case "close-database": {
          const database = await nameOf(session, data.oid);
          if (database === undefined) return;
          await session.query(`ALTER DATABASE ${quoteName(database)} ALLOW_CONNECTIONS ${data.allowedConnections}`);
          return;
        }
        case "cut-over":
          if (await haveSwapped(session, data.swaps)) {
            await swapBack(session, data.swaps, await readSavedGlobals(session));
          }
          return;
      }
    },

    async finish({ action, data }, server, session) {
      if (action === "make-maintenance-database") await dropNamed(server, session, data.maintenance);
      if (action !== "cut-over") return;
      for (const { oldOid, retired } of data.swaps) {
        // Only what did change places.
        if (oldOid !== null && (await nameOf(session, oldOid)) === retired) await dropDatabase(server, session, oldOid);
      }
    },
  };

async function dropNamed(server: Server, session: Session, database: string): Promise<void> {
  const oid = await oidOf(session, database);
  if (oid !== undefined) await dropDatabase(server, session, oid);
}
