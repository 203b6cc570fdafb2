import { BackupError } from "@sutazai/backup-core";
import type { Session } from "./session.ts";
import { tableKey, type DumpFacts } from "./dump/facts.ts";

/** What a database holds by its own catalogs: what a dump of it is compared with. */
export interface Inventory {
  /** As {@link tableKey} names them. */
  readonly tables: ReadonlySet<string>;
  readonly largeObjects: number;
  readonly extensions: readonly string[];
  /** No table, function, type or large object of a user's own. */
  readonly empty: boolean;
}

/** Reads it in the session's present transaction. */
export async function readInventory(session: Session): Promise<Inventory> {
  // Names as bytes: a dump has them in the database's encoding. Tables of an extension count only where it says that they hold user data.
  const tables = await session.query<{ schema: Buffer; table: Buffer }>(
    `SELECT convert_to(n.nspname, getdatabaseencoding()) AS schema, convert_to(c.relname, getdatabaseencoding()) AS "table"
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        AND (NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0 AND d.deptype = 'e')
             OR EXISTS (SELECT FROM pg_extension e WHERE c.oid = ANY (e.extconfig)))`,
  );
  const [rest] = await session.query<{ largeObjects: number; extensions: string[]; empty: boolean }>(
    `SELECT (SELECT count(*)::float8 FROM pg_largeobject_metadata) AS "largeObjects",
            ARRAY(SELECT extname::text FROM pg_extension ORDER BY 1) AS extensions,
            NOT EXISTS (SELECT FROM pg_class WHERE oid >= 16384) AND NOT EXISTS (SELECT FROM pg_proc WHERE oid >= 16384)
              AND NOT EXISTS (SELECT FROM pg_type WHERE oid >= 16384) AND NOT EXISTS (SELECT FROM pg_largeobject_metadata) AS empty`,
  );
  if (rest === undefined) throw new Error("a SELECT without FROM has one row");
  return {
    ...rest,
    tables: new Set(tables.map(({ schema, table }) => tableKey(schema.toString("latin1"), table.toString("latin1")))),
  };
}

/** Throws `mismatch` where a dump lacks what the server says is there at the same moment, or has more. */
export function assertDumpHasAll(dump: DumpFacts, inventory: Inventory, database: string): void {
  const missing = [...inventory.tables].filter((table) => !dump.tables.has(table));
  const unexpected = [...dump.tables].filter((table) => !inventory.tables.has(table));
  const problems = [
    ...missing.map((table) => `table ${showTable(table)} is missing`),
    ...unexpected.map((table) => `table ${showTable(table)} is not in the catalogs`),
    ...(dump.largeObjects === inventory.largeObjects
      ? []
      : [`${dump.largeObjects} large objects instead of ${inventory.largeObjects}`]),
  ];
  if (problems.length === 0) return;
  const shown = problems.slice(0, 5).join("; ") + (problems.length > 5 ? `; and ${problems.length - 5} more` : "");
  throw new BackupError("mismatch", `the dump of database "${database}" is not what the server says it has: ${shown}`, {
    operation: "postgres.backup",
    hint: "this backup is not kept; if it happens again, report it together with the version of the server",
  });
}

function showTable(key: string): string {
  return Buffer.from(key, "latin1").toString("utf8").replace("\0", ".");
}
