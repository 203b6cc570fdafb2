import { BackupError, type ContainerInfo } from "@sutazai/backup-core";
import type Docker from "dockerode";
import { distance } from "fastest-levenshtein";
import { tolerating } from "./classify-error.ts";
import { toContainerInfo } from "./container-info.ts";
import type { Engine } from "./engine.ts";
import { roleLabel } from "./ownership.ts";

const inspectTimeoutMs = 30_000;

/** All containers but our own. One that goes away meanwhile is left out. */
export async function listContainers({ docker }: Engine): Promise<ContainerInfo[]> {
  const found = await listForeign(docker);
  const containers: ContainerInfo[] = [];
  for (let start = 0; start < found.length; start += 8) {
    const some = found.slice(start, start + 8).map(({ Id, Names }) => lookAt(docker, Id, Names[0]?.slice(1) ?? Id));
    containers.push(...(await Promise.all(some)).filter((each) => each !== undefined).map(toContainerInfo));
  }
  return containers;
}

export async function inspectContainer(engine: Engine, reference: string): Promise<ContainerInfo> {
  return toContainerInfo(await lookUp(engine, reference));
}

/** A container by name or id, in Docker's words. Throws `not-found`, with the names that look like it. */
export async function lookUp({ docker }: Engine, reference: string): Promise<Docker.ContainerInspectInfo> {
  const inspected = await lookAt(docker, encodeURIComponent(reference), reference);
  if (inspected !== undefined) return inspected;
  const names = (await listForeign(docker)).flatMap(({ Names }) => Names.map((name) => name.slice(1)));
  const similar = lookAlikes(reference, names);
  throw new BackupError(
    "not-found",
    `there is no container ${JSON.stringify(reference)}${similar.length > 0 ? `; did you mean ${similar.join(", ")}?` : ""}`,
    {
      operation: "containers.inspect",
      hint:
        similar.length > 0
          ? "name the container that is meant in the configuration"
          : `look at \`docker ps --all\`; there are ${names.length} containers, none with a name like it`,
      details: { reference, similar },
    },
  );
}

const notRunning: Readonly<Record<Exclude<ContainerInfo["state"], "running">, (name: string) => string>> = {
  created: (name) => `it was never started: start it with \`docker start ${name}\``,
  exited: (name) => `start it with \`docker start ${name}\`; \`docker logs ${name}\` tells why it ended`,
  paused: (name) => `let it go on with \`docker unpause ${name}\``,
  restarting: (name) => `it does not stay up: \`docker logs ${name}\` tells why`,
  removing: (name) => `it is being removed: make it again, then configure its name (${name})`,
  dead: (name) => `Docker could not remove it: try \`docker rm --force ${name}\`, then make it again`,
};

export async function inspectRunning(engine: Engine, reference: string): Promise<ContainerInfo> {
  const container = await inspectContainer(engine, reference);
  if (container.state === "running") return container;
  throw new BackupError("connection", `container ${container.name} is not running: its state is "${container.state}"`, {
    operation: "containers.inspect",
    hint: notRunning[container.state](container.name),
    details: { container: container.name, state: container.state },
  });
}

/** Names that may have been meant, the likeliest first, three at most. */
export function lookAlikes(reference: string, names: readonly string[]): string[] {
  const wanted = reference.toLowerCase();
  const words = wanted.split(/[^a-z0-9]+/).filter((word) => word.length > 2 && word !== "sutazai");
  return names
    .map((name) => {
      const other = name.toLowerCase();
      const shares = other.includes(wanted) || wanted.includes(other) || words.some((word) => other.includes(word));
      return { name, shares, edits: distance(wanted, other) };
    })
    .filter(({ shares, edits }) => shares || edits <= Math.max(2, Math.floor(wanted.length / 4)))
    .sort((a, b) => a.edits - b.edits)
    .slice(0, 3)
    .map(({ name }) => name);
}

/**
 * While files are copied into or out of a container, the daemon (20.10) answers nothing else about it. A copy may take for
 * ever, and leaving the container out would be worse than saying so.
 */
async function lookAt(docker: Docker, id: string, name: string): Promise<Docker.ContainerInspectInfo | undefined> {
  const limit = AbortSignal.timeout(inspectTimeoutMs);
  try {
    return await tolerating([404], docker.getContainer(id).inspect({ abortSignal: limit }));
  } catch (error) {
    if (!limit.aborted) throw error;
    throw new BackupError(
      "timeout",
      `Docker has not answered for ${inspectTimeoutMs / 1000} s about container ${name}`,
      {
        operation: "containers.inspect",
        hint: "files may be on their way into or out of it (`docker cp`): wait until they are, then try again",
        details: { container: name },
        cause: error,
      },
    );
  }
}

async function listForeign(docker: Docker): Promise<Docker.ContainerInfo[]> {
  const all = await docker.listContainers({ all: true });
  return all.filter(({ Labels }) => Labels?.[roleLabel] === undefined);
}
