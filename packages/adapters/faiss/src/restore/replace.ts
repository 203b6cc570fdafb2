import { setTimeout as sleep } from "node:timers/promises";
import {
  exchangeFiles,
  planSwap,
  stagedAction,
  stopTolerantly,
  swapAsJson,
  swappedAction,
  unpackAside,
  type Swap,
} from "@sutazai/backup-containers";
import {
  isStopped,
  BackupError,
  type ArtifactSource,
  type OperationContext,
  type RestoreFacts,
} from "@sutazai/backup-core";
import { readTar, writeTar, type TarInput } from "@sutazai/backup-formats";
import { artifactName } from "../backup.ts";
import { detailsOf } from "../details.ts";
import { FileSet, type SetContent } from "../file-set.ts";
import { compareNeighbours } from "../neighbours.ts";
import type { FaissOptions, SetRules } from "../options.ts";
import type { Target } from "../target.ts";
import { rulesAtRestore } from "./rules.ts";
import { assertLoads, assertSame, changedSince, expectedOf, readBack } from "./validate.ts";

/** A service that ends within this time after its start has not taken to its files. */
const settlingMs = 2_000;
const healthPatienceMs = 300_000;

/**
 * Exchanges the whole set while the service is stopped. In the journal, oldest first: the isolation (by the fence), the files
 * staged beside, the stop, the exchange; undone in the opposite order.
 */
export async function restoreByReplacing(
  context: OperationContext,
  target: Target,
  options: FaissOptions,
  source: ArtifactSource,
  name: string,
): Promise<RestoreFacts> {
  const { containers, journal, signal } = context;
  const { place, container } = target;
  const { rules, areThoseOfTheBackup } = rulesAtRestore(options, source.manifest);
  const swap = planSwap(place, journal.id, container !== undefined && isStopped(container), rules.excluded);
  const data = swapAsJson(swap);
  const warnings: string[] = [];

  context.progress({ step: "unpacking the backup beside the files" });
  await journal.record({ part: name, action: stagedAction, data });
  const staged = await stage(context, source, swap, rules);
  if (container !== undefined) {
    context.progress({ step: "stopping the service" });
    const wasKilled = await stopTolerantly(containers, container.id, journal);
    if (wasKilled)
      warnings.push("the service did not end by itself and was killed; what it had not saved is lost with it");
  }
  signal.throwIfAborted();
  await journal.record({ part: name, action: swappedAction, data });
  const onlyHolding = await exchangeFiles(containers, swap, signal);

  context.progress({ step: "comparing with the backup" });
  const expected = areThoseOfTheBackup ? expectedOf(source.manifest) : staged.fingerprint;
  const found = await readBack(context, place, rules, onlyHolding);
  assertSame(expected, found.fingerprint);
  const evidence = ["the digests of all files, read back before the service started"];
  const loaded = await assertLoads(context, place, found);
  const compared = await compareNeighbours(context, place, found, detailsOf(source.manifest).neighbours ?? []);
  evidence.push(...[loaded, compared].filter((line) => line !== undefined));
  if (container !== undefined) {
    await started(context, container.id);
    const changed = changedSince(expected, (await readBack(context, place, rules, onlyHolding)).fingerprint);
    evidence.push("the digests of all indexes, read back after it had started");
    if (changed.length > 0) warnings.push(`the service changed files as it started: ${changed.join(", ")}`);
  }
  return { fingerprint: found.fingerprint, expected, evidence, warnings };
}

/** Unpacks the set into `new` of the directory aside, entry by entry: a hostile archive is refused here. What it has unpacked. */
async function stage(
  { containers, signal }: OperationContext,
  source: ArtifactSource,
  swap: Swap,
  rules: SetRules,
): Promise<SetContent> {
  const set = new FileSet(rules);
  async function* entries(): AsyncIterable<TarInput> {
    for await (const entry of readTar(source.read(artifactName), { types: ["file", "directory", "link", "symlink"] })) {
      if (!rules.isExcluded(entry.name)) yield { ...entry, content: set.pass(entry) };
    }
  }
  await unpackAside(containers, swap, writeTar(entries()), signal);
  return set.end();
}

/** Starts the service, and waits until it is healthy, or for a moment where it does not tell. Throws `restore-failed` where it ends. */
async function started({ containers, signal, progress }: OperationContext, id: string): Promise<void> {
  progress({ step: "starting the service" });
  await containers.start(id);
  const start = performance.now();
  for (;;) {
    const { state, health, name } = await containers.inspect(id);
    if (state !== "running" || health === "unhealthy" || performance.now() - start > healthPatienceMs) {
      throw new BackupError(
        "restore-failed",
        `container ${name} does not run with the restored files: it is ${state}, its health ${health}`,
        { operation: "faiss.start", hint: `look at its log: docker logs ${name}` },
      );
    }
    if (health === "healthy" || (health === "none" && performance.now() - start > settlingMs)) return;
    await sleep(200, undefined, { signal });
  }
}
