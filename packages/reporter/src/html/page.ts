import { describeDays } from "../master/store-problems.ts";
import type { MasterReport } from "../master/report.ts";
import { formatBytes, formatDuration } from "../units.ts";
import { cards, moment } from "./cards.ts";
import { icon } from "./icons.ts";
import { html, trusted, type Markup } from "./markup.ts";
import { coverageChart, restoreTimes } from "./proof.ts";
import { storageForecast } from "./storage.ts";
import { style } from "./style.ts";
import { backupTables, drillTable, runTable, troubles } from "./tables.ts";
import { timeline } from "./timeline.ts";
import { durationTrends, sizeTrends } from "./trends.ts";

const verdicts = {
  ok: "All is well",
  warning: "Something wants to be looked at",
  critical: "Something is wrong",
} as const;

/**
 * The report as one HTML file that needs nothing else: no script, no network (its own policy forbids both), charts as SVG. Whatever
 * it quotes is escaped.
 */
export function formatMasterHtml(report: MasterReport): string {
  const { status, generatedAt, since, store, problems, notes } = report;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
        <meta name="color-scheme" content="light dark" />
        <title>Backups, ${generatedAt.slice(0, 10)}: ${verdicts[status]}</title>
        <style>
          ${trusted(style)}
        </style>
      </head>
      <body>
        <header class="top ${status}">
          <p class="what">Backup report</p>
          <h1>${icon(status)}<span>${verdicts[status]}</span></h1>
          <p class="when">
            ${moment(generatedAt)} UTC, looking back to ${moment(since)} · <bdi>${store.location}</bdi>
          </p>
          ${vitals(report)}
        </header>
        <main>
          <section aria-labelledby="alerts">
            <h2 id="alerts">Alerts</h2>
            ${alerts(problems)}
          </section>
          <section aria-labelledby="databases">
            <h2 id="databases">Databases</h2>
            ${cards(report)}
          </section>
          <section aria-labelledby="runs">
            <h2 id="runs">Runs</h2>
            <div class="panel">${timeline(report)}</div>
            ${troubles(report)} ${fold("All runs as a table", runTable(report))}
          </section>
          <section aria-labelledby="sizes">
            <h2 id="sizes">Sizes</h2>
            <div class="panel">${sizeTrends(report)}</div>
          </section>
          <section aria-labelledby="durations">
            <h2 id="durations">Durations</h2>
            <div class="panel">${durationTrends(report)}</div>
          </section>
          <section aria-labelledby="storage">
            <h2 id="storage">Storage</h2>
            <div class="panel">${storageForecast(report)}</div>
          </section>
          <section aria-labelledby="proof">
            <h2 id="proof">Proof</h2>
            <div class="panel">${coverageChart(report)}</div>
          </section>
          <section aria-labelledby="drills">
            <h2 id="drills">Restore times and drills</h2>
            <div class="panel">${restoreTimes(report)}</div>
            ${fold("All drills as a table", drillTable(report))}
          </section>
          <section aria-labelledby="backups">
            <h2 id="backups">Backups in the store</h2>
            ${backupTables(report)} ${report.coverage.backups === 0 ? html`<p class="none">None.</p>` : null}
          </section>
          ${
            notes.length === 0
              ? null
              : html`<section aria-labelledby="notes">
                  <h2 id="notes">Not looked at</h2>
                  <ul>
                    ${notes.map((note) => html`<li>${note}</li>`)}
                  </ul>
                </section>`
          }
        </main>
        <footer>
          <p>
            Times are UTC. RPO: what a loss at this moment would cost. RTO: how long a restore took when it was last
            measured, with all checks. A backup is good when it is whole, was read to its end, and is not known to be
            damaged.
          </p>
        </footer>
      </body>
    </html> `;
  return `${page.text.trim()}\n`;
}

function fold(summary: string, content: Markup | undefined): Markup | undefined {
  return content === undefined
    ? undefined
    : html`<details>
        <summary>${summary}</summary>
        ${content}
      </details>`;
}

function vitals({ rpo, rto, coverage, store, databases }: MasterReport): Markup {
  const { forecast, freeBytes } = store;
  const well = databases.filter(({ status }) => status === "ok").length;
  const full =
    forecast.known && forecast.days !== null && forecast.fullAt !== null
      ? html`${describeDays(forecast.days)} <small>${forecast.fullAt.slice(0, 10)}</small>`
      : html`–<small>${forecast.known ? "not in sight" : "too little data"}</small>`;
  const shown: readonly (readonly [name: string, value: Markup])[] = [
    ["Databases well", html`${well} <small>of ${databases.length}</small>`],
    [
      "RPO now",
      rpo.ms === null ? html`not known` : html`${formatDuration(rpo.ms)} <small>oldest of the newest</small>`,
    ],
    [
      "RTO of everything",
      rto.ms === null
        ? html`not known`
        : html`${formatDuration(rto.ms)} <small>of ${formatDuration(rto.budgetMs)}</small>`,
    ],
    ["Backups kept", html`${coverage.backups} <small>${coverage.restore} restored in a drill</small>`],
    [
      "Stored",
      html`${formatBytes(store.storedBytes)}
        <small>${freeBytes === null ? "free: not known" : `${formatBytes(freeBytes)} free`}</small>`,
    ],
    ["Full in", full],
  ];
  return html`<dl class="vitals">
    ${shown.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;
}

function alerts(problems: MasterReport["problems"]): Markup {
  if (problems.length === 0)
    return html`<p class="alert ok">${icon("ok")}<span>Nothing is known to be wrong.</span></p>`;
  return html`<ul class="alerts">
    ${problems.map(
      ({ severity, title, what, action, since }) =>
        html`<li class="alert ${severity}">
          ${icon(severity)}
          <div>
            <p class="title"><span class="severity">${severity}</span> <bdi>${title}</bdi></p>
            <p><bdi>${what}</bdi></p>
            <p class="action">${prose(action)}</p>
            <p class="since">since ${moment(since)}</p>
          </div>
        </li>`,
    )}
  </ul>`;
}

/** What stands between backticks is a command. */
function prose(text: string): Markup {
  return html`${text.split("`").map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part))}`;
}
