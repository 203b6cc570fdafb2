import type { VerifiedLog } from "@sutazai/backup-sdk";

/** What was found of the store's log, and what cannot be found that way. */
export function formatVerifiedLog({ store, ok, entries, head, compared, problems, limits }: VerifiedLog): string {
  const state = head === undefined ? "BROKEN" : `${entries} ${entries === 1 ? "line" : "lines"}, head ${head}`;
  return [
    `log of ${store}: ${ok ? "ok" : "NOT AS IT SHOULD BE"} (${state})`,
    ...compared.map(
      ({ from, head: other, at, entriesSince }) =>
        `  ${from === "given" ? "given" : `kept on this host at ${at}`}: ${other.slice(0, 12)}… ${entriesSince === undefined ? "NOT IN THE LOG" : `is in it, ${entriesSince} lines since`}`,
    ),
    ...problems.map((problem) => `  ✗ ${problem}`),
    ...limits.map((limit) => `  not shown: ${limit}`),
  ].join("\n");
}
