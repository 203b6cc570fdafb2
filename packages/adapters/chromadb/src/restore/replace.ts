import {
  exchangeFiles,
  planSwap,
  stagedAction,
  stopTolerantly,
  streamAt,
  swapAsJson,
  swappedAction,
  unpackAside,
  type Swap,
} from "@sutazai/backup-containers";
import {
  isStopped,
  formOf,
  type ArtifactSource,
  type Bytes,
  type OperationContext,
  type RestoreFacts,
} from "@sutazai/backup-core";
import { readTar, writeTar, type TarInput } from "@sutazai/backup-formats";
import { containerOf } from "../data/capture-data.ts";
import { entryTypes, isForeign } from "../data/extract.ts";
import { contentOf } from "../data/scratch.ts";
import { damaged } from "../data/damaged.ts";
import { dataArtifact, readDetails } from "../details.ts";
import type { Site } from "../site.ts";
import { dataPlace } from "../target.ts";
import { assertSame, assertServed } from "./validate.ts";

/** Before the daemon kills a server that is saving. */
const graceSeconds = 60;

/**
 * Exchanges the data directory while the server is stopped, if it was not before; it runs afterwards. In the journal, oldest first: the isolation (by the fence), the files
 * staged beside, the stop, the exchange; undone in the opposite order.
 */
export async function restoreByReplacing(
  context: OperationContext,
  site: Site,
  source: ArtifactSource,
): Promise<RestoreFacts> {
  const { containers, journal, signal } = context;
  const container = containerOf(site);
  const { manifest } = source;
  const expected = formOf(manifest, "data").fingerprint;
  const details = readDetails(manifest).data;
  const swap = planSwap(dataPlace(container, site.options.directory), journal.id, isStopped(container));
  const record = { part: site.database, data: swapAsJson(swap) };
  const warnings: string[] = [];

  context.progress({ step: "unpacking the backup beside the data directory" });
  await journal.record({ ...record, action: stagedAction });
  await unpackAside(containers, swap, ownEntries(source.read(dataArtifact)), signal);
  context.progress({ step: "stopping the server" });
  const wasKilled = await stopTolerantly(containers, container.id, journal);
  if (wasKilled) warnings.push("the server did not end by itself and was killed; its present data are replaced anyway");
  signal.throwIfAborted();
  await journal.record({ ...record, action: swappedAction });
  await exchangeFiles(containers, swap, signal);

  context.progress({ step: "comparing the files with the backup" });
  const content = await contentOf(readBack(context, swap), context);
  assertSame(expected, content.fingerprint, "read back before the server started");
  if (content.entries !== details?.entries) throw damaged("files are not what they were in the backup");

  await containers.start(container.id);
  await assertServed(context, site, expected, content.tenants, "read through the server");
  await containers.stop(container.id, { journal, graceSeconds });
  await containers.start(container.id);
  await assertServed(context, site, expected, content.tenants, "read through the server after a restart");
  return {
    fingerprint: content.fingerprint,
    expected,
    evidence: [
      "all files, and what is in them, read back before the server started",
      "every record and vector read through the server, and again after a restart",
    ],
    warnings,
  };
}

/** Entry by entry: a hostile archive is refused here. */
async function* ownEntries(tar: Bytes): Bytes {
  async function* entries(): AsyncIterable<TarInput> {
    for await (const entry of readTar(tar, { types: entryTypes })) if (!isForeign(entry.name)) yield entry;
  }
  yield* writeTar(entries());
}

function readBack({ containers, signal }: OperationContext, { place }: Swap): Bytes {
  const script = `cd -- "$1" && exec tar -c -f - --exclude='./.sutazai-restore-*' .`;
  return streamAt(place, containers, { purpose: "chromadb-read", script, arguments: [place.directory], signal });
}
