import { assertIsolatable, assertRestartable, assertSpace } from "@sutazai/backup-containers";
import {
  isStopped,
  BackupError,
  formOf,
  type Manifest,
  type OperationContext,
  type RestoreOptions,
  type RestorePlan,
} from "@sutazai/backup-core";
import { systemName } from "../databases.ts";
import { detailsOf } from "../details.ts";
import { dataArtifact, dumpArtifact, formName, type FormName } from "../forms.ts";
import type { Neo4jOptions } from "../options.ts";
import type { Server } from "../server.ts";
import { dataDirectoryOf, withContainer, type Site } from "../target.ts";
import { isNewer, serverVersion } from "../version.ts";
import { imageVersion } from "../dump/admin.ts";

const operation = "neo4j.plan";
export const methodName = "replace";

/** Checks that the backup fits the server, which need not run, and says what will be done. Touches nothing. */
export async function planRestore(
  context: OperationContext,
  target: Site,
  server: Server | undefined,
  manifest: Manifest,
  choice: RestoreOptions,
  options: Neo4jOptions,
): Promise<RestorePlan> {
  const form = restorable(choice);
  const { databases } = detailsOf(manifest);
  const names = databases.map(({ name }) => name);
  assertArtifacts(manifest, form, names);
  const { container } = withContainer(target);
  assertRestartable(container, { operation, hint: "restore into a container that may be stopped" });
  assertIsolatable(container, { operation, hint: "run the container on a network of its own" });
  const { id, imageId, name } = container;
  assertVersion(
    server === undefined
      ? await imageVersion(context.containers, imageId, context.signal)
      : await serverVersion(server),
    manifest,
  );
  const directory = dataDirectoryOf(container);
  await assertSpace({ kind: "container", container: id, image: imageId, directory }, context.containers, {
    bytes: bytesNeeded(manifest, form),
    description: `${directory} of ${name}`,
    operation,
    signal: context.signal,
  });
  const keepsSystem = keeps(options, names);
  const restored = names.filter((each) => !(keepsSystem && each === systemName));
  return {
    steps: [
      `take ${name} off its networks, so that nobody writes before it is validated`,
      `load ${restored.join(", ")} beside the present data of ${name}`,
      keepsSystem
        ? "keep the server's own `system`: its users and passwords stay as they are"
        : "replace `system` as well: users and passwords will be those of the backup",
      `${isStopped(container) ? "" : `stop ${name}, `}set the present data aside, put the loaded data in its place, start ${name}`,
      "wait until every database is online, compare nodes, relationships, indexes and constraints with the backup",
      "put it back on its networks and remove what was set aside",
    ],
    warnings: [
      ...manifest.incomplete.map((problem) => `the backup is not complete: ${problem}`),
      ...(keepsSystem
        ? []
        : [
            "the passwords will be those of the time of the backup: where the configured one is another, the restore is undone",
          ]),
    ],
  };
}

/** Whether the server's own users stay. */
export function keeps({ system }: Neo4jOptions, names: readonly string[]): boolean {
  return system === "keep" || !names.includes(systemName);
}

/** The form to restore. Throws `unsupported` for what cannot be. */
export function restorable({ form: name, method, only }: RestoreOptions): FormName {
  const form = formName(name);
  if (method !== methodName) {
    throw unsupported(`there is no restore method ${JSON.stringify(method)}`, `the method is: ${methodName}`);
  }
  if (only !== undefined) {
    throw unsupported(
      "a single database is not restored out of the whole",
      "restore into another server and copy from there",
    );
  }
  if (form === "export") {
    throw unsupported(
      "an export is not restored by this version",
      "restore a dump; an export is for other programs to read",
    );
  }
  return form;
}

function assertArtifacts(manifest: Manifest, form: FormName, databases: readonly string[]): void {
  const found = manifest.forms.find(({ name }) => name === form);
  if (found === undefined) {
    const names = manifest.forms.map(({ name }) => name).join(", ");
    throw unsupported(`backup ${manifest.id} has no form ${form}`, `it has: ${names}`);
  }
  const needed = form === "data" ? [dataArtifact] : databases.map(dumpArtifact);
  const missing = needed.filter((name) => !formOf(manifest, form).artifacts.includes(name));
  if (missing.length === 0 && needed.length > 0) return;
  throw new BackupError("corrupt", `the form ${form} of ${manifest.id} lacks ${missing.join(", ") || "everything"}`, {
    operation,
    hint: "use another backup (`sutazai-backup list`)",
  });
}

function assertVersion(present: string, manifest: Manifest): void {
  if (!isNewer(manifest.serverVersion, present)) return;
  throw new BackupError(
    "incompatible-version",
    `the backup is of Neo4j ${manifest.serverVersion}, this server is ${present}`,
    { operation, hint: `restore into Neo4j ${manifest.serverVersion} or newer` },
  );
}

function bytesNeeded(manifest: Manifest, form: FormName): number {
  if (form !== "data") return detailsOf(manifest).databases.reduce((sum, { bytes }) => sum + bytes, 0);
  return manifest.artifacts.find(({ name }) => name === dataArtifact)?.plain.bytes ?? 0;
}

function unsupported(message: string, hint: string): BackupError {
  return new BackupError("unsupported", message, { operation, hint });
}
