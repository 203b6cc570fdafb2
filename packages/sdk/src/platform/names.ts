import type { ContainerDefinition } from "@sutazai/backup-core";

/** Keys of a section, which take fewer characters than the names that Docker takes. */
export class Keys {
  readonly #names = new Map<string, string>();

  get size(): number {
    return this.#names.size;
  }

  entries(): [key: string, name: string][] {
    return [...this.#names];
  }

  /** The same for the same name. */
  of(name: string): string {
    const isTaken = (key: string) => (this.#names.get(key) ?? name) !== name;
    const key = firstFree(asKey(name), isTaken);
    this.#names.set(key, name);
    return key;
  }
}

/**
 * Services by their containers' names: called as the compose file that made a container called it, where it is the only one called
 * so, as others may reach it by that name.
 */
export function nameServices(containers: readonly ContainerDefinition[]): Map<string, string> {
  const wished = containers.map(({ name, labels }) => labels["com.docker.compose.service"] ?? name);
  const names = new Set(containers.map(({ name }) => name));
  return new Map(
    containers.map(({ name }, index) => {
      const wish = wished[index] ?? name;
      const unique = wished.indexOf(wish) === wished.lastIndexOf(wish) && (wish === name || !names.has(wish));
      return [name, unique && wish === asKey(wish) ? wish : name];
    }),
  );
}

/** Names for the anonymous volumes, by what Docker called them, so that the next container finds its data again. */
export function nameVolumes(
  containers: readonly ContainerDefinition[],
  services: ReadonlyMap<string, string>,
): Map<string, string> {
  const mounts = containers.flatMap(({ name, mounts }) => mounts.map((mount) => ({ ...mount, name })));
  const volumes = mounts.filter(({ type }) => type === "volume");
  const taken = new Set(volumes.map(({ source }) => source));
  const given = new Map<string, string>();
  for (const { source, destination, name } of volumes) {
    if (!/^[0-9a-f]{64}$/.test(source) || given.has(source)) continue;
    const directory = destination.split("/").findLast((part) => part !== "") ?? "data";
    const volume = firstFree(asKey(`${services.get(name) ?? name}-${directory}`), (wish) => taken.has(wish));
    taken.add(volume);
    given.set(source, volume);
  }
  return given;
}

function asKey(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9._-]+/g, "_");
}

function firstFree(wish: string, isTaken: (candidate: string) => boolean): string {
  let candidate = wish;
  for (let number = 2; isTaken(candidate); number += 1) candidate = `${wish}_${number}`;
  return candidate;
}
