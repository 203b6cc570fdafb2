import { time } from "../master-text.ts";
import type { DatabaseStanding, MasterReport } from "../master/report.ts";
import { formatBytes, formatDuration } from "../units.ts";
import { icon } from "./icons.ts";
import { html, type Markup } from "./markup.ts";

const words = { ok: "well", warning: "warning", critical: "critical" } as const;

/** One for each database: what one asks first. */
export function cards({ databases }: MasterReport): Markup {
  if (databases.length === 0)
    return html`<p class="none">No database is known: neither configured nor in the store.</p>`;
  return html`<div class="cards">${databases.map(card)}</div>`;
}

function card(standing: DatabaseStanding): Markup {
  const { database, kind, status, lastRun, lastGood, rpoMs, rto, budgets, drills } = standing;
  const last = drills[0];
  return html`<article class="card ${status}">
    <header>
      <h3><bdi>${database}</bdi>${kind === null || kind === database ? null : html` <small>${kind}</small>`}</h3>
      <span class="pill ${status}">${icon(status)}${words[status]}</span>
    </header>
    <dl>
      <div>
        <dt>Last run</dt>
        <dd>
          ${lastRun === null ? "–" : html`<span class="${lastRun.status}">${lastRun.status}</span> <small>${moment(lastRun.at)}</small>`}
        </dd>
      </div>
      <div>
        <dt>Last good</dt>
        <dd>
          ${lastGood?.capturedAt == null ? html`<strong class="failed">none</strong>` : html`${moment(lastGood.capturedAt)}<br /><small>${formatBytes(lastGood.plainBytes)}, ${formatBytes(lastGood.storedBytes)} stored</small>`}
        </dd>
      </div>
      <div>
        <dt>RPO now</dt>
        <dd>${gauge("RPO", rpoMs, budgets.rpoMs)}</dd>
      </div>
      <div>
        <dt>RTO measured</dt>
        <dd>${gauge("RTO", rto?.ms ?? null, budgets.rtoMs)}</dd>
      </div>
      <div>
        <dt>Proven</dt>
        <dd>
          ${lastGood?.proven == null ? "–" : html`${lastGood.proven.level} <small>${moment(lastGood.proven.at)}</small>`}
        </dd>
      </div>
      <div>
        <dt>Last drill</dt>
        <dd>
          ${last === undefined ? "never" : html`<span class="${last.verdict}">${last.verdict}</span> <small>${moment(last.at)}</small>`}
        </dd>
      </div>
    </dl>
  </article>`;
}

/** A bar that is full where the budget is used up, and striped where it is overdrawn; the numbers stand beside it. */
function gauge(what: string, ms: number | null, budgetMs: number): Markup {
  if (ms === null) return html`<span class="muted">not known</span>`;
  const share = ms / budgetMs;
  const state = share > 1 ? "over" : share > 0.8 ? "near" : "within";
  const words = `${formatDuration(ms)} of ${formatDuration(budgetMs)}`;
  return html`${formatDuration(ms)}
    <small>of ${formatDuration(budgetMs)}</small>${share > 1 ? html` <strong class="failed">over</strong>` : null}<span
      class="gauge ${state}"
      role="img"
      aria-label="${what}: ${words}, ${Math.round(share * 100)} %"
      ><span style="width:${Math.max(2, Math.min(100, share * 100)).toFixed(1)}%"></span
    ></span>`;
}

export function moment(at: string): Markup {
  return html`<time datetime="${at}">${time(at)}</time>`;
}
