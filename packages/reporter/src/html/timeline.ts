import * as Plot from "@observablehq/plot";
import type { Outcome } from "@sutazai/backup-core";
import type { Run } from "../master/parts.ts";
import type { MasterReport } from "../master/report.ts";
import { draw, figure, legend, marginFor, responsive, shorten } from "./chart.ts";
import { html, type Markup } from "./markup.ts";

const day = 86_400_000;

/** How a cell looks whose worst outcome is this. */
const looks = {
  ok: { label: "all well", color: "var(--ok)", symbol: "circle" },
  partial: { label: "incomplete", color: "var(--warning)", symbol: "triangle" },
  failed: { label: "failed", color: "var(--critical)", symbol: "times" },
  cancelled: { label: "cancelled", color: "var(--muted)", symbol: "square" },
  none: { label: "no run", color: "var(--muted)", symbol: "circle", hollow: true },
} as const;
type Look = keyof typeof looks;

const worstFirst: readonly Outcome[] = ["failed", "partial", "cancelled", "ok"];
const others = { drill: "drills", restore: "restores", prune: "prunes" } as const;

interface Cell {
  readonly row: string;
  readonly at: Date;
  readonly look: Look;
  readonly title: string;
}

/** Every run of the window: a row for each database's backups, and one for drills, restores and prunes each; a column for each day, or for several. */
export function timeline(report: MasterReport): Markup {
  if (report.databases.length === 0) return html`<p class="none">No runs in this time.</p>`;
  const days = (Date.parse(report.generatedAt) - Date.parse(report.since)) / day;
  const draws = (width: number) => {
    const step = day * Math.max(1, Math.ceil(days / (width > 500 ? 60 : 31)));
    const { cells, rows } = cellsOf(report, step);
    const columns = Math.max(1, Math.ceil((days * day) / step));
    const marginLeft = marginFor(rows.map((row) => shorten(row)));
    const r = Math.max(2.5, Math.min(7, (width - marginLeft) / columns / 3.2));
    return draw(describeRuns(report, cells), {
      width,
      height: 40 + rows.length * 30,
      marginLeft,
      marginRight: 14,
      marginBottom: 28,
      x: {
        type: "utc",
        domain: [slotStart(report.since, step), slotStart(report.generatedAt, step)],
        inset: r + 8,
        label: null,
        ticks: width > 500 ? 10 : 4,
        tickSize: 0,
      },
      y: {
        type: "point",
        domain: rows,
        label: null,
        tickFormat: (row: string) => shorten(row),
        tickSize: 0,
        padding: 0.6,
      },
      marks: [
        Plot.ruleY(rows, { stroke: "var(--line)" }),
        ...(Object.keys(looks) as Look[]).map((look) =>
          Plot.dot(
            cells.filter((cell) => cell.look === look),
            {
              x: "at",
              y: "row",
              title: "title",
              symbol: looks[look].symbol,
              fill: look === "none" ? "var(--card)" : looks[look].color,
              stroke: looks[look].color,
              strokeWidth: look === "failed" ? 2.5 : 1,
              r: look === "none" ? r * 0.7 : look === "failed" ? r + 1 : r,
            },
          ),
        ),
      ],
    });
  };
  return figure(
    "Backups of each database, and the other runs, day by day (the worst of each day is shown)",
    responsive(draws),
    legend(Object.values(looks)),
  );
}

/** So many are named to who cannot see the dots; the tables tell of the others. */
const mostNamed = 30;

/** Which days were not well, and why. */
function describeRuns({ runs }: MasterReport, cells: readonly Cell[]): string {
  const failed = runs.filter(({ status }) => status === "failed").length;
  const bad = cells.filter(({ look }) => look !== "ok");
  const named = bad.slice(0, mostNamed).map(({ title }) => title);
  const left = bad.length - named.length;
  return [
    `Timeline of ${runs.length} runs, ${failed} of them failed.`,
    ...(named.length > 0 ? [`Not well: ${named.join("; ")}${left > 0 ? `; and ${left} more` : ""}.`] : []),
  ].join(" ");
}

function slotStart(at: string, step: number): Date {
  return new Date(Math.floor(Date.parse(at) / step) * step);
}

function cellsOf(
  { runs, databases, generatedAt, since }: MasterReport,
  step: number,
): { cells: Cell[]; rows: string[] } {
  // Days of UTC, or several of them.
  const slotOf = (at: string) => Math.floor(Date.parse(at) / step);
  const today = slotOf(generatedAt);
  const found = new Map<string, Map<number, Run["databases"][number][]>>();
  const add = (row: string, slot: number, result: Run["databases"][number]) => {
    const slots = found.get(row) ?? new Map<number, Run["databases"][number][]>();
    found.set(row, slots.set(slot, [...(slots.get(slot) ?? []), result]));
  };
  for (const { command, startedAt, databases: results } of runs) {
    for (const result of results) {
      add(command === "backup" ? result.database : others[command], slotOf(startedAt), result);
    }
  }
  const names = databases.map(({ database }) => database);
  const rows = [...names, ...Object.values(others).filter((row) => found.has(row) && !names.includes(row))];
  const cells = rows.flatMap((row) => {
    const slots = found.get(row) ?? new Map<number, Run["databases"][number][]>();
    const first = Math.max(slotOf(since), Math.min(today, ...slots.keys()));
    return Array.from({ length: today - first + 1 }, (_, index): Cell[] => {
      const slot = first + index;
      const results = slots.get(slot) ?? [];
      // Only backups are awaited in every column, and today is not over.
      if (results.length === 0 && (slot === today || !names.includes(row))) return [];
      const at = new Date(slot * step);
      return [{ row, at, ...describe(row, at, results) }];
    }).flat();
  });
  return { cells, rows };
}

function describe(row: string, at: Date, results: readonly Run["databases"][number][]): Pick<Cell, "look" | "title"> {
  const where = `${shorten(row, 60)}, ${at.toISOString().slice(0, 10)}`;
  const worst = worstFirst.find((outcome) => results.some(({ status }) => status === outcome));
  if (worst === undefined) return { look: "none", title: `${where}: no run` };
  const bad = results.filter(({ status }) => status === worst);
  const reason = bad[0]?.reason == null ? "" : ` (${shorten(bad[0].reason, 160)})`;
  return { look: worst, title: `${where}: ${bad.length} of ${results.length} ${worst}${reason}` };
}
