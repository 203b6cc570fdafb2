import type { DiskStep } from "@sutazai/backup-testkit/in-process";

/** What the command line is at: it has announced something, is about to change the disk, or is about to change something in Docker. */
export type MomentKind = "announced" | "disk" | "docker";

/** One moment of a run. Two runs of the same command have the same ones, but for what waiting adds. */
export interface Moment {
  readonly kind: MomentKind;
  /** The step that was announced last. */
  readonly step: string;
}

/**
 * What the process is to do at one of its moments: die, stand still until it is continued, have its clock jump by so many milliseconds, or meet an I/O error at
 * the next call of some kinds that it makes of the disk, or at all from then on.
 */
export type Doing =
  | { readonly do: "die" | "stand still" }
  | { readonly do: "jump"; readonly by: number }
  | { readonly do: "fail"; readonly steps: readonly DiskStep[]; readonly onwards?: boolean };

export type Deed = Doing & { readonly at: At };

/** The first moment of a step, by its name; or any, by its number from 0 on. */
export type At = string | number;

/** How `preload.ts` is told: the deed as JSON, if any, and the directory whose changes are counted. */
export const deedVariable = "FAULT_DEED";
export const directoryVariable = "FAULT_DIRECTORY";

/** Names without what is different in every run, or only of one of many. */
export function stepName(step: string): string {
  return step
    .replace(/\d{8}T\d{6}\.\d{3}Z-\w{6}/, "…")
    .replace(
      /^(comparing|deleting|downloading the snapshot of|dumping|exporting|filling|importing|loading|making a snapshot of|reading|restoring|waiting until) (?!the |with ).*$/,
      "$1 …",
    )
    .replace(/^(checking and dumping) .*$/, "$1 …");
}
