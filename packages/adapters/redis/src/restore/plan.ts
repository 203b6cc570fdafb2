import { assertSpace } from "@sutazai/backup-containers";
import {
  BackupError,
  formOf,
  type ContainerInfo,
  type Manifest,
  type OperationContext,
  type RestoreOptions,
  type RestorePlan,
} from "@sutazai/backup-core";
import { artifactNames } from "../backup.ts";
import { detailsOf } from "../details.ts";
import { formNames, type FormName } from "../options.ts";
import { isOnVolume, persistenceOf, type Persistence } from "../persistence.ts";
import type { Info, Server } from "../server.ts";
import { containerOf, type Target } from "../target.ts";
import { majorOf, newestReadable, productOf, readableSince, serverVersion } from "../version.ts";

export const methodNames = ["offline", "online"] as const;
export type MethodName = (typeof methodNames)[number];

/** Checks that the backup fits the server, and says what will be done. Touches nothing. */
export async function planRestore(
  context: OperationContext,
  target: Target,
  server: Server,
  manifest: Manifest,
  options: RestoreOptions,
): Promise<RestorePlan> {
  const form = formName(options.form);
  const method = methodName(options.method);
  checkForm(manifest, options, form);
  const info = await server.info("server", "replication", "cluster", "persistence");
  const where = await persistenceOf(server, target.database);
  checkContainer(target, where, method);
  checkRole(info);
  await checkSettings(server, info, form, method, where);
  checkVersion(info, manifest, form);
  const modules = await missingModules(server, manifest);
  if (modules.length > 0) {
    throw unsupported(
      `the backup holds values of modules that this server has not loaded: ${modules.join(", ")}`,
      "load these modules into the server first",
    );
  }
  context.signal.throwIfAborted();
  const container = containerOf(target);
  await checkSpace(context, container, where, manifest, form);
  const { name } = container;
  const replicas = Number(info["connected_slaves"] ?? 0);
  return {
    steps: [...stepsOf[method](name, where)],
    warnings: [
      ...(replicas > 0 ? [`${replicas} replica(s) of this server will follow it to the restored content`] : []),
      ...serverVersionWarning(info, manifest),
    ],
  };
}

const operation = "redis.plan";

export function serverVersionWarning(info: Info, { serverVersion: ofBackup }: Manifest): string[] {
  const present = serverVersion(info);
  return ofBackup === present ? [] : [`the backup is of ${ofBackup}, the server is ${present}`];
}

export function checkForm(manifest: Manifest, { only }: RestoreOptions, form: FormName): void {
  if (only !== undefined) {
    throw unsupported(
      "a single database cannot be restored out of the whole",
      "restore all of it into another server and copy from there",
    );
  }
  if (formOf(manifest, form).artifacts.includes(artifactNames[form])) return;
  throw new BackupError("corrupt", `the form ${form} of ${manifest.id} lacks ${artifactNames[form]}`, { operation });
}

const stepsOf: Readonly<Record<MethodName, (name: string, where: Persistence) => readonly string[]>> = {
  offline: (name, { directory }) => [
    `make ${name} read-only (REPLICAOF 127.0.0.1 1)`,
    `take ${name} off its networks, so that nobody writes before it is validated`,
    `stop ${name}, set its files in ${directory} aside, put those of the backup in their place, start it`,
    "compare its content with the backup, restart it, compare again",
    "put it back on its networks and remove what was set aside",
  ],
  online: (name, { directory }) => [
    `make ${name} read-only (REPLICAOF 127.0.0.1 1)`,
    `keep its present content aside in ${directory}`,
    `start a temporary server with the backup and make ${name} its replica`,
    "compare its content with the backup",
    "make it a master again and remove what was kept aside",
  ],
};

export function formName(name: string): FormName {
  const form = formNames.find((known) => known === name);
  if (form === undefined)
    throw unsupported(`there is no form ${JSON.stringify(name)}`, `forms are: ${formNames.join(", ")}`);
  return form;
}

export function methodName(name: string): MethodName {
  const method = methodNames.find((known) => known === name);
  if (method === undefined)
    throw unsupported(`there is no restore method ${JSON.stringify(name)}`, `methods are: ${methodNames.join(", ")}`);
  return method;
}

