import { BackupError, inTurn, type Bytes, type OperationContext } from "@sutazai/backup-core";
import type { RdbContent } from "./rdb/content.ts";
import { RdbParser } from "./rdb/parser.ts";
import { persistenceOf } from "./persistence.ts";
import { isLatest, save, type Save } from "./save.ts";
import type { Keyspace, Server } from "./server.ts";
import { serverFile } from "./server-file.ts";
import { containerOf, type Target } from "./target.ts";

const attempts = 3;

/** A snapshot as it was read off the server's disk. */
export interface Capture {
  readonly save: Save;
  readonly content: RdbContent;
  /** What was left out as expired, where that was asked for: milliseconds since 1970, by the server's clock. */
  readonly expiredBy: number | undefined;
}

/** Takes what is read and brings it somewhere; it must read to the end. */
export type Consumer = (content: Bytes) => Promise<void>;

/**
 * Has the server save and streams the file through `consume`, parsing it on the way: the file is whole, it is the one just saved,
 * and it holds as many keys as the server counted at that moment. With `withoutExpired`, keys are left out of the content (not
 * out of the stream) that had expired by the time the save was done.
 */
export async function capture(
  context: OperationContext,
  target: Target,
  server: Server,
  consume: Consumer,
  options: { readonly withoutExpired?: boolean } = {},
): Promise<Capture> {
  const container = containerOf(target);
  const { saved, expiredBy, first, chunks } = await inTurn(container.id, context.signal, () =>
    openSave(context, target, server, options.withoutExpired === true),
  );
  const parser = new RdbParser(expiredBy === undefined ? {} : { expiredBy });
  let content: RdbContent | undefined;
  async function* read(): Bytes {
    let bytes = 0;
    for (let next = first; next.done !== true; next = await chunks.next()) {
      parser.write(next.value);
      bytes += next.value.length;
      context.progress({ step: "reading the snapshot", bytes });
      yield next.value;
    }
    content = parser.end();
    assertFresh(content, saved, target.database);
    if (expiredBy === undefined) assertCounts(content, saved, target.database);
  }
  try {
    await consume(read());
  } finally {
    await chunks.return?.();
  }
  if (content === undefined) throw new Error("the consumer of a snapshot did not read it to its end");
  return { save: saved, content, expiredBy };
}

interface OpenSave {
  readonly saved: Save;
  readonly expiredBy: number | undefined;
  readonly first: IteratorResult<Uint8Array>;
  readonly chunks: AsyncIterator<Uint8Array>;
}

async function openSave(
  context: OperationContext,
  target: Target,
  server: Server,
  withoutExpired: boolean,
): Promise<OpenSave> {
  const container = containerOf(target);
  const { directory, rdbFile } = await persistenceOf(server, target.database);
  for (let attempt = 0; attempt < attempts; attempt++) {
    context.progress({ step: "saving" });
    const saved = await save(server, context.signal, target.database);
    const expiredBy = withoutExpired ? await clock(server) : undefined;
    const chunks = serverFile(context, container, directory, rdbFile)[Symbol.asyncIterator]();
    const first = await chunks.next();
    try {
      // Now the file is open. Had another save put a newer one in its place, it would show here.
      if (await isLatest(server, saved)) return { saved, expiredBy, first, chunks };
    } catch (error) {
      await chunks.return?.();
      throw error;
    }
    await chunks.return?.();
  }
  throw new BackupError("locked", `other saves replaced the snapshot ${attempts} times before it could be read`, {
    operation: "redis.capture",
    database: target.database,
    hint: "run it again when fewer saves happen: see the server's `save` points",
  });
}

/** The server's clock, in milliseconds since 1970. */
async function clock(server: Server): Promise<number> {
  const [seconds, microseconds] = (await server.call("TIME")) as [string, string];
  return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
}

/**
 * The file must have been made since the save was asked for. One that somebody has put in its place, or that lies where the server does not write, may hold as many
 * keys, and be of yesterday. Both times are of the server's clock, and one of them may be a second behind the other.
 */
function assertFresh({ auxiliary }: RdbContent, { askedAt }: Save, database: string): void {
  const madeAt = Number(auxiliary.get("ctime") ?? Number.NaN);
  if (askedAt === undefined || Number.isNaN(madeAt) || madeAt >= askedAt - 1) return;
  const iso = (seconds: number) => new Date(seconds * 1000).toISOString();
  throw new BackupError(
    "mismatch",
    `the snapshot on the disk is an old one, made at ${iso(madeAt)}: the server was asked to save at ${iso(askedAt)}, and says that it did`,
    {
      operation: "redis.capture",
      database,
      hint: "see that the server's `dir` and `dbfilename` are where its volume is mounted, and who else writes there",
    },
  );
}

/** The file must hold what the server counted by itself: exactly where it counted the same before and after, else within those two. */
export function assertCounts(
  content: RdbContent,
  { before, after }: Pick<Save, "before" | "after">,
  database: string,
): void {
  const indexes = new Set([...before.keys(), ...after.keys(), ...content.databases.keys()]);
  for (const index of [...indexes].sort((a, b) => a - b)) {
    for (const what of ["keys", "expires"] as const) {
      const found = content.databases.get(index)?.[what] ?? 0;
      const counts = [countIn(before, index, what), countIn(after, index, what)];
      if (found >= Math.min(...counts) && found <= Math.max(...counts)) continue;
      throw new BackupError(
        "incomplete",
        `the snapshot holds ${found} ${what} in database ${index}, the server counted ${[...new Set(counts)].join(" to ")}`,
        {
          operation: "redis.capture",
          database,
          hint: "run it again; where it stays so, look at the server's log",
          details: { index, what, found, counted: counts },
        },
      );
    }
  }
}

function countIn(keyspace: Keyspace, index: number, what: "keys" | "expires"): number {
  return keyspace.get(index)?.[what] ?? 0;
}

export async function discard(content: Bytes): Promise<void> {
  for await (const _ of content);
}
