import { BackupError, toBackupError, type ArtifactSink, type OperationContext } from "@sutazai/backup-core";
import { listDatabases, type DatabaseState } from "../databases.ts";
import { readContent, type ServerContent } from "../fingerprint.ts";
import { dumpArtifact } from "../forms.ts";
import type { Neo4jOptions } from "../options.ts";
import { whenReady } from "../ready.ts";
import type { Server } from "../server.ts";
import { dataDirectoryOf, withContainer, type ContainerSite, type Target } from "../target.ts";
import { stopForGood } from "../throwaway.ts";
import { notCovered, writeDumps, type Capture } from "./capture.ts";
import type { Copies } from "./copies.ts";

/** Where images of Neo4j keep their data. */
const dataDirectory = "/data";
const defaultMemory = 1536 * 1024 ** 2;

/**
 * A dump without a stop: the data directory is copied while the server stands still, a throwaway server of the same image recovers the copy and tells what is in it, and
 * when it has stopped cleanly its databases are checked and dumped.
 */
export async function captureFrozen(
  context: OperationContext,
  target: Target,
  server: Server,
  options: Neo4jOptions,
  sink: ArtifactSink,
  copies: Copies,
): Promise<Capture> {
  const reached = withContainer(target);
  const path = dataDirectoryOf(reached.container);
  const copy = await copies.pristine();
  const volumes = { [dataDirectory]: copy.volumes[path] ?? "" };
  copies.spend();
  const content = await recoverCopy(context, reached, volumes, options);
  assertAll(await listDatabases(server), content);
  const store = { image: reached.container.imageId, volumes, directory: dataDirectory };
  const databases = await writeDumps(context, store, content.databases, sink);
  return {
    form: {
      name: "dump",
      method: `frozen copy (${copy.method}), recovered, checked, neo4j-admin database dump`,
      capture: copy.capture,
      pausedMs: 0,
      artifacts: databases.map(({ name }) => dumpArtifact(name)),
      fingerprint: content.fingerprint,
      notCovered,
    },
    details: { databases },
    isEmpty: content.isEmpty,
    incomplete: [],
    warnings: [],
  };
}

/** Starts a server on the copy, reads what it holds, and stops it cleanly: only then can it be dumped. */
async function recoverCopy(
  { containers, signal, progress }: OperationContext,
  target: ContainerSite,
  volumes: Readonly<Record<string, string>>,
  options: Neo4jOptions,
): Promise<ServerContent> {
  progress({ step: "recovering the copy" });
  const { imageId, environment } = target.container;
  await using throwaway = await containers.throwaway({
    image: imageId,
    purpose: "neo4j-recovery",
    environment: recoveryEnvironment(environment),
    memoryLimit: options.recoveryMemory ?? defaultMemory,
    volumes,
    signal,
  });
  try {
    const started = await whenReady(containers, throwaway, { ...target, tls: false }, { signal });
    let content: ServerContent;
    {
      await using server = started.server;
      progress({ step: "reading what the copy holds" });
      content = await readContent(server);
    }
    await stopForGood(containers, throwaway.id);
    return content;
  } catch (error) {
    signal.throwIfAborted();
    const isMemory = await throwaway.ranOutOfMemory().catch(() => false);
    const why = isMemory ? "the server ran out of memory" : toBackupError(error).message;
    const log = await throwaway.logs().catch(() => "");
    throw new BackupError(
      "tool-failed",
      `the copy could not be recovered: ${why}: ${log.trim().split("\n").slice(-3).join("\n")}`,
      {
        operation: "neo4j.recover-copy",
        hint: "give it more memory (setting `recoveryMemory`), take the method offline, or allow the files as they are (setting `fallback`: data-directory)",
        cause: error,
      },
    );
  }
}

/** A database that the server shows and the copy lacks has its files elsewhere. Throws `unsupported`. */
function assertAll(live: readonly DatabaseState[], { databases }: ServerContent): void {
  const missing = live.filter(({ name }) => !databases.includes(name)).map(({ name }) => name);
  if (missing.length === 0) return;
  throw new BackupError("unsupported", `the copy of the data directory lacks the databases ${missing.join(", ")}`, {
    operation: "neo4j.recover-copy",
    hint: "see where the server keeps them (server.directories.*), or take the method export",
  });
}

/** What a server needs to know to take up another's data, and no more: neither its plugins nor its limits. */
function recoveryEnvironment(environment: Readonly<Record<string, string>>): Record<string, string> {
  const kept = ["NEO4J_initial_dbms_default__database", "NEO4J_ACCEPT_LICENSE_AGREEMENT"];
  return {
    ...Object.fromEntries(kept.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]]))),
    ...(environment["NEO4J_AUTH"] === "none" && { NEO4J_AUTH: "none" }),
    NEO4J_dbms_usage__report_enabled: "false",
  };
}
