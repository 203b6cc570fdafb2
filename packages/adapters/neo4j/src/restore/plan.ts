import { runAt } from "@sutazai/backup-containers";
import {
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
import { dataDirectoryOf, withContainer, type ContainerTarget, type Target } from "../target.ts";
import { isNewer, serverVersion } from "../version.ts";

const operation = "neo4j.plan";
export const methodName = "replace";

/** Checks that the backup fits the server, and says what will be done. Touches nothing. */
export async function planRestore(
  context: OperationContext,
  target: Target,
  server: Server,
  manifest: Manifest,
  choice: RestoreOptions,
  options: Neo4jOptions,
): Promise<RestorePlan> {
  const form = restorable(choice);
  const { databases } = detailsOf(manifest);
  const names = databases.map(({ name }) => name);
  assertArtifacts(manifest, form, names);
  const reached = withContainer(target);
  assertRestartable(reached);
  await assertVersion(server, manifest);
  await assertSpace(context, reached, manifest, form);
  const { name } = reached.container;
  const keepsSystem = keeps(options, names);
  const restored = names.filter((each) => !(keepsSystem && each === systemName));
  return {
    steps: [
      `take ${name} off its networks, so that nobody writes before it is validated`,
      `load ${restored.join(", ")} beside the present data of ${name}`,
      keepsSystem
        ? "keep the server's own `system`: its users and passwords stay as they are"
        : "replace `system` as well: users and passwords will be those of the backup",
      `stop ${name}, set the present data aside, put the loaded data in its place, start ${name}`,
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

function assertRestartable({ container }: ContainerTarget): void {
  const { name, autoRemove, orchestrator, networkMode } = container;
  if (autoRemove || orchestrator !== undefined) {
    throw unsupported(
      autoRemove
        ? `container ${name} was started with --rm: stopping it would remove it`
        : `container ${name} belongs to ${orchestrator}, which would start another in its place`,
      "restore into a container that may be stopped",
    );
  }
  if (/^(host|none|container:.*)$/.test(networkMode)) {
    throw unsupported(
      `container ${name} has the network mode ${networkMode}: nobody can be kept from writing to it`,
      "run the container on a network of its own",
    );
  }
}

async function assertVersion(server: Server, manifest: Manifest): Promise<void> {
  const present = await serverVersion(server);
  if (!isNewer(manifest.serverVersion, present)) return;
  throw new BackupError(
    "incompatible-version",
    `the backup is of Neo4j ${manifest.serverVersion}, this server is ${present}`,
    { operation, hint: `restore into Neo4j ${manifest.serverVersion} or newer` },
  );
}

async function assertSpace(
  { containers, signal }: OperationContext,
  { container }: ContainerTarget,
  manifest: Manifest,
  form: FormName,
): Promise<void> {
  const directory = dataDirectoryOf(container);
  const plain = manifest.artifacts.find(({ name }) => name === dataArtifact)?.plain.bytes ?? 0;
  const bytes =
    form === "data" ? plain : detailsOf(manifest).databases.reduce((sum, database) => sum + database.bytes, 0);
  const free = Number(
    await runAt({ kind: "container", container: container.id, image: container.imageId, directory }, containers, {
      purpose: "neo4j-space",
      script: `cd -- "$1" && df -Pk . | { read -r _; read -r _ _ _ free _; echo "$free"; }`,
      arguments: [directory],
      signal,
    }),
  );
  if (!Number.isFinite(free) || free * 1024 >= bytes) return;
  const mebibytes = (count: number) => Math.ceil(count / 1024 ** 2);
  throw new BackupError(
    "no-space",
    `the data needs ${mebibytes(bytes)} MiB beside the present one in ${directory} of ${container.name}; ${mebibytes(free * 1024)} MiB are free`,
    { operation, hint: "make room on that volume; the present data is kept until the restore has succeeded" },
  );
}

function unsupported(message: string, hint: string): BackupError {
  return new BackupError("unsupported", message, { operation, hint });
}
