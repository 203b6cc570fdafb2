import type { KeptBackup, Run } from "../master/parts.ts";
import type { MasterReport } from "../master/report.ts";
import { formatBytes, formatDuration } from "../units.ts";
import { moment } from "./cards.ts";
import { html, type Markup } from "./markup.ts";

/** Rows beyond these are told of, and stand in the JSON and the CSV. */
const most = { backups: 60, drills: 40, runs: 40, troubles: 100 };

type Cell = string | number | Markup | null | undefined;

function table(caption: string, header: readonly string[], rows: readonly (readonly Cell[])[], left = 0): Markup {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}">
    <table>
      <caption>
        ${caption}${left > 0 ? `; ${left} older ones are in the JSON` : null}
      </caption>
      <thead>
        <tr>
          ${header.map((title) => html`<th scope="col">${title}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${row.map((cell, index) => (index === 0 ? html`<th scope="row">${cell}</th>` : html`<td>${cell}</td>`))}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

export function drillTable({ databases }: MasterReport): Markup | undefined {
  const drills = databases
    .flatMap(({ database, drills: own }) => own.map((drill) => ({ database, ...drill })))
    .sort((a, b) => (a.at < b.at ? 1 : -1));
  if (drills.length === 0) return undefined;
  const rows = drills
    .slice(0, most.drills)
    .map(({ database, at, backup, verdict, rto, factsCompared, reason }) => [
      html`<bdi>${database}</bdi>`,
      moment(at),
      html`<span class="${verdict}">${verdict}</span>`,
      rto === null ? "–" : formatDuration(rto.ms),
      factsCompared ?? "–",
      html`<code>${backup ?? "–"}</code>`,
      reason,
    ]);
  const header = ["Database", "When (UTC)", "Verdict", "Restored in", "Facts equal", "Backup", "Why not"];
  return table(
    "Drills: restored into a throwaway server, compared, restarted, compared again",
    header,
    rows,
    drills.length - rows.length,
  );
}

/** What a dot of the timeline tells only whoever points at it with a mouse: in lines, which a phone has room for, and never folded. */
export function troubles({ runs }: MasterReport): Markup | undefined {
  const bad = runs.filter(({ status }) => status !== "ok");
  if (bad.length === 0) return undefined;
  const left = bad.length - most.troubles;
  return html`<div class="panel below">
    <h3>Runs that did not go well</h3>
    <ul class="troubles">
      ${bad.slice(0, most.troubles).map(troubleOf)}
      ${left > 0 ? html`<li>${left} older ones are in the JSON</li>` : null}
    </ul>
  </div>`;
}

function troubleOf({ startedAt, command, status, databases }: Run): Markup {
  const bad = databases.filter((result) => result.status !== "ok");
  return html`<li>
    ${moment(startedAt)} ${command} <span class="${status}">${status}</span>${bad.length > 0 ? ":" : null}
    ${bad.map(
      ({ database, status: outcome, reason }, index) =>
        html`${index > 0 ? "; " : null}<bdi>${database}</bdi>
          ${outcome}${reason === null ? null : html` (<bdi>${reason}</bdi>)`}`,
    )}
  </li>`;
}

export function runTable({ runs }: MasterReport): Markup | undefined {
  if (runs.length === 0) return undefined;
  const rows = runs
    .slice(0, most.runs)
    .map(({ runId, command, status, startedAt, durationMs, databases, freedBytes }) => [
      moment(startedAt),
      html`<span>${command}</span>`,
      html`<span class="${status}">${status}</span>`,
      html`<span>${formatDuration(durationMs)}</span>`,
      html`<bdi>${databases.map(({ database }) => database).join(", ")}</bdi>`,
      freedBytes === null
        ? databases.find(({ reason }) => reason !== null)?.reason
        : `${formatBytes(freedBytes)} freed`,
      html`<code>${runId}</code>`,
    ]);
  return table(
    "Runs, newest first",
    ["When (UTC)", "Run", "Status", "Took", "Databases", "Remark", "Id"],
    rows,
    runs.length - rows.length,
  );
}

export function backupTables({ databases }: MasterReport): Markup {
  return html`${databases
    .filter(({ backups }) => backups.length > 0)
    .map(({ database, backups }) => {
      const rows = backups.slice(0, most.backups).map(rowOf);
      return html`<details>
        <summary>
          <bdi>${database}</bdi> <small>${backups.length === 1 ? "1 backup" : `${backups.length} backups`}</small>
        </summary>
        ${table(`Backups of ${database}, newest first`, ["Backup", "Shows (UTC)", "Status", "Took", "Content", "Stored", "Proven", "Remark"], rows, backups.length - rows.length)}
      </details>`;
    })}`;
}

function rowOf(backup: KeptBackup): Cell[] {
  const {
    id,
    capturedAt,
    status,
    durationMs,
    plainBytes,
    storedBytes,
    proven,
    damage,
    purpose,
    empty,
    pinned,
    problem,
  } = backup;
  const remarks = [
    ...(purpose === "safety" ? ["safety backup"] : []),
    ...(empty ? ["empty"] : []),
    ...(pinned === null ? [] : [`pinned: ${pinned}`]),
    ...(problem === null ? [] : [problem]),
  ];
  return [
    html`<code>${id}</code>`,
    capturedAt === null ? "–" : moment(capturedAt),
    status === null ? html`<span class="failed">unreadable</span>` : html`<span class="${status}">${status}</span>`,
    durationMs === null ? "–" : formatDuration(durationMs),
    status === null ? "–" : formatBytes(plainBytes),
    status === null ? "–" : formatBytes(storedBytes),
    damage === null
      ? proven === null
        ? "–"
        : html`${proven.level} ${moment(proven.at)}`
      : html`<strong class="failed">damaged</strong> ${moment(damage.at)}`,
    remarks.join("; "),
  ];
}
