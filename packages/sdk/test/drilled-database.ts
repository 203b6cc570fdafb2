import type {
  ContainerRuntime,
  DrillServer,
  Fingerprint,
  ThrowawayContainer,
  ThrowawaySpec,
} from "@sutazai/backup-core";
import { FakeDatabase } from "./fake-database.ts";

/** One whose drills restore into another of its kind, and which can be told to spoil what they find. */
export class DrilledDatabase extends FakeDatabase {
  spoilt = false;

  drill(): DrillServer {
    const inside = new FakeDatabase(this.name, []);
    return {
      container: {},
      adapter: () => inside,
      compare: async (_context, _container, source) => ({
        fingerprint: this.spoilt ? { lines: { exact: -1 } } : await inside.fingerprint(),
        expected: (source.manifest.forms[0]?.fingerprint ?? {}) as Fingerprint,
        evidence: ["looked"],
        warnings: [],
      }),
    };
  }
}

/** Docker, as far as a drill of such a database asks it. */
export function throwawayRuntime(onStart: (spec: ThrowawaySpec) => void = () => undefined): ContainerRuntime {
  return {
    removeOrphans: async () => [],
    throwaway: async (spec: ThrowawaySpec) => {
      onStart(spec);
      return {
        id: "container",
        inspect: async () => ({ state: "running" }),
        restart: async () => undefined,
        ranOutOfMemory: async () => false,
        [Symbol.asyncDispose]: async () => undefined,
      } as unknown as ThrowawayContainer;
    },
  } as Partial<ContainerRuntime> as ContainerRuntime;
}
