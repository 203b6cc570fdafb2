import {
  BackupError,
  isBackupError,
  type ArtifactSink,
  type Bytes,
  type Fact,
  type Fingerprint,
  type OperationContext,
} from "@sutazai/backup-core";
import { PassingDigest } from "@sutazai/backup-formats";
import type { BackupSettings } from "./backup.ts";
import { countPoints, readInfo, readShards, unlessDropped } from "./collections.ts";
import { artifactOf, type InventoriedCollection, type Neighbourhood } from "./details.ts";
import { exportPoints } from "./export-points.ts";
import { configFacts, contentFacts } from "./facts.ts";
import { readNeighbours } from "./neighbours.ts";
import type { CollectionForm } from "./options.ts";
import { readContent, type ContentPass } from "./scroll.ts";
import { downloadSnapshot, makeSnapshot } from "./server-snapshot.ts";
import type { Server } from "./server.ts";
import { readSnapshot, type SnapshotContent } from "./snapshot/content.ts";

/** What came of one collection. */
export interface Capture {
  readonly name: string;
  /** Every form that was wanted is there. */
  readonly isWhole: boolean;
  readonly forms: Partial<Record<CollectionForm, CapturedForm>>;
  /** Undefined where nothing of it was captured. */
  readonly inventory: InventoriedCollection | undefined;
  readonly neighbours: readonly Neighbourhood[];
  readonly warnings: readonly string[];
}

export interface CapturedForm {
  readonly artifact: string;
  readonly digest: string;
  readonly facts: Fingerprint;
}

const attempts = 4;

/** Captures one collection in the forms wanted; less of it, or nothing, where it is dropped meanwhile. */
export async function captureCollection(
  context: OperationContext,
  server: Server,
  name: string,
  { forms: wanted, contentDigest }: BackupSettings,
  sink: ArtifactSink,
): Promise<Capture> {
  const { signal } = context;
  const forms: Partial<Record<CollectionForm, CapturedForm>> = {};
  const begun = await unlessDropped(server, name, async () => ({
    info: await readInfo(server, name, signal),
    shards: await readShards(server, name, signal),
  }));
  if (begun === undefined) return { name, isWhole: false, forms, inventory: undefined, neighbours: [], warnings: [] };
  const { info, shards } = begun;

  let neighbours: readonly Neighbourhood[] = [];
  await unlessDropped(server, name, async () => {
    let first: ContentPass | undefined;
    if (wanted.includes("scroll")) {
      const exported = await exportPoints(context, server, name, info, sink);
      forms.scroll = exported.form;
      first = exported.pass;
    } else if (contentDigest) {
      context.progress({ step: `reading ${name}` });
      first = await readContent(server, name, signal);
    }
    if (!wanted.includes("snapshot")) return;
    const taken = await takeSnapshot(context, server, name, sink, async () => {
      const near = first === undefined ? [] : await readNeighbours(server, name, first.samples, signal);
      const second = contentDigest ? await readContent(server, name, signal) : undefined;
      const isQuiet = first !== undefined && second !== undefined && String(first.digest) === String(second.digest);
      if (isQuiet) neighbours = near;
      return { content: contentFact(first, second), isQuiet, wasRead: second !== undefined };
    });
    forms.snapshot = {
      artifact: artifactOf(name, "snapshot"),
      digest: taken.digest,
      facts: {
        ...configFacts(name, taken.snapshot.config, taken.snapshot.indexes),
        ...contentFacts(name, pointsFact(taken.counts, taken.after), taken.after.content),
      },
    };
  });
  const isWhole = wanted.every((form) => forms[form] !== undefined);
  return {
    name,
    isWhole,
    forms,
    inventory:
      Object.keys(forms).length === 0
        ? undefined
        : { name, config: info.config, payload_schema: info.payload_schema, shards },
    neighbours,
    warnings:
      info.status === "red"
        ? [
            `the server reports an error in collection ${JSON.stringify(name)}: ${JSON.stringify(info.optimizer_status)}`,
          ]
        : [],
  };
}

interface AfterSnapshot {
  readonly content: Fact;
  /** The points were the same before and after. */
  readonly isQuiet: boolean;
  readonly wasRead: boolean;
}

/** The digest of what is in a snapshot is known only where it was the same before the snapshot and after. */
function contentFact(first: ContentPass | undefined, second: ContentPass | undefined): Fact {
  if (first === undefined || second === undefined)
    return { absent: "the points were not read, as the setting `contentDigest` says" };
  return String(first.digest) === String(second.digest)
    ? { exact: String(first.digest) }
    : { absent: "points were written while the snapshot was made" };
}

function pointsFact([before, after]: readonly [number, number], { isQuiet, wasRead }: AfterSnapshot): Fact {
  if (before !== after) return { bounds: [before, after] };
  // As many were added as were removed, perhaps, and the snapshot came between.
  if (wasRead && !isQuiet)
    return { absent: `points were written while the snapshot was made: ${before} before and after` };
  return { exact: before };
}

interface TakenSnapshot {
  readonly snapshot: SnapshotContent;
  readonly digest: string;
  readonly counts: readonly [number, number];
  readonly after: AfterSnapshot;
}

/** Has a snapshot made, streams it out, checks it on the way, and has it deleted, also where something fails. */
async function takeSnapshot(
  context: OperationContext,
  server: Server,
  name: string,
  sink: ArtifactSink,
  whenMade: () => Promise<AfterSnapshot>,
): Promise<TakenSnapshot> {
  const { signal } = context;
  for (let attempt = 1; ; attempt++) {
    const before = await countPoints(server, name, signal);
    const own = await makeSnapshot(context, server, name);
    try {
      const counts = [before, await countPoints(server, name, signal)] as const;
      const after = await whenMade();
      const passing = new PassingDigest();
      const reading = readSnapshot();
      let whole: { readonly snapshot: SnapshotContent; readonly digest: string } | undefined;
      async function* checked(content: Bytes): Bytes {
        for await (const chunk of content) {
          passing.add(chunk);
          reading.write(chunk);
          context.progress({ step: `downloading the snapshot of ${name}`, bytes: passing.bytes, totalBytes: own.size });
          yield chunk;
        }
        assertSame(name, own.size, passing.bytes);
        const digest = passing.hex();
        assertSame(name, own.checksum ?? digest, digest);
        whole = { snapshot: reading.end(), digest };
      }
      const download = await downloadSnapshot(server, name, own.name, signal);
      await sink.write(artifactOf(name, "snapshot"), checked(download), { size: own.size });
      if (whole === undefined) throw new Error("the sink did not read a snapshot to its end");
      return { ...whole, counts, after };
    } catch (error) {
      // Names of snapshots are cut to the second: another one who makes or deletes one in the same second takes ours away.
      const isTakenAway =
        isBackupError(error) && (error.reason === "not-found" || error.details["isReplaced"] === true);
      if (!isTakenAway || attempt === attempts || signal.aborted) throw error;
    } finally {
      await own.entry.settle("undo");
    }
  }
}

/** The bytes that came have to be those that the server has told of. */
function assertSame(collection: string, told: string | number, found: string | number): void {
  if (told === found) return;
  throw new BackupError(
    "corrupt",
    `the snapshot of ${collection} that came is not the one that the server made: ${told} was told, ${found} came`,
    {
      operation: "qdrant.download",
      hint: "run it again; if it stays so, look at the server's disk and at what lies between it and here",
      details: { isReplaced: true },
    },
  );
}
