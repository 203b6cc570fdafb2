import { assertRestartable, assertSpace } from "@sutazai/backup-containers";
import {
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
import type { Server } from "./server.ts";
import { dataPlace } from "./target.ts";

const operation = "chromadb.plan-restore";

/** Which way a form is restored. */
export const methodOf: Readonly<Record<FormName, string>> = { data: "replace", export: "import" };

/** Checks that the backup fits the server, and says what will be done. Changes nothing. */
export async function planRestore(
  context: OperationContext,
  server: Server,
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
  assertVersion(manifest.serverVersion, server.version);
  const warnings = manifest.incomplete.map((problem) => `the backup is not complete: ${problem}`);
  if (form === "export") {
    const collections = details.export?.collections ?? [];
    if (collections.some(({ artifact }) => !artifacts.includes(artifact))) throw lacking(manifest);
    return {
      steps: importSteps(server, collections.length, await removedBy(server, details.export, context.signal)),
      warnings: [...warnings, "ids of collections change: an application that has stored them does not find them"],
    };
  }
  if (!artifacts.includes(dataArtifact) || details.data === null) throw lacking(manifest);
  const container = containerOf(server);
  assertRestartable(container, {
    operation,
    hint: "restore into a container that may be stopped, or restore the form `export`",
  });
  const place = dataPlace(container, server.options.directory);
  await assertSpace(place, context.containers, {
    bytes: manifest.artifacts.find(({ name }) => name === dataArtifact)?.plain.bytes ?? 0,
    description: `${place.directory} of ${container.name}`,
    operation,
    signal: context.signal,
  });
  return { steps: replaceSteps(server, container), warnings };
}

function replaceSteps(server: Server, container: ContainerInfo): string[] {
  const { name } = container;
  return [
    `take ${name} off its networks, so that nobody writes before it is validated`,
    `unpack the data directory beside the present one in ${dataPlace(container, server.options.directory).directory}`,
    `stop ${name}, set the present files aside, put those of the backup in their place`,
    "compare all files and what is in them with the backup",
    `start ${name}, read every record and vector through it and compare; restart it, and compare again`,
    `put ${name} back on its networks, remove what was set aside`,
  ];
}

/** Collections beside those of the export, where they are to go. */
async function removedBy(server: Server, exported: Details["export"], signal: AbortSignal): Promise<string[]> {
  if (server.options.exact !== true) return [];
  const { databases = [], collections = [] } = exported ?? {};
  const kept = new Set(collections.map((each) => collectionFact(each, each.name)));
  const live = databases.map(async (where) => {
    const found = (await hasDatabase(server, where)) ? await listCollections(server, where, signal) : [];
    return found.filter(({ name }) => !kept.has(collectionFact(where, name))).map(({ name }) => JSON.stringify(name));
  });
  return (await Promise.all(live)).flat();
}

function importSteps({ target }: Server, count: number, removed: readonly string[]): string[] {
  const name = target.container?.name;
  return [
    ...(name === undefined ? [] : [`take ${name} off its networks, so that nobody writes before it is validated`]),
    `make ${count} collections under temporary names, fill them, read every record back and compare`,
    "set the present collections of these names aside by renaming them, and give their names to the new ones",
    ...(removed.length === 0 ? [] : [`remove collections ${removed.join(", ")}, which the backup does not have`]),
    ...(name === undefined ? [] : [`restart ${name}, and compare again`]),
    "delete what was set aside",
  ];
}

/** Files are migrated to newer servers when these start, never to older ones; the API is the same within a major version. */
function assertVersion(ofBackup: string, ofServer: string): void {
  const numbers = (text: string) =>
    [...text.matchAll(/(\d+)\.(\d+)\.(\d+)/g)].map((parts) => parts.slice(1).map(Number));
  const [theirs, ours] = [numbers(ofBackup), numbers(ofServer)];
  for (const [at, written] of theirs.entries()) {
    const present = ours[at];
    if (present === undefined) continue;
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
