import { readFile, readlink } from "node:fs/promises";
import { hostname } from "node:os";
import { z } from "zod";
import { beaconOf, lightBeacon } from "./beacon.ts";

/**
 * One process, told apart from every other that ever ran: a pid alone is used again. Held by locks, journals and
 * container labels, so that another process can judge whether the holder still lives.
 */
export interface ProcessIdentity {
  readonly host: string;
  /** Changes with every boot; empty where the system has none. */
  readonly bootId: string;
  /** Inside a container a pid means something else than outside; empty where the system has none. */
  readonly pidNamespace: string;
  readonly pid: number;
  /** Clock ticks since boot; empty where the system does not tell. */
  readonly startTime: string;
}

export const processIdentitySchema: z.ZodType<ProcessIdentity> = z.strictObject({
  host: z.string(),
  bootId: z.string(),
  pidNamespace: z.string(),
  pid: z.number().int().positive(),
  startTime: z.string(),
});

/** `foreign`: on another host, or in another pid namespace and without a beacon, where it cannot be judged and must be taken for alive. */
export type Liveness = "alive" | "dead" | "foreign";

let own: Promise<ProcessIdentity> | undefined;
const beaconDirectories = new Set<string>();
/** By directory: that of this process. */
const beacons = new Map<string, Promise<void>>();

/**
 * Processes of this machine that see this directory can from now on judge each other over the bounds of pid namespaces, that is of containers. Does no
 * I/O: a beacon is lit when the identity is first asked for, which is before it is written down anywhere.
 */
export function showProcessIn(directory: string): void {
  beaconDirectories.add(directory);
}

/** The identity of this very process, to be written down. */
export async function currentProcess(): Promise<ProcessIdentity> {
  const identity = await ownIdentity();
  if (identity.bootId === "" || identity.pidNamespace === "") return identity;
  for (const directory of beaconDirectories) {
    // Where there can be none, the others judge as far as they can without.
    const beacon = beacons.get(directory) ?? lightBeacon(directory, identity).catch(() => undefined);
    beacons.set(directory, beacon);
    await beacon;
  }
  return identity;
}

function ownIdentity(): Promise<ProcessIdentity> {
  own ??= (async () => ({
    host: hostname(),
    bootId: await bootId(),
    pidNamespace: await readlink("/proc/self/ns/pid").catch(() => ""),
    pid: process.pid,
    startTime: (await startTime(process.pid)) ?? "",
  }))();
  return own;
}

export async function livenessOf(identity: ProcessIdentity): Promise<Liveness> {
  const self = await ownIdentity();
  if (identity.bootId === "" ? identity.host !== self.host : identity.bootId !== self.bootId) {
    // Another boot of this very host: everything of then is dead. Another host: not ours to judge.
    return identity.host === self.host && identity.bootId !== "" ? "dead" : "foreign";
  }
  if (identity.pidNamespace !== self.pidNamespace) return livenessByBeacon(identity);
  const started = await startTime(identity.pid);
  if (started !== undefined) return started === identity.startTime ? "alive" : "dead";
  try {
    process.kill(identity.pid, 0);
    return "alive";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM" ? "alive" : "dead";
  }
}

async function livenessByBeacon(identity: ProcessIdentity): Promise<Liveness> {
  const seen = await Promise.all([...beaconDirectories].map((directory) => beaconOf(directory, identity)));
  if (seen.includes("lit")) return "alive";
  return seen.includes("out") ? "dead" : "foreign";
}

/** `host, pid 4711`: for messages. */
export function describeProcess(identity: ProcessIdentity): string {
  return `process ${identity.pid} on ${identity.host}`;
}

async function bootId(): Promise<string> {
  return (await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "")).trim();
}

/** Field 22 of proc(5)'s stat; the command before it may hold spaces and parentheses. Undefined where there is no such process, or no /proc. A zombie has ended. */
async function startTime(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  if (stat === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
}
