import { BackupError } from "@sutazai/backup-core";

/** What the comment above each object of a dump says of it. Line breaks in names are blanks here; one character per byte. */
export interface TocHeader {
  readonly name: string;
  readonly type: string;
  /** Empty for what is in no schema. */
  readonly schema: string;
  readonly tablespace: string;
}

const header =
  /^-- (?:[A-Z][a-z]+ for )?Name: (.*); Type: ([A-Z][A-Z ]*); Schema: (.*?); Owner: (.*?)(?:; Tablespace: (.*))?$/s;

/** Reads such a comment; undefined for any other. */
export function parseTocHeader(line: string): TocHeader | undefined {
  const found = header.exec(line);
  if (found === null) return undefined;
  const [, name = "", type = "", schema = "", , tablespace = ""] = found;
  return { name, type, schema: schema === "-" ? "" : schema, tablespace };
}

/** An identifier as SQL writes it, quoted or not. */
export const identifierPattern: string = String.raw`"(?:[^"]|"")+"|[^\s"().;,']+`;

export function unquoteIdentifier(identifier: string): string {
  return identifier.startsWith('"') ? identifier.slice(1, -1).replaceAll('""', '"') : identifier;
}

/** Quoted only where it must be, whatever the server would do: so that names of facts are the same from every server. */
export function plainIdentifier(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

const copyTarget = new RegExp(`^COPY (${identifierPattern})\\.(${identifierPattern}) `, "s");

/** The schema and table that a `COPY … FROM stdin` fills; undefined where it is not written as pg_dump does. */
export function parseCopyTarget(head: string): { readonly schema: string; readonly table: string } | undefined {
  const [, schema, table] = copyTarget.exec(head) ?? [];
  if (schema === undefined || table === undefined) return undefined;
  return { schema: unquoteIdentifier(schema), table: unquoteIdentifier(table) };
}

const databaseStatement = new RegExp(
  "^(?:" +
    [
      "(?:CREATE|ALTER) DATABASE ",
      "COMMENT ON DATABASE ",
      "(?:GRANT|REVOKE) [A-Z, ]+ ON DATABASE ",
      `ALTER ROLE (?:${identifierPattern}) IN DATABASE `,
      `SECURITY LABEL FOR (?:${identifierPattern}|'[^']*') ON DATABASE `,
    ].join("|") +
    `)(?=(${identifierPattern}))`,
  "sd",
);

/** Whether a statement is about the database as a whole rather than something in it; told by its own words, never by a comment. */
export function isDatabaseStatement(head: string): boolean {
  return databaseStatement.test(head);
}

/** The same statement for a database of another name, which is given quoted. */
export function renameDatabase(statement: string, quotedName: string): string {
  const range = databaseStatement.exec(statement)?.indices?.[1];
  if (range === undefined) {
    throw new BackupError("corrupt", "a statement that names no database was to be applied to one", {
      operation: "postgres.read-dump",
    });
  }
  return statement.slice(0, range[0]) + quotedName + statement.slice(range[1]);
}