export function checkContainer(target: Target, { directory }: Persistence, method: MethodName): void {
  const container = containerOf(target);
  const { name, autoRemove, orchestrator, networkMode } = container;
  if (autoRemove || orchestrator !== undefined) {
    throw unsupported(
      autoRemove
        ? `container ${name} was started with --rm: stopping it, if only to undo the restore, would remove it`
        : `container ${name} belongs to ${orchestrator}, which would start another in its place`,
      "restore into a container that may be stopped",
    );
  }
  if (!isOnVolume(container, directory)) {
    throw unsupported(
      `the data directory ${directory} of container ${name} is not on a volume: what is put there is lost with the container`,
      `mount a volume at ${directory}`,
    );
  }
  if (method === "offline" && /^(host|none|container:.*)$/.test(networkMode)) {
    throw unsupported(
      `container ${name} has the network mode ${networkMode}: nobody can be kept from writing to it while it restarts`,
      "restore with the method online, or run the container on a network of its own",
    );
  }
}

/** The server needs more where it saves what it has got; this much it needs in any case. */
export async function checkSpace(
  { containers, signal }: OperationContext,
  { id, imageId, name }: ContainerInfo,
  { directory }: Persistence,
  manifest: Manifest,
  form: FormName,
): Promise<void> {
  await assertSpace({ kind: "container", container: id, image: imageId, directory }, containers, {
    bytes: manifest.artifacts.find((artifact) => artifact.name === artifactNames[form])?.plain.bytes ?? 0,
    description: `${directory} of container ${name}`,
    operation,
    signal,
  });
}

function checkRole(info: Info): void {
  if (info["redis_mode"] === "sentinel")
    throw unsupported("this is a Sentinel, it holds no data", "name the server that it watches");
  if (info["cluster_enabled"] === "1") {
    throw unsupported(
      "this server is a node of a cluster",
      "restore into a server of its own, then move the keys in with redis-cli --cluster import",
    );
  }
  if (info["role"] === "slave") {
    throw unsupported(
      `this server is a replica of ${info["master_host"]}:${info["master_port"]}`,
      "restore its master: the replica follows",
    );
  }
}

async function checkSettings(
  server: Server,
  info: Info,
  form: FormName,
  method: MethodName,
  where: Persistence,
): Promise<void> {
  const settings = await server.settings("replica-read-only", "replica-serve-stale-data", "masteruser");
  if (settings["replica-read-only"] === "no" || settings["replica-serve-stale-data"] === "no") {
    throw unsupported(
      "writers cannot be kept out: the server has `replica-read-only no` or `replica-serve-stale-data no`",
      "set both to yes (CONFIG SET) for the time of the restore",
    );
  }
  if (info["loading"] === "1" || info["async_loading"] === "1") {
    throw new BackupError("connection", "the server is still loading its data", {
      operation,
      hint: "wait until it has",
    });
  }
  if (form === "aof" && method === "offline" && !where.appendOnly) {
    throw unsupported(
      "the server has `appendonly no`, so that it would not read an append-only file",
      "restore with the method online, or from the form rdb, or set `appendonly yes`",
    );
  }
  if (where.aofDirectory === undefined && (form === "aof" || where.appendOnly)) {
    throw unsupported(
      "this server keeps its append-only file in one piece, as before version 7",
      "restore into a server of version 7 or newer",
    );
  }
  if (method === "online" && (settings["masteruser"] ?? "") !== "") {
    throw unsupported(
      "the server authenticates at its master as a user (`masteruser`)",
      "restore with the method offline",
    );
  }
}

export function checkVersion(info: Info, manifest: Manifest, form: FormName): void {
  const { rdb, product } = detailsOf(manifest);
  const version = serverVersion(info);
  if (product === productOf(info) && majorOf(manifest.serverVersion) > majorOf(version)) {
    throw new BackupError(
      "incompatible-version",
      `the backup is of ${product} ${manifest.serverVersion}, this server is ${version}`,
      { operation, hint: `restore into version ${majorOf(manifest.serverVersion)} or newer` },
    );
  }
  const needed = rdb[form]?.version;
  if (needed === undefined || needed <= newestReadable(info)) return;
  throw new BackupError(
    "incompatible-version",
    `the backup has RDB version ${needed}; ${productOf(info)} ${version} reads up to ${newestReadable(info)}`,
    { operation, hint: `restore into Redis ${readableSince(needed)} or newer` },
  );
}

/** Values of modules are loaded by their modules only; without one the server does not start. */
async function missingModules(server: Server, manifest: Manifest): Promise<string[]> {
  const needed = detailsOf(manifest).modules;
  if (needed.length === 0) return [];
  const loaded = await server.call("MODULE", "LIST");
  // A module's name is not that of its types: that none is loaded is all that can be told beforehand.
  return Array.isArray(loaded) && loaded.length > 0 ? [] : [...needed];
}

function unsupported(message: string, hint: string): BackupError {
  return new BackupError("unsupported", message, { operation, hint });
}
