import { BackupError } from "@sutazai/backup-core";

/** What the comment above each object of a dump says of it. Line breaks in names are blanks here; one character per byte. */
export interface TocHeader {
  readonly name: string;
  readonly type: string;
  /** Empty for what is in no schema. */
  readonly schema: string;
  readonly tablespace: string;
}

const headerStart = /^-- (?:[A-Z][a-z]+ for )?Name: /;
const [beforeType, beforeOwner, beforeTablespace] = ["; Type: ", "; Owner: ", "; Tablespace: "];
const typeAndSchema = /; Type: ([A-Z][A-Z ]*); Schema: /y;

/**
 * Reads such a comment; undefined for any other. A name may hold what parts the fields: the last type that an owner follows counts. Not one
 * pattern for the whole, which would go over a hostile line again and again.
 */
export function parseTocHeader(line: string): TocHeader | undefined {
  const nameStart = headerStart.exec(line)?.[0].length;
  const lastOwner = line.lastIndexOf(beforeOwner);
  if (nameStart === undefined || lastOwner === -1) return undefined;
  for (let at = lastOwner; at > nameStart;) {
    at = line.lastIndexOf(beforeType, at - 1);
    if (at < nameStart) return undefined;
    typeAndSchema.lastIndex = at;
    const [fields, type] = typeAndSchema.exec(line) ?? [];
    if (fields === undefined || type === undefined || at + fields.length > lastOwner) continue;
    const schemaStart = at + fields.length;
    const schemaEnd = line.indexOf(beforeOwner, schemaStart);
    const schema = line.slice(schemaStart, schemaEnd);
    const tablespace = line.indexOf(beforeTablespace, schemaEnd + beforeOwner.length);
    return {
      name: line.slice(nameStart, at),
      type,
      schema: schema === "-" ? "" : schema,
      tablespace: tablespace === -1 ? "" : line.slice(tablespace + beforeTablespace.length),
    };
  }
  return undefined;
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
