import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { watchContainers } from "@sutazai/backup-testkit";
import type { Canaries, Sighting } from "./canaries.ts";
import { textsIn } from "./files.ts";

const pauseMs = 100;

/** What is seen while something runs: it may be gone afterwards. */
export interface Lookout extends AsyncDisposable {
  readonly sightings: readonly Sighting[];
  /** `<canary> in <variable> of <purpose>`: of containers that were made meanwhile, the variables that hold one. */
  readonly environments: ReadonlySet<string>;
  /** How many there were of each: of nothing, nothing would be found. */
  readonly looked: { readonly processes: number; readonly containers: number; readonly stateFiles: number };
}

/**
 * Looks at the arguments of all processes of this host, those in containers among them, at the definitions of all containers that the system
 * makes, and at its state directory, again and again.
 */
export async function keepLookout(canaries: Canaries, stateDirectory: string): Promise<Lookout> {
  const sightings: Sighting[] = [];
  const environments = new Set<string>();
  const processes = new Set<string>();
  const stateFiles = new Map<string, string>();
  const containers = await watchContainers();
  const stopped = new AbortController();
  const look = (where: string, text: string) => {
    for (const canary of canaries.in(text)) sightings.push({ canary, where });
  };
  const watching = (async () => {
    while (!stopped.signal.aborted) {
      for (const [pid, command] of await commandLines()) {
        if (processes.has(`${pid} ${command}`)) continue;
        processes.add(`${pid} ${command}`);
        look(`the arguments of ${beginningOf(command, canaries)}`, command);
      }
      for await (const [path, text] of textsIn(stateDirectory)) {
        if (stateFiles.get(path) === text) continue;
        stateFiles.set(path, text);
        look(`${path} in the state directory, under way`, text);
      }
      await sleep(pauseMs, undefined, { signal: stopped.signal }).catch(() => undefined);
    }
  })();
  return {
    sightings,
    environments,
    get looked() {
      return { processes: processes.size, containers: containers.seen.length, stateFiles: stateFiles.size };
    },
    async [Symbol.asyncDispose]() {
      stopped.abort();
      await watching;
      await containers[Symbol.asyncDispose]();
      for (const { name, environment, ...rest } of containers.seen) {
        look(`what is shown of container ${name}`, JSON.stringify(rest));
        for (const variable of environment) {
          const purpose = name.replace(/^sutazai-(.*)-[\da-f]+$/, "$1");
          for (const canary of canaries.in(variable)) {
            environments.add(`${canary} in ${variable.slice(0, variable.indexOf("="))} of ${purpose}`);
          }
        }
      }
    },
  };
}

/** A command up to what must not be seen of it. */
function beginningOf(command: string, canaries: Canaries): string {
  const words = command.split(" ");
  return words
    .slice(
      0,
      words.findIndex((word) => canaries.in(word).length > 0),
    )
    .join(" ");
}

async function commandLines(): Promise<[pid: string, command: string][]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  return Promise.all(
    pids.map(async (pid) => [
      pid,
      (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).replaceAll("\0", " "),
    ]),
  );
}
