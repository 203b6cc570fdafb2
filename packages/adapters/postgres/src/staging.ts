import { toBackupError, type ArtifactSource, type Fingerprint, type OperationContext } from "@sutazai/backup-core";
import { prefixed } from "./backup.ts";
import type { BackupDetails } from "./details.ts";
import { oidOf } from "./databases.ts";
import { readDump } from "./dump/observe.ts";
import { identifierPattern, renameDatabase } from "./dump/names.ts";
import { DumpSplitter, readDatabaseStatements } from "./dump/rewrite.ts";
import { toJournal } from "./journal-records.ts";
import type { Access } from "./open.ts";
import { connect, quoteName } from "./session.ts";

/** A database restored under a hidden name, and what was found in it when it was dumped again. */
export interface StagedDatabase {
  readonly name: string;
  readonly staged: string;
  readonly stagedOid: number;
  /** Its statements about itself, as the backup has them. */
  readonly statements: readonly string[];
  readonly facts: Fingerprint;
}

/** Restores one database beside the live one, then reads it back. */
export async function stageDatabase(
  { server, tools }: Access,
  maintenance: string,
  source: ArtifactSource,
  database: BackupDetails["databases"][number],
  staged: string,
  context: OperationContext,
): Promise<StagedDatabase> {
  const { name, artifact } = database;
  const { signal } = context;
  try {
    // A session of its own: databases are staged at the same time.
    await using session = await connect(server, maintenance, signal);
    const head = await readDatabaseStatements(source.read(artifact));
    await context.journal.record(
      toJournal(server.database, { action: "stage-database", data: { maintenance, staged } }),
    );
    await session.execute([
      ...head.filter(isNeededInside).map((statement) => renameDatabase(statement, quoteName(staged))),
      // Superusers alone get in, until it takes its place.
      `ALTER DATABASE ${quoteName(staged)} CONNECTION LIMIT 0`,
    ]);
    const splitter = new DumpSplitter(source.read(artifact));
    const size = source.manifest.artifacts.find((entry) => entry.name === artifact)?.plain.bytes;
    await tools.replay(staged, counted(splitter.content(), `restoring ${name}`, size, context), signal);

    const dump = await tools.dump(staged, undefined, signal);
    const totalBytes = size === undefined ? {} : { totalBytes: size };
    const { facts } = await readDump(dump, (bytes) =>
      context.progress({ step: `comparing ${name}`, bytes, ...totalBytes }),
    );
    const stagedOid = await oidOf(session, staged);
    if (stagedOid === undefined) throw new Error(`database ${staged} has vanished`);
    return { name, staged, stagedOid, statements: splitter.databaseStatements, facts: prefixed(name, facts) };
  } catch (error) {
    throw toBackupError(error, {
      operation: "postgres.restore",
      hint: `nothing live was touched; database "${name}" could not be restored beside it`,
    });
  }
}

const setsUp = new RegExp(
  `^(?:CREATE DATABASE |ALTER DATABASE (?:${identifierPattern}) (?:OWNER TO|SET) |ALTER ROLE )`,
  "s",
);

/** The database's own settings hold for whoever fills it; its limits would only be in the way. */
function isNeededInside(statement: string): boolean {
  return setsUp.test(statement);
}

async function* counted(
  content: AsyncIterable<Uint8Array>,
  step: string,
  totalBytes: number | undefined,
  { progress }: OperationContext,
): AsyncIterable<Uint8Array> {
  let bytes = 0;
  for await (const chunk of content) {
    bytes += chunk.length;
    progress({ step, bytes, ...(totalBytes !== undefined && { totalBytes }) });
    yield chunk;
  }
}
