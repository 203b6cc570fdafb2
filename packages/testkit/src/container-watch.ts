import { docker } from "./docker.ts";
import { ownerLabel } from "./leftovers.ts";

/** A container as everybody who may ask the engine sees it. */
export interface SeenContainer {
  readonly name: string;
  /** `NAME=value` each. */
  readonly environment: readonly string[];
  /** All else that `docker inspect` tells, as JSON. */
  readonly rest: string;
}

export interface ContainerWatch extends AsyncDisposable {
  readonly seen: readonly SeenContainer[];
}

/** Looks at every container that the system makes on this engine from now on, as soon as it is made. */
export async function watchContainers(): Promise<ContainerWatch> {
  const engine = await docker();
  const seen: SeenContainer[] = [];
  const looking: Promise<void>[] = [];
  const events = (await engine.getEvents({
    filters: { type: ["container"], event: ["create"], label: [ownerLabel] },
  })) as NodeJS.ReadableStream & { destroy(): void };
  const look = async (id: string): Promise<void> => {
    // One that is gone by now was never started: nothing ran in it.
    const inspected = await engine
      .getContainer(id)
      .inspect()
      .catch(() => undefined);
    if (inspected === undefined) return;
    const { Env, ...config } = inspected.Config;
    const rest = JSON.stringify({ ...inspected, Config: config });
    seen.push({ name: inspected.Name.replace(/^\//, ""), environment: Env ?? [], rest });
  };
  let text = "";
  events.setEncoding("utf8");
  events.on("error", () => undefined);
  events.on("data", (chunk: string) => {
    const lines = (text + chunk).split("\n");
    text = lines.pop() ?? "";
    for (const line of lines.filter((each) => each !== "")) looking.push(look((JSON.parse(line) as { id: string }).id));
  });
  return {
    seen,
    async [Symbol.asyncDispose]() {
      events.destroy();
      await Promise.all(looking);
    },
  };
}
