import { formatBytes, formatDuration } from "@sutazai/backup-reporter";
import { pass, skip, warn, type Check } from "../check.ts";
import { earlierMeasurements } from "../keep.ts";
import { unlessProblem } from "./backups.ts";

/** Of what was usual in earlier tests. */
const unusual = 0.4;
const leastEarlier = 3;

export const performanceChecks: readonly Check[] = [
  {
    id: "performance.writing",
    layer: "performance",
    title: "The store is written to as fast as usual",
    needs: ["configuration"],
    effect: "writes",
    alone: true,
    run: async (subject) => {
      const { bytes, ms } = await subject.writing();
      const speed = (bytes / ms) * 1000;
      const found = `${formatBytes(speed)} a second`;
      const earlier = await earlierMeasurements((await subject.opened()).config.settings, "performance.writing");
      if (earlier.length < leastEarlier)
        return pass(`${found}; there are too few earlier tests to compare with`, speed);
      const usual = median(earlier);
      return speed >= usual * unusual
        ? pass(`${found}, usual are ${formatBytes(usual)}`, speed)
        : warn(
            `${found}, usual are ${formatBytes(usual)}`,
            "see what else uses the disk, and whether it is failing",
            speed,
          );
    },
  },
  {
    id: "performance.duration",
    layer: "performance",
    title: "The last backup took no longer than usual",
    each: "database",
    needs: ["backup"],
    run: async (subject, database) => {
      const samples = (await subject.standing(database))?.samples ?? [];
      const last = samples.at(-1);
      if (last === undefined || samples.length <= leastEarlier)
        return skip("there are too few backups to compare with");
      return unlessProblem(subject, database, ["duration"], pass(formatDuration(last.durationMs)));
    },
  },
  {
    id: "performance.size",
    layer: "performance",
    title: "The last backup is of the usual size",
    each: "database",
    needs: ["backup"],
    run: async (subject, database) => {
      const samples = (await subject.standing(database))?.samples ?? [];
      const last = samples.at(-1);
      if (last === undefined || samples.length <= leastEarlier)
        return skip("there are too few backups to compare with");
      return unlessProblem(subject, database, ["size"], pass(formatBytes(last.plainBytes)));
    },
  },
  {
    id: "performance.restore",
    layer: "performance",
    title: "A restore takes no longer than it may",
    each: "database",
    needs: ["backup"],
    run: async (subject, database) => {
      const measured = (await subject.standing(database))?.rto ?? null;
      if (measured === null) return skip("no restore of it was measured yet");
      return unlessProblem(
        subject,
        database,
        ["rto"],
        pass(`${formatDuration(measured.ms)}, measured by a ${measured.by}`),
      );
    },
  },
];

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
