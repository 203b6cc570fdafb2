import { posix } from "node:path";
import {
  isStopped,
  BackupError,
  textOf,
  type ContainerInfo,
  type Manifest,
  type OperationContext,
  type RestoreOptions,
  type RestorePlan,
} from "@sutazai/backup-core";
import { readTar } from "@sutazai/backup-formats";
import { detailsOf } from "../details.ts";
import type { RedisOptions } from "../options.ts";
import type { Persistence } from "../persistence.ts";
import type { Info } from "../server.ts";
import { locateStopped, portIn, type Target } from "../target.ts";
import {
  checkContainer,
  checkForm,
  checkSpace,
  checkVersion,
  formName,
  methodName,
  serverVersionWarning,
} from "./plan.ts";

/** A server whose container does not run, as far as its image, its command and its configuration file tell. */
export interface StoppedServer {
  readonly target: Target;
  readonly container: ContainerInfo;
  readonly where: Persistence;
  readonly port: number;
  /** What the server would say of its version. */
  readonly info: Info;
  readonly loadsModules: boolean;
}

const operation = "redis.stopped";
/** Of all official images. */
const workingDirectory = "/data";
/** Of a configuration file. */
const limit = 1024 * 1024;

/** Undefined where there is no container, or where it runs. */
export async function lookAtStopped(
  context: OperationContext,
  options: RedisOptions,
  database: string,
): Promise<StoppedServer | undefined> {
  if (options.container === undefined) return undefined;
  const container = await context.containers.inspect(options.container);
  if (!isStopped(container)) return undefined;
  const info = await versionOf(context, container);
  const settings = await settingsOf(context, container);
  const isRecent = Number.parseInt(info["redis_version"] ?? "", 10) >= 7;
  return {
    target: locateStopped(options, database, container),
    container,
    where: {
      directory: posix.resolve(workingDirectory, settings.get("dir") ?? "."),
      rdbFile: settings.get("dbfilename") ?? "dump.rdb",
      appendOnly: settings.get("appendonly") === "yes",
      aofFile: settings.get("appendfilename") ?? "appendonly.aof",
      aofDirectory: isRecent ? (settings.get("appenddirname") ?? "appendonlydir") : undefined,
    },
    port: Number(settings.get(options.tls === undefined ? "port" : "tls-port") ?? portIn(container)),
    info,
    loadsModules: settings.has("loadmodule"),
  };
}

/** Checks that the backup fits a server that does not run, and says what will be done. Touches nothing. */
export async function planStopped(
  context: OperationContext,
  { target, container, where, info, loadsModules }: StoppedServer,
  manifest: Manifest,
  options: RestoreOptions,
): Promise<RestorePlan> {
  const form = formName(options.form);
  const method = methodName(options.method);
  const { name } = container;
  if (method !== "offline") {
    throw refusal(
      `container ${name} does not run, and the method ${method} needs a running server`,
      "use the method offline",
    );
  }
  checkForm(manifest, options, form);
  checkContainer(target, where, method);
  checkVersion(info, manifest, form);
  const { modules } = detailsOf(manifest);
  if (modules.length > 0 && !loadsModules) {
    throw refusal(
      `the backup holds values of modules that this server does not load: ${modules.join(", ")}`,
      "load these modules in the server's command or configuration first",
    );
  }
  if (form === "aof" && !where.appendOnly) {
    throw refusal(
      "the server has `appendonly no`, so that it would not read an append-only file",
      "restore the form rdb",
    );
  }
  if (form === "aof" && where.aofDirectory === undefined) {
    throw refusal("this server keeps its append-only file in one piece, as before version 7", "restore the form rdb");
  }
  await checkSpace(context, container, where, manifest, form);
  return {
    steps: [
      `take ${name}, which does not run, off its networks`,
      `set its files in ${where.directory} aside, put those of the backup in their place, start it`,
      "compare its content with the backup, restart it, compare again",
      "put it back on its networks, running, and remove what was set aside",
    ],
    warnings: serverVersionWarning(info, manifest),
  };
}

/** What the server's program says of itself: `Redis server v=8.0.2 sha=…`, `Valkey server v=8.1.1 …`. */
async function versionOf({ containers, signal }: OperationContext, container: ContainerInfo): Promise<Info> {
  const tool = await containers.sidecar({
    image: container.imageId,
    command: ["sh", "-c", "server=$(command -v redis-server || command -v valkey-server) && exec $server --version"],
    purpose: "redis-version",
    signal,
  });
  const text = await textOf(tool, { tool: "redis-server", operation });
  const [, product, version] = /(Redis|Valkey) server v=(\d+[\d.]*)/.exec(text) ?? [];
  if (version === undefined)
    throw refusal(`the server's program says ${JSON.stringify(text)} of its version`, "start it");
  // What every Valkey says that it is compatible with.
  return product === "Valkey" ? { valkey_version: version, redis_version: "7.2.4" } : { redis_version: version };
}

/** The settings that it would start with: of its configuration file, then of its command. The last of a name wins. */
async function settingsOf(context: OperationContext, container: ContainerInfo): Promise<Map<string, string>> {
  const words = container.command.length === 1 ? [] : container.command.flatMap((word) => word.split(/\s+/));
  const program = words.findIndex((word) => /(^|\/)(redis|valkey)-server$/.test(word));
  const parameters = words.slice(program + 1);
  const [file] = parameters;
  const fromFile =
    program === -1 || file === undefined || file.startsWith("-")
      ? []
      : parseFile(await fileIn(context, container, file), file);
  const fromCommand = parameters.flatMap((word, index): [string, string][] =>
    word.startsWith("--") ? [[word.slice(2).toLowerCase(), unquoted(parameters[index + 1] ?? "")]] : [],
  );
  return new Map([...fromFile, ...fromCommand]);
}

function parseFile(text: string, file: string): [string, string][] {
  return text.split("\n").flatMap((line): [string, string][] => {
    const [, name, value] = /^\s*([A-Za-z-]+)\s+(.*?)\s*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) return [];
    if (name.toLowerCase() === "include") {
      throw refusal(`${file} includes another file, which is not read here`, "start the server, then restore");
    }
    return [[name.toLowerCase(), unquoted(value)]];
  });
}

function unquoted(value: string): string {
  return value.replace(/^(["'])(.*)\1$/, "$2");
}

/** Through the archive interface, for it may lie in the image. Nothing else is asked of the container meanwhile. */
async function fileIn(
  { containers, signal }: OperationContext,
  { id, name }: ContainerInfo,
  path: string,
): Promise<string> {
  if (!path.startsWith("/")) throw refusal(`the path of the configuration ${path} is not absolute`, `start ${name}`);
  const chunks: Uint8Array[] = [];
  for await (const entry of readTar(containers.readArchive(id, path, signal), { unchecked: true })) {
    if (entry.type !== "file" || entry.size > limit) throw refusal(`${path} is no configuration file`, `start ${name}`);
    for await (const chunk of entry.content) chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function refusal(message: string, hint: string): BackupError {
  return new BackupError("unsupported", message, { operation, hint });
}
