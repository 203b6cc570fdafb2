import {
  BackupError,
  formOf,
  type BackupErrorReason,
  type Manifest,
  type OperationContext,
  type RestoreOptions,
  type RestorePlan,
} from "@sutazai/backup-core";
import { listCollections, readAliases, type Aliases } from "./collections.ts";
import { readDetails, type CapturedCollection } from "./details.ts";
import { formName } from "./fingerprint.ts";
import { collectionForms, type CollectionForm, type FormName } from "./options.ts";
import type { Server } from "./server.ts";

/** The one way to restore: everything is sent to the running server. */
export const method = "upload";

/** What a restore is going to work on. */
export interface Examination {
  readonly plan: RestorePlan;
  readonly form: CollectionForm;
  readonly collections: readonly CapturedCollection[];
  /** Those of the backup that go with these collections. */
  readonly aliases: Aliases;
  /** Collections that the backup does not have and that are to go. */
  readonly removed: readonly string[];
  /** All that there are to be in the end. */
  readonly finalAliases: Aliases;
}

/** Checks that the backup fits the server; changes nothing. */
export async function examine(
  { signal }: Pick<OperationContext, "signal">,
  server: Server,
  manifest: Manifest,
  { form: wantedForm, method: wantedMethod, only }: RestoreOptions,
  exact: boolean,
): Promise<Examination> {
  const refuse = (reason: BackupErrorReason, message: string, hint: string) =>
    new BackupError(reason, message, { operation: "qdrant.plan-restore", database: manifest.database, hint });
  const wanted = formName(formOf(manifest, wantedForm).name);
  const form = collectionForms.find((name) => name === wanted);
  if (form === undefined || wantedMethod !== method) {
    throw refuse(
      "unsupported",
      `the form ${wanted} is not restored by "${wantedMethod}"`,
      `use "${method}", for another form`,
    );
  }
  assertVersions(form, manifest.serverVersion, server.version, refuse);

  const details = readDetails(manifest);
  const held = details.collections.filter(({ artifacts }) => artifacts[form] !== undefined);
  const collections = only === undefined ? held : held.filter(({ name }) => name === only);
  if (only !== undefined && collections.length === 0) {
    throw refuse(
      "not-found",
      `the backup has no collection ${JSON.stringify(only)}`,
      `it has: ${held.map(({ name }) => name).join(", ")}`,
    );
  }
  const names = new Set(collections.map(({ name }) => name));
  const aliases = Object.fromEntries(Object.entries(details.aliases).filter(([, target]) => names.has(target)));

  const live = await listCollections(server, signal);
  const liveAliases = await readAliases(server, signal);
  const isWhole = exact && only === undefined;
  const others = live.filter((name) => !names.has(name));
  const removed = isWhole ? others : [];
  const remaining = isWhole ? [] : others;
  // Also where they were to be removed: what is kept of them for the undoing could not be reached under an alias.
  const inTheWay = Object.keys(aliases).filter((alias) => others.includes(alias));
  if (inTheWay.length > 0) {
    throw refuse(
      "unsupported",
      `aliases of the backup are the names of collections that it does not have: ${quoted(inTheWay)}`,
      "remove those collections first, or restore collections one by one (`only`)",
    );
  }
  const keptAliases = isWhole
    ? {}
    : Object.fromEntries(
        Object.entries(liveAliases).filter(
          ([alias, target]) => !names.has(alias) && (names.has(target) || remaining.includes(target)),
        ),
      );
  return {
    form,
    collections,
    aliases,
    removed,
    finalAliases: { ...keptAliases, ...aliases },
    plan: {
      steps: stepsOf(form, collections, live, removed, aliases),
      warnings: [
        "what is replaced is kept in the server as snapshots until the end: its disk must have room for both",
        ...(remaining.length > 0 ? [`left alone, for they are not restored: collections ${quoted(remaining)}`] : []),
        ...lostAliases(liveAliases, { ...keptAliases, ...aliases }),
      ],
    },
  };
}

function stepsOf(
  form: CollectionForm,
  collections: readonly CapturedCollection[],
  live: readonly string[],
  removed: readonly string[],
  aliases: Aliases,
): string[] {
  const replaced = collections.map(({ name }) => name).filter((name) => live.includes(name));
  const made = collections.map(({ name }) => name).filter((name) => !live.includes(name));
  const by = form === "snapshot" ? "from their snapshots" : "from their exported points";
  return [
    ...(replaced.length + removed.length > 0
      ? [`keep ${quoted([...replaced, ...removed])} as snapshots in the server until the end`]
      : []),
    ...(replaced.length > 0 ? [`replace collections ${quoted(replaced)} ${by}`] : []),
    ...(made.length > 0 ? [`make collections ${quoted(made)} ${by}`] : []),
    ...(removed.length > 0 ? [`remove collections ${quoted(removed)}`] : []),
    ...(Object.keys(aliases).length > 0 ? [`set aliases ${quoted(Object.keys(aliases))}`] : []),
    "wait until the server has indexed everything, then compare configuration, points and neighbours with the backup",
  ];
}

function lostAliases(before: Aliases, after: Aliases): string[] {
  const lost = Object.keys(before).filter((alias) => after[alias] === undefined);
  return lost.length === 0 ? [] : [`aliases that the backup does not have will be gone: ${quoted(lost)}`];
}

function quoted(names: readonly string[]): string {
  return names.map((name) => JSON.stringify(name)).join(", ");
}

export type Refuse = (reason: BackupErrorReason, message: string, hint: string) => BackupError;

/** Snapshots go into the same minor version, the same patch or a later one; exported points into any server but one of an older major version. */
export function assertVersions(form: FormName, ofBackup: string, ofServer: string, refuse: Refuse): void {
  const [major = 0, minor = 0, patch = 0] = ofBackup.split(".").map((part) => Number.parseInt(part, 10));
  const [liveMajor = 0, liveMinor = 0, livePatch = 0] = ofServer.split(".").map((part) => Number.parseInt(part, 10));
  const message = `the backup is of Qdrant ${ofBackup}, the server is ${ofServer}`;
  if (form === "scroll") {
    if (liveMajor < major) throw refuse("incompatible-version", message, `restore into Qdrant ${major}.x or newer`);
    return;
  }
  if (liveMajor === major && liveMinor === minor && livePatch >= patch) return;
  throw refuse(
    "incompatible-version",
    `${message}: snapshots go only into the same minor version`,
    `restore into Qdrant ${major}.${minor}.${patch} or a later ${major}.${minor}.x, and upgrade that one minor version at a time, or restore the form "scroll"`,
  );
}
