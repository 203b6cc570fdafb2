import { execFile, spawn } from "node:child_process";
import { mkdir, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A Docker engine of its own, with nothing in it. Disposing ends it and removes all that it held: the machine is lost. */
export interface Engine extends AsyncDisposable {
  /** For `DOCKER_HOST`. */
  readonly host: string;
  /** Takes images over from the usual engine of this host. */
  load(images: readonly string[]): Promise<void>;
}

/** Starts `dockerd` below a directory. It shares nothing with any other but the kernel and, where the caller has none of his own, the network. */
export async function startEngine(directory: string): Promise<Engine> {
  await mkdir(directory, { recursive: true });
  const host = `unix://${join(directory, "docker.sock")}`;
  const logFile = join(directory, "dockerd.log");
  await using log = await open(logFile, "w");
  const places = {
    "data-root": join(directory, "data"),
    "exec-root": join(directory, "exec"),
    pidfile: join(directory, "dockerd.pid"),
    host,
  };
  const daemon = spawn(
    "dockerd",
    Object.entries(places).map(([option, value]) => `--${option}=${value}`),
    { stdio: ["ignore", log.fd, log.fd] },
  );
  const ended = new Promise<void>((resolve) => daemon.once("close", () => resolve()));
  const engine: Engine = {
    host,
    load: async (images) => {
      await run("sh", ["-c", 'docker save "$@" | docker --host "$0" load', host, ...images]);
    },
    [Symbol.asyncDispose]: async () => {
      daemon.kill("SIGTERM");
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
  while (!(await answers(host))) {
    if (daemon.exitCode !== null) throw new Error(`dockerd ended: ${(await readFile(logFile, "utf8")).slice(-2_000)}`);
    await sleep(200);
  }
  return engine;
}

function answers(host: string): Promise<boolean> {
  return run("docker", ["--host", host, "info"]).then(
    () => true,
    () => false,
  );
}
