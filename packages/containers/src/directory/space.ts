import { BackupError, type ContainerRuntime } from "@sutazai/backup-core";
import { runAt, type Place } from "./place.ts";

/** Bytes that can still be written to the file system of a directory; undefined where its tools do not tell. */
export async function freeSpaceAt(
  place: Place,
  containers: ContainerRuntime,
  signal: AbortSignal,
): Promise<number | undefined> {
  const script = `cd -- "$1" && df -Pk . | { read -r _; read -r _ _ _ free _; echo "$free"; }`;
  const answer = await runAt(place, containers, {
    purpose: "directory-space",
    script,
    arguments: [place.directory],
    signal,
  });
  const free = answer.trim() === "" ? Number.NaN : Number(answer);
  return Number.isFinite(free) ? free * 1024 : undefined;
}

export interface SpaceNeeded {
  readonly bytes: number;
  /** Of the directory, for people. */
  readonly description: string;
  readonly operation: string;
  readonly signal: AbortSignal;
}

/** Throws `no-space` where a backup has no room beside what is there. */
export async function assertSpace(
  place: Place,
  containers: ContainerRuntime,
  { bytes, description, operation, signal }: SpaceNeeded,
): Promise<void> {
  const free = await freeSpaceAt(place, containers, signal);
  if (free === undefined || free >= bytes) return;
  const mebibytes = (count: number) => Math.ceil(count / 1024 ** 2);
  throw new BackupError(
    "no-space",
    `the backup needs ${mebibytes(bytes)} MiB beside what is in ${description}; ${mebibytes(free)} MiB are free`,
    { operation, hint: "make room there; what is there now is kept until the restore has succeeded" },
  );
}
