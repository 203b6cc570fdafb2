import { formatDuration } from "@sutazai/backup-reporter";
import { layers } from "./check.ts";
import type { CheckResult, SelfTestReport } from "./run.ts";

const signs = { pass: "✓", warn: "!", fail: "✗", skip: "–" } as const;

/** The report as a page of its own: no script, nothing from the network. */
export function selfTestPage(report: SelfTestReport): string {
  const { startedAt, endedAt, dryRun, status, counts, checks } = report;
  const took = formatDuration(Date.parse(endedAt) - Date.parse(startedAt));
  const sections = layers
    .map((layer) => ({ layer, found: checks.filter((check) => check.layer === layer) }))
    .filter(({ found }) => found.length > 0)
    .map(({ layer, found }) => `<h2>${layer}</h2>\n<table>\n${found.map(row).join("\n")}\n</table>`);
  const verdict = { ok: "No check failed", failed: `${counts.fail} checks failed`, cancelled: "Cancelled" }[status];
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Self-test: ${verdict}</title>
<style>${style}</style>
<h1 class="${status === "ok" ? "pass" : "fail"}">${verdict}</h1>
<p>${startedAt}${dryRun ? ", dry run" : ""}, ${took}: ${counts.pass} passed, ${counts.warn} with a warning, ${counts.fail} failed, ${counts.skip} skipped.</p>
${sections.join("\n")}
</html>
`;
}

function row({ status, title, database, message, hint }: CheckResult): string {
  const name = database === null ? "" : `<b>${escaped(database)}</b> `;
  const next = hint === undefined ? "" : `<br><i>→ ${escaped(hint)}</i>`;
  return `<tr class="${status}"><td title="${status}">${signs[status]}</td><td>${name}${escaped(title)}<br><small>${escaped(message)}${next}</small></td></tr>`;
}

function escaped(text: string): string {
  const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replaceAll(/[&<>"]/g, (character) => entities[character] ?? character);
}

const style = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 52rem; margin: 2rem auto; padding: 0 1rem }
table { width: 100%; border-collapse: collapse }
td { padding: .3rem .5rem; border-top: 1px solid #8884; vertical-align: top; overflow-wrap: anywhere }
td:first-child { width: 1.5rem; font-weight: bold }
small { opacity: .8 }
.fail td:first-child, h1.fail { color: light-dark(#b3261e, #ff8a80) }
.warn td:first-child { color: light-dark(#8a5a00, #ffc857) }
.pass td:first-child, h1.pass { color: light-dark(#0b5d8a, #7cc4f0) }
`;
