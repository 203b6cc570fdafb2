import { setTimeout as sleep } from "node:timers/promises";
import { BackupError, isBackupError, type ContainerInfo, type ContainerRuntime } from "@sutazai/backup-core";
import { listDatabases } from "./databases.ts";
import { Server } from "./server.ts";
import { boltPort, type Site, type Target } from "./target.ts";

const pollMs = 250;
/** Recovery of a large store takes its time; a server that runs and says nothing for longer than this never will. */
const patienceMs = 1_800_000;
/** A database that has failed to start says so at once; one that is to be started is offline for a moment before. */
const offlinePatienceMs = 20_000;

export interface Started {
  readonly server: Server;
  readonly target: Target;
}

/**
 * Waits until the server in a container answers over Bolt, and all its databases are online: that it is up says nothing of them. Throws
 * `restore-failed` where the container ends or a database does not start, `authentication` where it wants another password.
 */
export async function whenReady(
  containers: ContainerRuntime,
  container: Pick<ContainerInfo, "id">,
  found: Site,
  options: { readonly signal: AbortSignal; readonly port?: number; readonly patienceMs?: number },
): Promise<Started> {
  const { signal, port = boltPort } = options;
  const start = performance.now();
  for (;;) {
    signal.throwIfAborted();
    const info = await containers.inspect(container.id);
    if (info.state !== "running") throw ended(info);
    const waitedMs = performance.now() - start;
    try {
      const target: Target = { ...found, container: info, address: await containers.resolveAddress(info, port) };
      const server = await Server.connect(target, signal);
      try {
        const offline = (await listDatabases(server)).find(({ status }) => status !== "online");
        if (offline === undefined) return { server, target };
        const isFinal = offline.message !== "" || waitedMs > offlinePatienceMs;
        if (offline.status !== "starting" && isFinal) throw notOnline(offline.name, offline.status, offline.message);
      } catch (error) {
        await server[Symbol.asyncDispose]();
        throw error;
      }
      await server[Symbol.asyncDispose]();
    } catch (error) {
      const mayPass = isBackupError(error) && (error.reason === "connection" || error.reason === "timeout");
      if (!mayPass || waitedMs > (options.patienceMs ?? patienceMs)) throw error;
    }
    await sleep(pollMs, undefined, { signal });
  }
}

function ended({ name, state }: ContainerInfo): BackupError {
  return new BackupError("restore-failed", `the server in container ${name} does not run: it is ${state}`, {
    operation: "neo4j.start",
    hint: `look at its log: docker logs ${name}, and at debug.log in its directory of logs`,
  });
}

function notOnline(name: string, status: string, message: string): BackupError {
  return new BackupError("restore-failed", `the database ${name} did not come online: it is ${status}. ${message}`, {
    operation: "neo4j.start",
    hint: "the server's debug.log tells why",
  });
}
