import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import type { Engine } from "./engine.ts";

/** How long after our own limit the watchdog takes it that we cannot keep it. */
const graceMs = 2_000;

// A program of its own, since nothing in the container could unpause it. It says "ready", then waits for the first of three: a byte (all is well, it
// may go), the end of its standard input (whoever started it has died), or its time limit.
const script = `
const [dockerode, connection, container, limit] = process.argv.slice(1);
const server = new (require(dockerode))(JSON.parse(connection) ?? undefined).getContainer(container);
const letGo = async () => {
  for (let attempt = 0; attempt < 60; attempt++) {
    const error = await server.unpause().then(() => undefined, (thrown) => thrown);
    if (error === undefined || error.statusCode !== undefined) break;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  process.exit();
};
process.stdin.on("data", () => process.exit()).on("end", letGo).on("error", letGo);
setTimeout(letGo, Number(limit));
process.stdout.write("ready");
`;

/**
 * Starts a process that unpauses a container when this process dies, and a little after `limitMs` at the latest. It is in a process group of its own: what is sent to ours
 * does not reach it. Disposing ends it without a deed.
 */
export async function startUnpauseWatchdog(engine: Engine, container: string, limitMs: number): Promise<Disposable> {
  const dockerode = createRequire(import.meta.url).resolve("dockerode");
  const connection = JSON.stringify(engine.connection ?? null);
  const child = spawn(process.execPath, ["-e", script, dockerode, connection, container, String(limitMs + graceMs)], {
    detached: true,
    stdio: ["pipe", "pipe", "ignore"],
  });
  child.stdin.on("error", () => undefined);
  const ended = once(child, "exit").then(() => {
    throw new Error("the watchdog that would have unpaused the container did not start");
  });
  // Whoever waits for the first word gets it; later it is no failure.
  ended.catch(() => undefined);
  await Promise.race([once(child.stdout, "data"), ended]);
  child.unref();
  return { [Symbol.dispose]: () => child.stdin.end("done") };
}
