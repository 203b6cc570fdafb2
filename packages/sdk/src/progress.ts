import type { Progress } from "@sutazai/backup-core";
import type { SystemParts } from "./context.ts";

const interval = 200;

/** Turns an adapter's progress into events: every new step at once, the bytes of a step a few times a second. */
export function progressOf(parts: SystemParts, database: string): (progress: Progress) => void {
  let lastStep = "";
  let lastAt = 0;
  return (progress) => {
    const now = Date.now();
    if (progress.step === lastStep && now - lastAt < interval) return;
    lastStep = progress.step;
    lastAt = now;
    parts.emit({ type: "progress", at: new Date(now).toISOString(), database, ...progress });
  };
}
