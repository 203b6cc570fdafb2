import { stat } from "node:fs/promises";
import {
  BackupError,
  toBackupError,
  type ContainerInfo,
  type DatabaseAdapter,
  type SerializedError,
} from "@sutazai/backup-core";
import type { Problem } from "@sutazai/backup-reporter";
import { missingDatabases } from "../backup/expected.ts";
import { openContext, recovererOf, type SystemParts } from "../context.ts";

/** How one database answered. */
export interface Reached {
  readonly database: string;
  /** The server's version; null where it did not answer. */
  readonly version: string | null;
  readonly error: SerializedError | null;
  readonly container: ContainerInfo | undefined;
}

/** What was found by asking Docker and the databases themselves. */
export interface Probes {
  readonly reached: readonly Reached[];
  /** Why Docker could not be asked. */
  readonly docker: SerializedError | null;
  /** Names of databases that it found before, and could not be asked for now. */
  readonly unfound: readonly string[];
  /** Databases whose data is on the file system of the store. */
  readonly sharing: readonly string[];
}

/** Milliseconds that a database may take to answer. */
const patience = 20_000;

/** Asks Docker and every database. Changes nothing, and takes no lock. Throws only when the signal ends it. */
export async function probeAll(parts: SystemParts, signal: AbortSignal): Promise<Probes> {
  const docker = await parts.containers.list().then(
    () => null,
    (error: unknown) => toBackupError(error).toJSON(),
  );
  const reached = await Promise.all([...parts.databases.values()].map((adapter) => probeOne(parts, adapter, signal)));
  signal.throwIfAborted();
  const unfound = parts.discovery?.error === undefined ? [] : await missingDatabases(parts).catch(() => []);
  return {
    reached,
    docker,
    unfound: unfound.map(({ name }) => name),
    sharing: await sharingDisk(parts.store.location, reached),
  };
}

async function probeOne(parts: SystemParts, adapter: DatabaseAdapter, outer: AbortSignal): Promise<Reached> {
  const database = adapter.name;
  const limit = AbortSignal.timeout(patience);
  const signal = AbortSignal.any([outer, limit]);
  try {
    await using recovery = await openContext(parts);
    const journal = await parts.journal.begin(
      { command: "monitor", database },
      (record) => recovererOf(parts, record),
      recovery,
    );
    const { version, container } = await adapter.probe({ ...recovery, signal, journal, progress: () => undefined });
    await journal.close("finish");
    return { database, version, error: null, container };
  } catch (thrown) {
    const error = limit.aborted
      ? new BackupError("timeout", `${database} did not answer within ${patience / 1000} s`, { database })
      : toBackupError(thrown, { operation: "monitor", database });
    return { database, version: null, error: error.toJSON(), container: undefined };
  }
}

/** Where Docker keeps volumes unless it was told otherwise; the deepest of these that may be looked at. */
const volumePlaces = (volume: string): string[] => [
  `/var/lib/docker/volumes/${volume}/_data`,
  "/var/lib/docker/volumes",
  "/var/lib/docker",
];

/** A file system is told by its device. What cannot be looked at from here (another machine's Docker, no rights) is left out. */
export async function sharingDisk(store: string, reached: readonly Reached[]): Promise<string[]> {
  const own = await deviceOf([store]);
  if (own === undefined) return [];
  const devices = await Promise.all(
    reached.map(async ({ database, container }) => ({
      database,
      devices: container === undefined ? [] : await Promise.all(placesOf(container).map(deviceOf)),
    })),
  );
  return devices.filter((each) => each.devices.includes(own)).map(({ database }) => database);
}

function placesOf({ mounts }: ContainerInfo): string[][] {
  const data = mounts.filter(({ type, writable }) => writable && (type === "volume" || type === "bind"));
  if (data.length === 0) return [["/var/lib/docker"]];
  return data.map(({ type, source }) => (type === "bind" ? [source] : volumePlaces(source)));
}

/** Of the first that can be looked at. */
async function deviceOf(paths: readonly string[]): Promise<number | undefined> {
  for (const path of paths) {
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined) return found.dev;
  }
  return undefined;
}

/** What is wrong. Databases that failed for Docker's reason are one thing, not many; those that are reached without it are their own. */
export function probeProblems({ reached, docker, unfound, sharing }: Probes, at: string): Problem[] {
  const silent = reached.filter(({ error }) => error !== null);
  const forDocker = silent.filter(({ error }) => error?.message === docker?.message);
  const names = [...forDocker.map(({ database }) => database), ...unfound];
  return [
    ...(docker !== null && (names.length > 0 || reached.length === 0)
      ? [
          {
            cause: "docker",
            severity: "critical",
            database: null,
            since: at,
            title: "Docker cannot be reached",
            what: `${docker.message}${names.length === 0 ? "" : `. Without it, these cannot be backed up: ${names.join(", ")}.`}`,
            action: docker.hint ?? "See whether it runs (`systemctl status docker`), and whether you may use it.",
          } as const,
        ]
      : []),
    ...silent
      .filter((each) => !forDocker.includes(each))
      .map(({ database, error }): Problem => ({
        cause: `unreachable:${database}`,
        severity: "critical",
        database,
        since: at,
        title: `${database} cannot be reached`,
        what: `${error?.reason}: ${error?.message}`,
        action: error?.hint ?? "See whether it runs, and whether its credentials are right.",
      })),
    ...diskProblems(sharing, at),
  ];
}

function diskProblems(sharing: readonly string[], at: string): Problem[] {
  if (sharing.length === 0) return [];
  return [
    {
      cause: "store-disk",
      severity: "warning",
      database: null,
      since: at,
      title: "The store is on the databases' own disk",
      what: `A broken disk would take both. On the file system of the store: ${sharing.join(", ")}.`,
      action: "Keep the store on another disk (BACKUP_DIR), and a copy of it elsewhere.",
    },
  ];
}
