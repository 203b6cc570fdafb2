import { assertRestartable, assertSpace } from "@sutazai/backup-containers";
import {
  isStopped,
  BackupError,
  formOf,
  type ContainerInfo,
  type Manifest,
  type OperationContext,
  type RestoreOptions,
  type RestorePlan,
} from "@sutazai/backup-core";
import { hasDatabase, listCollections } from "./collections.ts";
import { containerOf } from "./data/capture-data.ts";
import { dataArtifact, readDetails, type Details } from "./details.ts";
import { collectionFact } from "./facts.ts";
import { formName } from "./fingerprint.ts";
import type { FormName } from "./options.ts";
import { Server } from "./server.ts";
import type { Site } from "./site.ts";
import { dataPlace } from "./target.ts";

const operation = "chromadb.plan-restore";

/** Which way a form is restored. */
export const methodOf: Readonly<Record<FormName, string>> = { data: "replace", export: "import" };

/** Checks that the backup fits the server, and says what will be done. Changes nothing. */
export async function planRestore(
  context: OperationContext,
  site: Site,
  manifest: Manifest,
  { form: wanted, method, only }: RestoreOptions,
): Promise<RestorePlan> {
  const form = formName(wanted);
  if (method !== methodOf[form]) {
    throw unsupported(
      `the form ${form} is not restored by ${JSON.stringify(method)}`,
      `use the method "${methodOf[form]}"`,
    );
  }
  if (only !== undefined) {
    throw unsupported("a collection is not restored alone", "restore into another server and copy from there");
  }
  const { artifacts } = formOf(manifest, form);
  const details = readDetails(manifest);
  assertVersion(manifest.serverVersion, site.version);
  const warnings = manifest.incomplete.map((problem) => `the backup is not complete: ${problem}`);
  if (form === "export") {
    const collections = details.export?.collections ?? [];
    if (collections.some(({ artifact }) => !artifacts.includes(artifact))) throw lacking(manifest);
    return {
      steps: importSteps(site, collections.length, await removedBy(site, details.export, context.signal)),
      warnings: [...warnings, "ids of collections change: an application that has stored them does not find them"],
    };
  }
  if (!artifacts.includes(dataArtifact) || details.data === null) throw lacking(manifest);
  const container = containerOf(site);
  assertRestartable(container, {
    operation,
    hint: "restore into a container that may be stopped, or restore the form `export`",
  });
  const place = dataPlace(container, site.options.directory);
  await assertSpace(place, context.containers, {
    bytes: manifest.artifacts.find(({ name }) => name === dataArtifact)?.plain.bytes ?? 0,
    description: `${place.directory} of ${container.name}`,
    operation,
    signal: context.signal,
  });
  return { steps: replaceSteps(site, container), warnings };
}

function replaceSteps({ options }: Site, container: ContainerInfo): string[] {
  const { name } = container;
  return [
    `take ${name} off its networks, so that nobody writes before it is validated`,
    `unpack the data directory beside the present one in ${dataPlace(container, options.directory).directory}`,
    `${isStopped(container) ? "" : `stop ${name}, `}set the present files aside, put those of the backup in their place`,
    "compare all files and what is in them with the backup",
    `start ${name}, read every record and vector through it and compare; restart it, and compare again`,
    `put ${name} back on its networks, remove what was set aside`,
  ];
}

/** Collections beside those of the export, where they are to go. */
async function removedBy(site: Site, exported: Details["export"], signal: AbortSignal): Promise<string[]> {
  if (!(site instanceof Server) || site.options.exact !== true) return [];
  const { databases = [], collections = [] } = exported ?? {};
  const kept = new Set(collections.map((each) => collectionFact(each, each.name)));
  const live = databases.map(async (where) => {
    const found = (await hasDatabase(site, where)) ? await listCollections(site, where, signal) : [];
    return found.filter(({ name }) => !kept.has(collectionFact(where, name))).map(({ name }) => JSON.stringify(name));
  });
  return (await Promise.all(live)).flat();
}

function importSteps({ container }: Site, count: number, removed: readonly string[]): string[] {
  const name = container?.name;
  return [
    ...(name === undefined ? [] : [`take ${name} off its networks, so that nobody writes before it is validated`]),
    `make ${count} collections under temporary names, fill them, read every record back and compare`,
    "set the present collections of these names aside by renaming them, and give their names to the new ones",
    ...(removed.length === 0 ? [] : [`remove collections ${removed.join(", ")}, which the backup does not have`]),
    ...(name === undefined ? [] : [`restart ${name}, and compare again`]),
    "delete what was set aside",
  ];
}

/** What the API says, and what the command does. */
const versionPatterns = [/^(\d+)\.(\d+)\.(\d+)/, /chroma (\d+)\.(\d+)\.(\d+)/];

/** Files are migrated to newer servers when these start, never to older ones; the API is the same within a major version. What is not known of both says nothing. */
function assertVersion(ofBackup: string, ofServer: string): void {
  for (const pattern of versionPatterns) {
    const [written, present] = [ofBackup, ofServer].map((text) => pattern.exec(text)?.slice(1).map(Number));
    if (written === undefined || present === undefined) continue;
    const difference = written.map((number, part) => number - (present[part] ?? 0)).find((each) => each !== 0) ?? 0;
    if (difference <= 0) continue;
    throw new BackupError("incompatible-version", `the backup is of Chroma ${ofBackup}, the server is ${ofServer}`, {
      operation,
      hint: "restore into the version that the backup is of, or a later one",
    });
  }
}

function lacking({ id }: Manifest): BackupError {
  return new BackupError("corrupt", `backup ${id} lacks a part of what it should hold`, {
    operation,
    hint: "use another backup (`sutazai-backup list`)",
  });
}

function unsupported(message: string, hint: string): BackupError {
  return new BackupError("unsupported", message, { operation, hint });
}
