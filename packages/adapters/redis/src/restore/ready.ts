import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { BackupError, isBackupError, type Address, type ContainerRuntime } from "@sutazai/backup-core";
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
  let lastSign = performance.now();
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
        lastSign = performance.now();
      } catch (error) {
        await server[Symbol.asyncDispose]();
        throw error;
      }
      await server[Symbol.asyncDispose]();
    } catch (error) {
      const mayPass = isBackupError(error) && (error.reason === "connection" || error.reason === "timeout");
      if (!mayPass) throw error;
      if (error.message.startsWith("LOADING")) lastSign = performance.now();
      if (performance.now() - lastSign > patience) throw error;
    }
    await delay(pollInterval, undefined, { signal });
  }
}

/**
 * Waits until a server that may just have been started says anything at all. Until then a stop may be lost: an entrypoint that is
 * still a shell, as process 1, ignores the signal, and the daemon waits for nothing. Gives up silently: stopping is then tried all the same.
 */
export async function whenStoppable(containers: ContainerRuntime, containerId: string, port: number): Promise<void> {
  const until = performance.now() + patience;
  while (performance.now() < until) {
    const container = await containers.inspect(containerId);
    if (container.state !== "running") return;
    const address = await containers.resolveAddress(container, port).catch(() => undefined);
    if (address !== undefined && (await says(address))) return;
    await delay(pollInterval);
  }
}

/** Whether anything comes back: PONG, or that it wants a password, or that it is loading; an alert where it speaks TLS. */
function says({ host, port }: Address): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1000 }, () => socket.write("PING\r\n"));
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("data", () => end(true));
    socket.once("timeout", () => end(false));
    socket.once("error", () => end(false));
    socket.once("close", () => end(false));
  });
}
