import { setTimeout as sleep } from "node:timers/promises";
import { killThrowaways, type DiskStep, type ServerKindName } from "@sutazai/backup-testkit";
import type { FaultBench, Operation, Running } from "./bench.ts";
import type { At, Deed, Doing } from "./moments.ts";

/** What is being disturbed. */
export interface Disturbed {
  readonly bench: FaultBench;
  readonly kind: ServerKindName;
  readonly operation: Operation;
  readonly running: Running;
}

export interface Fault {
  readonly name: string;
  /** Where it means something. */
  readonly of: (operation: Operation) => boolean;
  /** What the process itself does at the moment; unless given it stands still there, and `happen` is done meanwhile. */
  readonly deed?: Doing;
  /** For the command that meets it. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly happen?: (disturbed: Disturbed) => Promise<void>;
  /** Another command that runs to its end meanwhile, unless it has to wait for the first. */
  readonly rival?: Operation;
  /** After the command has ended, before the next. */
  readonly mend?: (disturbed: Disturbed) => Promise<void>;
}

const everywhere = (): boolean => true;
const day = 86_400_000;
const diskSteps: Readonly<Record<string, DiskStep>> = { read: "read", write: "write", fsync: "sync", rename: "rename" };

export const faults: readonly Fault[] = [
  { name: "kill -9", of: everywhere, deed: { do: "die" } },
  {
    name: "database killed",
    // A drill's is the throwaway server.
    of: (operation) => operation !== "prune",
    happen: ({ bench, kind, operation, running }) =>
      operation === "drill" ? killThrowaways(running.pid) : bench.server(kind).kill(),
    mend: ({ bench, kind }) => bench.server(kind).start(),
  },
  {
    name: "Docker connection cut",
    of: everywhere,
    happen: async ({ bench }) => bench.docker.cut(),
  },
  {
    name: "Docker gone from then on",
    of: everywhere,
    happen: async ({ bench }) => bench.docker.cut({ onwards: true }),
    mend: async ({ bench }) => bench.docker.mend(),
  },
  {
    name: "Docker never answers from then on",
    of: everywhere,
    environment: { BACKUP_TIMEOUT: "20s", BACKUP_DOCKER_TIMEOUT: "5s" },
    happen: async ({ bench }) => bench.docker.silence(),
    mend: async ({ bench }) => bench.docker.mend(),
  },
  ...Object.entries(diskSteps).map(([name, step]): Fault => ({
    name: `I/O error at the next ${name}`,
    of: everywhere,
    deed: { do: "fail", steps: [step] },
  })),
  {
    name: "disk gone from then on",
    of: everywhere,
    deed: { do: "fail", steps: Object.values(diskSteps), onwards: true },
  },
  {
    name: "disk full",
    of: everywhere,
    happen: ({ bench }) => bench.disk.fill(),
    mend: ({ bench }) => bench.disk.clear(),
  },
  {
    name: "store removed, and back later",
    of: everywhere,
    happen: ({ bench }) => bench.removeStore(),
    mend: ({ bench }) => bench.putStoreBack(),
  },
  { name: "clock 40 days ahead from then on", of: everywhere, deed: { do: "jump", by: 40 * day } },
  { name: "clock 40 days back from then on", of: everywhere, deed: { do: "jump", by: -40 * day } },
  ...(["backup", "restore", "prune"] as const).map((rival): Fault => ({
    name: `a ${rival} meanwhile`,
    of: everywhere,
    rival,
  })),
];

export function deedOf({ deed }: Fault, at: At): Deed {
  return { at, ...(deed ?? { do: "stand still" }) };
}

/** How long the first stands still for a rival: one that waits for what the first holds gets it only when that goes on. */
const rivalMs = 120_000;

/** Lets the command come to its moment, and the fault happen. Resolves when all that was started has ended, with the endings. */
export async function disturb(fault: Fault, disturbed: Disturbed) {
  const { bench, kind, running } = disturbed;
  let rival: Running | undefined;
  if (fault.deed === undefined && (await running.standsStill())) {
    if (fault.rival === undefined) {
      await fault.happen?.(disturbed);
    } else {
      rival = bench.start(fault.rival, kind);
      await Promise.race([rival.end, sleep(rivalMs)]);
    }
    running.goOn();
  }
  const ending = await running.end;
  const rivalEnding = await rival?.end;
  await fault.mend?.(disturbed);
  return {
    ending,
    rival: rival === undefined || rivalEnding === undefined ? undefined : { pid: rival.pid, ending: rivalEnding },
  };
}
