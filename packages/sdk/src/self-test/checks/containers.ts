import { supportedKinds } from "../../adapters.ts";
import { discover } from "../../discover.ts";
import { fail, pass, skip, warn, type Check } from "../check.ts";
import type { Subject } from "../subject.ts";

const kinds: ReadonlySet<string> = new Set(supportedKinds);

export const containerChecks: readonly Check[] = [
  {
    id: "containers.docker",
    layer: "containers",
    title: "Docker answers",
    run: async (subject) => {
      const all = await subject.listed();
      return pass(`${all.length} containers, ${all.filter(({ state }) => state === "running").length} of them running`);
    },
  },
  {
    id: "containers.unprotected",
    layer: "containers",
    title: "No container that looks like a database is left out",
    needs: ["docker"],
    run: async (subject) => {
      const { candidates } = await discover(subject.containers);
      const configured = new Set(await containersOf(subject));
      const left = candidates.filter(({ container }) => !configured.has(container));
      return left.length === 0
        ? pass("none is")
        : warn(
            left.map(({ container, kind }) => `${container} looks like ${kind}`).join(", "),
            "label it sutazai.backup=<kind>, or list it under databases",
          );
    },
  },
  {
    id: "containers.discovered",
    layer: "containers",
    title: "Every container that asks for it is backed up",
    needs: ["docker", "configuration"],
    run: async (subject) => {
      const { databases } = await discover(subject.containers);
      const names = new Set((await subject.opened()).config.adapters.map(({ name }) => name));
      const configured = new Set(await containersOf(subject));
      const left = databases.filter(({ name, container }) => !names.has(name) && !configured.has(container));
      return left.length === 0
        ? pass(`${databases.length} ask for it`)
        : fail(
            `the configuration leaves out ${left.map(({ container }) => container).join(", ")}`,
            "list them under databases",
          );
    },
  },
  {
    id: "containers.running",
    layer: "containers",
    title: "The container runs",
    each: "database",
    needs: ["docker"],
    run: async (subject, database) => {
      const name = await containerOf(subject, database.name);
      if (name === undefined) return skip("it is not reached through a container");
      const { state } = await subject.containers.inspect(name);
      const hints = {
        paused: `docker unpause ${name}`,
        created: `docker start ${name}`,
        exited: `docker start ${name}`,
      };
      return state === "running"
        ? pass(name)
        : fail(`${name} is ${state}`, hints[state as keyof typeof hints] ?? `see \`docker logs ${name}\``);
    },
  },
  {
    id: "containers.health",
    layer: "containers",
    title: "The container's own health check is content",
    each: "database",
    needs: ["docker", "container"],
    run: async (subject, database) => {
      const { container } = (await subject.probe(database)).probe;
      if (container === undefined || container.health === "none") return skip("it has no health check");
      const { health, name } = container;
      if (health === "healthy") return pass(health);
      return (health === "starting" ? warn : fail)(
        `${name} is ${health}`,
        `see \`docker inspect ${name}\` and its logs`,
      );
    },
  },
  {
    id: "containers.persistent",
    layer: "containers",
    title: "The data outlives the container",
    each: "database",
    needs: ["docker", "container"],
    run: async (subject, database) => {
      const { container } = (await subject.probe(database)).probe;
      const kept = (container?.mounts ?? []).filter(
        ({ type, writable }) => writable && ["volume", "bind"].includes(type),
      );
      return kept.length > 0
        ? pass(kept.map(({ destination }) => destination).join(", "))
        : warn("everything it writes goes with the container", "give it a volume, and restore into that");
    },
  },
  {
    id: "containers.stoppable",
    layer: "containers",
    title: "The container may be stopped and started for a restore",
    each: "database",
    needs: ["docker", "container"],
    run: async (subject, database) => {
      const { container } = (await subject.probe(database)).probe;
      if (container?.autoRemove === true)
        return warn("it was started with --rm: stopped, it would be gone", "start it without --rm");
      return container?.orchestrator === undefined
        ? pass("nobody would replace it")
        : warn(`${container.orchestrator} would replace it`, "restores that need a restart are refused there");
    },
  },
  {
    id: "containers.labelled",
    layer: "containers",
    title: "No label of a container is misspelt",
    needs: ["docker"],
    run: async (subject) => {
      const wrong = (await subject.listed()).filter(
        ({ labels }) => labels["sutazai.backup"] !== undefined && !kinds.has(labels["sutazai.backup"]),
      );
      return wrong.length === 0
        ? pass("none is")
        : fail(
            wrong.map(({ name, labels }) => `${name}: sutazai.backup=${labels["sutazai.backup"]}`).join(", "),
            `allowed: ${[...kinds].join(", ")}`,
          );
    },
  },
];

/** By the settings: the server need not answer for that. */
async function containerOf(subject: Subject, database: string): Promise<string | undefined> {
  const options = (await subject.opened()).config.settings.databases?.[database];
  const name = options?.["container"];
  return typeof name === "string" ? name : undefined;
}

async function containersOf(subject: Subject): Promise<string[]> {
  const opened = await subject.opened().catch(() => undefined);
  return Object.values(opened?.config.settings.databases ?? {}).flatMap(({ container }) =>
    typeof container === "string" ? [container] : [],
  );
}
