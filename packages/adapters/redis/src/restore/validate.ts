import {
  BackupError,
  compareFingerprints,
  describeDifference,
  formOf,
  type ArtifactSource,
  type Fact,
  type Fingerprint,
  type OperationContext,
} from "@sutazai/backup-core";
import { readTar } from "@sutazai/backup-formats";
import { AofContent } from "../aof/content.ts";
import { artifactNames } from "../backup.ts";
import { capture, discard } from "../capture.ts";
import { detailsOf } from "../details.ts";
import { manifestText } from "../inspect.ts";
import type { FormName } from "../options.ts";
import { fingerprintOf, type RdbContent } from "../rdb/content.ts";
import { parseRdb } from "../rdb/parser.ts";
import type { Server } from "../server.ts";
import type { Target } from "../target.ts";

export interface Validation {
  readonly fingerprint: Fingerprint;
  readonly expected: Fingerprint;
}

/**
 * Compares what the server holds now with the backup, exactly, though keys expire meanwhile: both are read as of one moment, directly
 * after the server had saved. A key that had expired by then is left out of both, whether the server has dropped it or not; every other
 * key must be in both. Throws `mismatch`.
 */
export async function validate(
  context: OperationContext,
  target: Target,
  server: Server,
  source: ArtifactSource,
  form: FormName,
): Promise<Validation> {
  const { content, expiredBy } = await capture(context, target, server, discard, { withoutExpired: true });
  const fingerprint = fingerprintOf(content);
  context.progress({ step: "comparing with the backup" });
  const expected = await expectedFacts(source, form, expiredBy ?? 0, server);
  const differences = compareFingerprints(expected, fingerprint);
  if (differences.length > 0) {
    throw new BackupError(
      "mismatch",
      `the server does not hold what the backup holds: ${differences.slice(0, 5).map(describeDifference).join("; ")}`,
      {
        operation: "redis.validate",
        database: target.database,
        hint: "the restore is undone; look at the server's log for what it did with the files at its start",
        details: { differences: differences.length },
      },
    );
  }
  return { fingerprint, expected };
}

async function expectedFacts(
  source: ArtifactSource,
  form: FormName,
  expiredBy: number,
  server: Server,
): Promise<Fingerprint> {
  const recorded = formOf(source.manifest, form).fingerprint;
  if (Object.values(recorded).some((fact) => "bounds" in fact)) return withExpired(recorded, server);
  const earliest = detailsOf(source.manifest).rdb[form]?.earliestExpiry;
  // Nothing had expired: no need to read the backup once more.
  if (earliest === null || (earliest !== undefined && earliest > expiredBy)) return recorded;
  const backedUp = await contentOf(source, form, expiredBy);
  return backedUp === undefined ? recorded : fingerprintOf(backedUp);
}

/** The backup's content as of a moment; undefined where only a server could tell it (commands in the AOF). */
async function contentOf(source: ArtifactSource, form: FormName, expiredBy: number): Promise<RdbContent | undefined> {
  if (form === "rdb") return parseRdb(source.read(artifactNames.rdb), { expiredBy });
  let content: AofContent | undefined;
  for await (const entry of readTar(source.read(artifactNames.aof), { types: ["file"] })) {
    if (content === undefined) {
      content = new AofContent(await manifestText(entry), expiredBy);
    } else {
      await discard(content.file(entry.name, entry.content));
    }
  }
  return content?.exact;
}

/** Bounds were counted when they were recorded; by now there may be as many keys less as the server says it has expired. */
async function withExpired(recorded: Fingerprint, server: Server): Promise<Fingerprint> {
  const expired = Number((await server.info("stats"))["expired_keys"] ?? 0);
  return Object.fromEntries(
    Object.entries(recorded).map(([name, fact]): [string, Fact] => {
      if (!("bounds" in fact)) return [name, fact];
      return [name, { bounds: [Math.max(0, Math.min(...fact.bounds) - expired), Math.max(...fact.bounds)] }];
    }),
  );
}
