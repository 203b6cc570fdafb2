/** What the command line is at: it has announced something, is about to change the disk, or is about to change something in Docker. */
export type MomentKind = "announced" | "disk" | "docker";

/** One moment of a run. Two runs of the same command have the same ones, but for what waiting adds. */
export interface Moment {
  readonly kind: MomentKind;
  /** The step that was announced last. */
  readonly step: string;
}

/** What the process is to do at one of its moments: die, stand still until it is continued, or have its clock jump by so many milliseconds. */
export type Deed =
  | { readonly at: At; readonly do: "die" | "stand still" }
  | { readonly at: At; readonly do: "jump"; readonly by: number };

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
