import type { ArtifactSink, BackupFacts, Fingerprint, OperationContext } from "@sutazai/backup-core";
import { sha256, writeOnce } from "@sutazai/backup-formats";
import { captureCollection, type Capture } from "./capture.ts";
import { listCollections, readAliases, type Aliases } from "./collections.ts";
import { artifactOf, dataArtifact, detailsAsJson, inventoryArtifact, parseDetails, type Inventory } from "./details.ts";
import { aliasFacts } from "./facts.ts";
import { captureData } from "./data/capture.ts";
import { collectionForms, type CollectionForm, type QdrantOptions } from "./options.ts";
import { madeAnew, readIdentities } from "./identity.ts";
import type { Server } from "./server.ts";

export interface BackupSettings {
  readonly forms: readonly CollectionForm[];
  readonly contentDigest: boolean;
}

const methods: Readonly<Record<CollectionForm, string>> = {
  snapshot: "POST /collections/{collection}/snapshots",
  scroll: "POST /collections/{collection}/points/scroll",
};

const notCovered: Readonly<Record<CollectionForm, readonly string[]>> = {
  snapshot: [
    "the moment differs from collection to collection: they are captured one after the other",
    "a collection that is dropped and made anew with vectors of the same kind meanwhile is taken for the same",
  ],
  scroll: [
    "the points are not those of one moment where others write meanwhile",
    "search indexes: built anew when restored",
  ],
};

/** Captures the server in every form wanted. */
export async function backup(
  context: OperationContext,
  server: Server,
  options: QdrantOptions,
  sink: ArtifactSink,
): Promise<BackupFacts> {
  const wanted = options.forms ?? ["snapshot"];
  const forms = collectionForms.filter((form) => wanted.includes(form));
  const settings = { forms, contentDigest: options.contentDigest ?? true };
  const collections =
    forms.length === 0 ? await nothingApart(context, server) : await backupCollections(context, server, settings, sink);
  if (!wanted.includes("data")) return collections;
  const { form, digest } = await captureData(context, server, options, sink);
  const details = parseDetails(collections.details);
  return {
    ...collections,
    forms: [...collections.forms, form],
    details: detailsAsJson({
      collections: details?.collections ?? [],
      aliases: details?.aliases ?? {},
      digests: { ...details?.digests, [dataArtifact]: digest },
    }),
  };
}

/** Where no collection is captured apart. */
async function nothingApart({ signal }: OperationContext, server: Server): Promise<BackupFacts> {
  return {
    serverVersion: server.version,
    forms: [],
    incomplete: [],
    warnings: server.warnings,
    empty: (await listCollections(server, signal)).length === 0,
    details: null,
  };
}

/** Captures one collection after the other, so that the server's disk holds no more than one snapshot of ours. */
async function backupCollections(
  context: OperationContext,
  server: Server,
  settings: BackupSettings,
  sink: ArtifactSink,
): Promise<BackupFacts> {
  const { signal } = context;
  const from = new Date().toISOString();
  const before = await listCollections(server, signal);
  const begun = await readIdentities(server, before, signal);
  const captures: Capture[] = [];
  for (const name of before) captures.push(await captureCollection(context, server, name, settings, sink));
  const after = await listCollections(server, signal);
  const anew = madeAnew(begun, await readIdentities(server, after, signal));
  const liveAliases = await readAliases(server, signal);

  const captured = captures.flatMap(({ inventory }) => (inventory === undefined ? [] : [inventory]));
  const names = new Set(captured.map(({ name }) => name));
  const aliases: Aliases = Object.fromEntries(Object.entries(liveAliases).filter(([, target]) => names.has(target)));
  const inventory: Inventory = { version: server.version, cluster: server.cluster, aliases, collections: captured };
  const text = Buffer.from(`${JSON.stringify(inventory, undefined, 1)}\n`);
  await writeOnce(sink, inventoryArtifact, text);
  const to = new Date().toISOString();

  return {
    serverVersion: server.version,
    forms: settings.forms.map((form) => ({
      name: form,
      method: methods[form],
      capture: { from, to },
      pausedMs: 0,
      artifacts: [
        ...captures.flatMap(({ forms }) => (forms[form] === undefined ? [] : [forms[form].artifact])),
        inventoryArtifact,
      ],
      fingerprint: Object.assign(
        {},
        aliasFacts(aliases),
        ...captures.map(({ forms }) => forms[form]?.facts),
      ) as Fingerprint,
      notCovered: notCovered[form],
    })),
    incomplete: [
      ...before
        .filter((name) => captures.find((capture) => capture.name === name)?.isWhole !== true || !after.includes(name))
        .map((name) => `collection ${JSON.stringify(name)} was dropped during the backup`),
      ...anew.map((name) => `collection ${JSON.stringify(name)} was dropped and made anew during the backup`),
      ...after
        .filter((name) => !before.includes(name))
        .map((name) => `collection ${JSON.stringify(name)} was created during the backup, and is not in it`),
    ],
    warnings: [...server.warnings, ...captures.flatMap(({ warnings }) => warnings)],
    empty: before.length === 0 && after.length === 0,
    details: detailsAsJson({
      collections: captures
        .filter(({ name }) => names.has(name))
        .map(({ name, forms, neighbours }) => ({
          name,
          artifacts: Object.fromEntries(
            Object.keys(forms).map((form) => [form, artifactOf(name, form as CollectionForm)]),
          ),
          neighbours,
        })),
      aliases,
      digests: {
        ...Object.fromEntries(
          captures.flatMap(({ forms }) => Object.values(forms).map(({ artifact, digest }) => [artifact, digest])),
        ),
        [inventoryArtifact]: sha256(text),
      },
    }),
  };
}
