import type { Manifest } from "@sutazai/backup-core";
import { detailsOf } from "../details.ts";
import { rulesOf, type FaissOptions, type SetRules } from "../options.ts";

export interface RestoreRules {
  /** Excluded is what the settings leave out now, and what the backup has left out: neither is in the present set's safety backup and in this one. */
  readonly rules: SetRules;
  /** The backup leaves out exactly as much: its fingerprint is that of the set as it is restored. */
  readonly areThoseOfTheBackup: boolean;
}

/** What belongs to the set that a restore exchanges. All else in the directory stays as it is. */
export function rulesAtRestore(options: FaissOptions, manifest: Manifest): RestoreRules {
  const now = rulesOf(options).exclude;
  const then = detailsOf(manifest).exclude ?? now;
  return {
    rules: rulesOf({ ...options, exclude: [...new Set([...now, ...then])] }),
    areThoseOfTheBackup: now.every((name) => then.includes(name)),
  };
}
