import type { Standing } from "@sutazai/backup-sdk";

/** `restore 2026-11-23`: the highest level passed, and the day of it; or that it is damaged, and since when. */
export function formatStanding(standing: Standing | undefined): string {
  if (standing === undefined) return "not known: its annotations cannot be read";
  const { proven, damage } = standing;
  if (damage !== undefined) return `DAMAGED (${damage.level} ${damage.at.slice(0, 10)})`;
  return proven === undefined ? "–" : `${proven.level} ${proven.at.slice(0, 10)}`;
}
