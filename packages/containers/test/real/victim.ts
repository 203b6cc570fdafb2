import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Journal, silentLogger } from "@sutazai/backup-core";
import { dockerRuntime } from "@sutazai/backup-containers";

export interface Victim extends AsyncDisposable {
  readonly pid: number;
  said(word: string): Promise<void>;
  /** With SIGKILL: it gets no chance to clear anything away. */
  kill(): Promise<void>;
}

/** Runs this file as a process of its own, to be killed. */
export async function runVictim(...command: readonly string[]): Promise<Victim> {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), ...command], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (data: Buffer) => (output += data.toString()));
  const exited = once(child, "exit");
  const kill = async () => {
    child.kill("SIGKILL");
    await exited;
  };
  return {
    pid: child.pid ?? 0,
    async said(word) {
      while (!output.includes(word)) {
        if (child.exitCode !== null) throw new Error(`ended before it said "${word}": ${output}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    kill,
    [Symbol.asyncDispose]: kill,
  };
}

/** What the victim does, by its first argument. It says a word when it is done, then waits to be killed. */
const parts: Readonly<Record<string, (first: string, second: string) => Promise<string>>> = {
  async stop(container, directory) {
    const journal = await begin(directory);
    await runtime.stop(container, { journal, graceSeconds: 10 });
    return "stopped";
  },
  async isolate(container, directory) {
    const journal = await begin(directory);
    await runtime.isolate(container, { journal });
    return "isolated";
  },
  async sidecar() {
    const tool = await runtime.sidecar({ ...(await spec()), command: ["sh", "-c", "echo begun; sleep 600"] });
    for await (const _ of tool.stdout) process.stdout.write("running\n");
    return "ended";
  },
  async throwaway() {
    await runtime.throwaway({ ...(await spec()), command: ["sleep", "600"], freshVolumes: ["/data"] });
    return "running";
  },
  async freeze(container, directory) {
    const journal = await begin(directory);
    const info = await runtime.inspect(container);
    const signal = new AbortController().signal;
    // So long that nothing but our death ends it.
    await runtime.frozenCopy({
      container: info,
      paths: ["/data"],
      purpose: "abandoned-copy",
      maxPauseMs: 3_600_000,
      journal,
      signal,
    });
    return "copied";
  },
  async lock(container, image) {
    await runtime.lock(container, image);
    return "locked";
  },
};

const runtime = dockerRuntime(process.argv[5] === undefined ? {} : { host: process.argv[5] });

async function begin(directory: string) {
  const context = { logger: silentLogger, containers: runtime, scratch: directory };
  return new Journal(directory).begin({ command: "victim", database: "db" }, () => runtime, context);
}

async function spec() {
  const { baseImage, docker, never } = await import("./ground.ts");
  return { image: (await docker.getImage(baseImage).inspect()).Id, purpose: "victim", signal: never };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , part = "", first = "", second = ""] = process.argv;
  process.stdout.write(`${await parts[part]?.(first, second)}\n`);
  setInterval(() => undefined, 1000);
}
