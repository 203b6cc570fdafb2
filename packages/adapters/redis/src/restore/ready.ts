import { setTimeout as delay } from "node:timers/promises";
import { BackupError, isBackupError, type ContainerRuntime } from "@sutazai/backup-core";
import { Server } from "../server.ts";
import { containerOf, type Target } from "../target.ts";

const pollInterval = 200;
/** How long it may refuse connections before it is given up; loading may take any time. */
const patience = 120_000;

/** The port that the server listens on within its container. */
export async function innerPort(server: Server, target: Target): Promise<number> {
  const settings = await server.settings("port", "tls-port");
  const name = target.tls === undefined ? "port" : "tls-port";
  const port = Number(settings[name]);
  return port > 0 ? port : target.address.port;
}

/**
 * Waits until a server whose container was just started, or put on another network, answers and has loaded its data. Throws
 * `restore-failed` where its container ends.
 */
export async function whenReady(
  containers: ContainerRuntime,
  target: Target,
  port: number | undefined,
  signal: AbortSignal,
): Promise<{ readonly server: Server; readonly target: Target }> {
  const { id } = containerOf(target);
  let lastSign = Date.now();
  for (;;) {
    const container = await containers.inspect(id);
    if (container.state === "exited" || container.state === "dead") {
      throw new BackupError("restore-failed", `the server in container ${container.name} ended instead of starting`, {
        operation: "redis.start",
        database: target.database,
        hint: `look at its log: docker logs ${container.name}`,
      });
    }
    try {
      const address = port === undefined ? target.address : await containers.resolveAddress(container, port);
      const found: Target = { ...target, container, address };
      const server = await Server.connect(found, signal);
      try {
        const info = await server.info("persistence");
        if (info["loading"] === "0") return { server, target: found };
        lastSign = Date.now();
      } catch (error) {
        await server[Symbol.asyncDispose]();
        throw error;
      }
      await server[Symbol.asyncDispose]();
    } catch (error) {
      const mayPass = isBackupError(error) && (error.reason === "connection" || error.reason === "timeout");
      if (!mayPass) throw error;
      if (error.message.startsWith("LOADING")) lastSign = Date.now();
      if (Date.now() - lastSign > patience) throw error;
    }
    await delay(pollInterval, undefined, { signal });
  }
}
