import {
  BackupError,
  inTurn,
  type ArtifactSink,
  type BackupFacts,
  type FormFacts,
  type OperationContext,
} from "@sutazai/backup-core";
import { aofFingerprint } from "./aof/content.ts";
import { readAof } from "./aof/read.ts";
import { rewrite } from "./aof/rewrite.ts";
import { assertCounts, capture } from "./capture.ts";
import { detailsAsJson, type Details, type RdbDetails } from "./details.ts";
import type { FormName } from "./options.ts";
import { persistenceOf } from "./persistence.ts";
import { fingerprintOf, isEmpty, notCompared, type RdbContent } from "./rdb/content.ts";
import { savingTroubles } from "./save.ts";
import { keyspaceOf, type Server } from "./server.ts";
import { containerOf, type Target } from "./target.ts";

import { productOf, serverVersion } from "./version.ts";

export const artifactNames: Readonly<Record<FormName, string>> = { rdb: "dump.rdb", aof: "appendonly.tar" };

/** What neither form holds, whatever is in the server. */
const neverCovered = [
  "the server's settings and ACL users kept in files (redis.conf, users.acl)",
  "scripts loaded with SCRIPT LOAD, and what subscribers have not yet received",
];

interface FormBackup {
  readonly facts: FormFacts;
  readonly rdb: RdbContent | undefined;
  readonly isEmpty: boolean;
  readonly warnings: readonly string[];
  readonly aof: Details["aof"];
}

export async function backup(
  context: OperationContext,
  target: Target,
  server: Server,
  forms: readonly FormName[],
  sink: ArtifactSink,
): Promise<BackupFacts> {
  containerOf(target);
  const troubles = await savingTroubles(server);
  const made: FormBackup[] = [];
  // One after the other: the server runs one child process at a time.
  for (const form of forms) made.push(await takers[form](context, target, server, sink));
  const rdbs = made.map(({ rdb }) => rdb).filter((rdb) => rdb !== undefined);
  const info = await server.info("server");
  const details: Details = {
    product: productOf(info),
    rdb: Object.fromEntries(
      made.flatMap(({ facts, rdb }) => (rdb === undefined ? [] : [[facts.name, detailsOfRdb(rdb)]])),
    ),
    aof: made.find(({ aof }) => aof !== null)?.aof ?? null,
    modules: [...new Set(rdbs.flatMap((rdb) => [...rdb.modules.keys()]))],
  };
  return {
    serverVersion: serverVersion(info),
    forms: made.map(({ facts }) => facts),
    incomplete: [],
    warnings: [...troubles, ...made.flatMap(({ warnings }) => warnings)],
    empty: made.every((form) => form.isEmpty),
    details: detailsAsJson(details),
  };
}

type Taker = (context: OperationContext, target: Target, server: Server, sink: ArtifactSink) => Promise<FormBackup>;

const takers: Readonly<Record<FormName, Taker>> = {
  async rdb(context, target, server, sink) {
    const { save, content } = await capture(context, target, server, (bytes) => sink.write(artifactNames.rdb, bytes));
    return {
      facts: {
        name: "rdb",
        method: "BGSAVE",
        capture: { from: save.from, to: save.to },
        pausedMs: 0,
        artifacts: [artifactNames.rdb],
        fingerprint: fingerprintOf(content),
        notCovered: [...neverCovered, ...notCompared(content)],
      },
      rdb: content,
      isEmpty: isEmpty(content),
      warnings: checksumWarnings(content),
      aof: null,
    };
  },

  async aof(context, target, server, sink) {
    const where = await persistenceOf(server, target.database);
    if (!where.appendOnly || where.aofDirectory === undefined) {
      throw new BackupError("unsupported", "the server keeps no append-only file of the kind of Redis 7", {
        operation: "redis.backup",
        database: target.database,
        hint: "take the form rdb alone, or set `appendonly yes` on a server of version 7 or newer",
      });
    }
    context.progress({ step: "rewriting the append-only file" });
    const { start, copy } = await inTurn(containerOf(target).id, context.signal, async () => ({
      start: await rewrite(server, context.signal, target.database),
      copy: await readAof(context, target, where),
    }));
    const { tar, content, openedAt } = copy;
    const after = keyspaceOf(await server.info("keyspace"));
    await sink.write(artifactNames.aof, tar);
    const { base, exact } = content;
    if (base !== undefined) assertCounts(base, start, target.database);
    const last = content.files.at(-1);
    return {
      facts: {
        name: "aof",
        method: "BGREWRITEAOF",
        capture: { from: start.from, to: openedAt },
        pausedMs: 0,
        artifacts: [artifactNames.aof],
        fingerprint: aofFingerprint(content, start.before, after),
        notCovered: [...neverCovered, ...(base === undefined ? [] : notCompared(base))],
      },
      rdb: base,
      isEmpty: exact !== undefined && isEmpty(exact),
      warnings: base === undefined ? [] : checksumWarnings(base),
      aof: {
        last:
          last === undefined || content.lastComplete === undefined
            ? null
            : { name: last.name, complete: content.lastComplete },
      },
    };
  },
};

function detailsOfRdb({ version, earliestExpiry }: RdbContent): RdbDetails {
  return { version, earliestExpiry: Number.isFinite(earliestExpiry) ? earliestExpiry : null };
}

function checksumWarnings({ checksum }: RdbContent): string[] {
  return checksum === "verified"
    ? []
    : ["the server writes RDB files without a checksum (rdbchecksum no): damage on its own disk would not show"];
}
