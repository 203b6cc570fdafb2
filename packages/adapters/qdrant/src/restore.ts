import {
  BackupError,
  compareFingerprints,
  describeDifference,
  formOf,
  type ArtifactSource,
  type Fingerprint,
  type OperationContext,
  type RestoreFacts,
  type RestoreOptions,
} from "@sutazai/backup-core";
import { deleteCollection, readAliases, setAliases, type Aliases } from "./collections.ts";
import { aliasFacts, factsAbout } from "./facts.ts";
import { liveFacts } from "./fingerprint.ts";
import { importPoints } from "./import-points.ts";
import { toJournal } from "./journal-records.ts";
import { changedNeighbours } from "./neighbours.ts";
import { examine, type Examination } from "./plan.ts";
import { preserve, restoreSnapshot, untilIndexed } from "./replace.ts";
import type { Server } from "./server.ts";

/**
 * Replaces one collection after the other, each kept as a snapshot in the server before it is touched. What goes wrong is undone
 * by whoever closes the journal.
 */
export async function restore(
  context: OperationContext,
  server: Server,
  source: ArtifactSource,
  options: RestoreOptions,
  exact: boolean,
): Promise<RestoreFacts> {
  const { signal, journal } = context;
  const { manifest } = source;
  const examination = await examine(context, server, manifest, options, exact);
  const { form, collections, removed, plan } = examination;
  const sizes = new Map(manifest.artifacts.map(({ name, plain }) => [name, plain]));

  const before = await readAliases(server, signal);
  // The oldest record, so that it is undone last, when all collections are back.
  await journal.record(toJournal(server.database, { action: "aliases", data: { before } }));
  await freeNames(server, before, examination, signal);

  for (const name of removed) {
    await preserve(context, server, name);
    await deleteCollection(server, name, signal);
  }
  for (const { name, artifacts } of collections) {
    const artifact = artifacts[form] ?? "";
    const content = sizes.get(artifact);
    if (content === undefined) throw lacking(name, manifest.id);
    const previous = await preserve(context, server, name);
    context.progress({ step: `restoring ${name}` });
    if (form === "snapshot") {
      const expected = factsAbout(formOf(manifest, form).fingerprint, [name], {});
      await restoreSnapshot(context, server, name, previous, expected, source.read(artifact), {
        size: content.bytes,
        checksum: content.sha256,
      });
    } else {
      await importPoints(context, server, name, previous, source.read(artifact));
    }
  }
  await setAliases(server, examination.finalAliases, signal);
  return {
    ...(await validate(context, server, source, examination)),
    warnings: [...server.warnings, ...plan.warnings],
  };
}

/** An alias that is called as a collection to be restored stands in its way. */
async function freeNames(
  server: Server,
  aliases: Aliases,
  { collections }: Examination,
  signal: AbortSignal,
): Promise<void> {
  const wanted = new Set(collections.map(({ name }) => name));
  const rest = Object.fromEntries(Object.entries(aliases).filter(([alias]) => !wanted.has(alias)));
  await setAliases(server, rest, signal);
}

async function validate(
  context: OperationContext,
  server: Server,
  { manifest }: ArtifactSource,
  { form, collections, aliases, removed }: Examination,
): Promise<Omit<RestoreFacts, "warnings">> {
  const { signal } = context;
  const names = collections.map(({ name }) => name);
  const expected = factsAbout(formOf(manifest, form).fingerprint, names, aliases);
  const found: Fingerprint[] = [];
  const changed: string[] = [];
  let compared = 0;
  for (const { name, neighbours } of collections) {
    context.progress({ step: `waiting until ${name} is indexed` });
    await untilIndexed(server, name, signal);
    const prefixed = factsAbout(expected, [name], {});
    const withContent = Object.entries(prefixed).some(([fact, value]) => fact.endsWith("/content") && "exact" in value);
    found.push(await liveFacts(context, server, name, withContent));
    changed.push(...(await changedNeighbours(server, name, neighbours, signal)));
    compared += neighbours.length;
  }
  const liveAliases = await readAliases(server, signal);
  const ours = Object.fromEntries(Object.entries(liveAliases).filter(([alias]) => Object.hasOwn(aliases, alias)));
  const fingerprint = Object.assign({}, aliasFacts(ours), ...found) as Fingerprint;
  const differences = [...compareFingerprints(expected, fingerprint).map(describeDifference), ...changed];
  if (differences.length > 0) {
    throw new BackupError(
      "mismatch",
      `what was restored is not what was backed up: ${differences.slice(0, 5).join("; ")}`,
      {
        operation: "qdrant.restore",
        database: manifest.database,
        hint: "verify this backup (`sutazai-backup verify --level restore`) and use another one if it fails",
        details: { differences: differences.slice(0, 50), count: differences.length },
      },
    );
  }
  return {
    fingerprint,
    expected,
    evidence: [
      "configuration, payload indexes, points and aliases read from the server once all was indexed",
      ...(compared > 0 ? [`the nearest neighbours of ${compared} stored vectors are those of the backup`] : []),
      ...(removed.length > 0 ? ["collections that the backup does not have were removed"] : []),
    ],
  };
}

function lacking(name: string, id: string): BackupError {
  return new BackupError("corrupt", `backup ${id} lacks a part of collection ${JSON.stringify(name)}`, {
    operation: "qdrant.restore",
    hint: "use another backup",
  });
}
