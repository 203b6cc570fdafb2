import * as Plot from "@observablehq/plot";
import type { Coverage, Drill } from "../master/parts.ts";
import type { MasterReport } from "../master/report.ts";
import { describeCoverage } from "../master-text.ts";
import { formatDuration } from "../units.ts";
import { draw, figure, hatched, legend, marginFor, responsive, shorten, type Key } from "./chart.ts";
import { html, type Markup } from "./markup.ts";
import { durationScale } from "./scales.ts";

const level = (number: number) => ({ color: `var(--level-${number})`, ink: `var(--level-${number}-ink)` });

export const levelKeys: readonly (Key & { readonly of: Exclude<keyof Coverage, "backups">; readonly ink: string })[] = [
  { of: "restore", label: "restored in a drill", ...level(3) },
  { of: "structure", label: "read and parsed to the end", ...level(2), hatch: "slanted" },
  { of: "checksum", label: "digests compared", ...level(1), hatch: "dotted" },
  { of: "none", label: "nothing proven", color: "var(--faint)", ink: "var(--ink)", hatch: "level" },
  { of: "damaged", label: "damaged", color: "var(--critical)", ink: "var(--card)", hatch: "crossed" },
  { of: "unknown", label: "cannot be read", color: "var(--muted)", ink: "var(--card)", hatch: "upright" },
];

/** How far the kept backups of each database are proven. The numbers stand in the bars. */
export function coverageChart({ databases, coverage }: MasterReport): Markup {
  if (coverage.backups === 0) return html`<p class="none">The store holds no backups.</p>`;
  const names = databases.map(({ database }) => database);
  const most = Math.max(...databases.map((standing) => standing.coverage.backups));
  const draws = (width: number) => {
    const marginLeft = marginFor(names.map((name) => shorten(name)));
    const pixels = (width - marginLeft - 30) / most;
    const segments = databases
      .flatMap((standing) => {
        let x = 0;
        return levelKeys.map(({ of, ...key }) => {
          const x1 = x;
          x += standing.coverage[of];
          return { database: standing.database, ...key, x1, x2: x, count: standing.coverage[of] };
        });
      })
      .filter(({ count }) => count > 0);
    return draw(`Of ${coverage.backups} backups: ${describeCoverage(coverage)}.`, {
      width,
      height: 20 + 32 * databases.length,
      marginLeft,
      marginRight: 30,
      marginTop: 4,
      marginBottom: 6,
      x: { axis: null, domain: [0, most] },
      y: {
        type: "band",
        domain: names,
        label: null,
        tickSize: 0,
        tickFormat: (name: string) => shorten(name),
        padding: 0.28,
      },
      marks: [
        Plot.barX(segments, {
          y: "database",
          x1: "x1",
          x2: "x2",
          fill: "color",
          stroke: "var(--card)",
          insetLeft: 0.5,
        }),
        Plot.barX(segments, {
          y: "database",
          x1: "x1",
          x2: "x2",
          ...hatched,
          insetLeft: 0.5,
          title: (segment) => `${shorten(segment.database, 60)}: ${segment.count} ${segment.label}`,
        }),
        Plot.text(
          segments.filter(({ count }) => count * pixels > 16),
          {
            y: "database",
            x: ({ x1, x2 }) => (x1 + x2) / 2,
            text: ({ count }) => String(count),
            fill: "ink",
            // A gap in the hatch around the number.
            stroke: "color",
            strokeWidth: 9,
            fontWeight: 600,
          },
        ),
        Plot.text(databases, {
          y: "database",
          x: (standing) => standing.coverage.backups,
          text: (standing) => String(standing.coverage.backups),
          dx: 6,
          textAnchor: "start",
          fill: "var(--muted)",
        }),
      ],
      color: { type: "identity" },
    });
  };
  const shown = levelKeys.filter(({ of }) => coverage[of] > 0);
  return figure("Kept backups, by the highest level that each has passed", responsive(draws, 980), legend(shown));
}

const restoring: Key = { label: "restoring", color: "var(--series-1)" };
export const phaseKeys: readonly (Key & { readonly of: Exclude<keyof NonNullable<Drill["rto"]>, "ms"> })[] = [
  { of: "backupCheckMs", label: "reading the backup", color: "var(--series-4)", hatch: "slanted" },
  { of: "startUpMs", label: "starting servers", color: "var(--series-2)", hatch: "dotted" },
  { of: "restoreMs", ...restoring },
  { of: "checkMs", label: "checking", color: "var(--series-3)", hatch: "upright" },
];

/** What the last measured restore of each took, and what its time went into; the budgets where they are in sight. */
export function restoreTimes({ databases }: MasterReport): Markup {
  const measured = databases.flatMap((standing) => {
    const { database, rto, drills, budgets } = standing;
    if (rto === null) return [];
    const drill = drills.find(({ at, rto: found }) => at === rto.at && found !== null)?.rto;
    return [{ database, ms: rto.ms, budgetMs: budgets.rtoMs, drill }];
  });
  if (measured.length === 0)
    return html`<p class="none">
      No restore was ever measured: run <code>sutazai-backup verify --level restore</code>.
    </p>`;
  const names = measured.map(({ database }) => database);
  const longest = Math.max(...measured.map(({ ms }) => ms));
  const budgets = measured.filter(({ budgetMs }) => budgetMs < longest * 2);
  const scale = durationScale(Math.max(longest, ...budgets.map(({ budgetMs }) => budgetMs)) * 1.12);
  const segments = measured.flatMap(({ database, ms, drill }) => {
    if (drill == null) return [{ database, x1: 0, x2: ms, ...restoring }];
    let x = 0;
    return phaseKeys.map(({ of, ...key }) => {
      const x1 = x;
      x += drill[of];
      return { database, x1, x2: x, ...key };
    });
  });
  const draws = (width: number) =>
    draw(
      measured
        .map(
          ({ database, ms, budgetMs }) =>
            `${shorten(database, 60)} took ${formatDuration(ms)} of ${formatDuration(budgetMs)}`,
        )
        .join("; "),
      {
        width,
        height: 34 + 32 * names.length,
        marginLeft: marginFor(names.map((name) => shorten(name))),
        marginRight: 60,
        marginTop: 4,
        marginBottom: 24,
        x: { ...scale, label: null, tickSize: 0 },
        y: {
          type: "band",
          domain: names,
          label: null,
          tickSize: 0,
          tickFormat: (name: string) => shorten(name),
          padding: 0.3,
        },
        marks: [
          Plot.gridX(scale.ticks, { stroke: "var(--line)", strokeOpacity: 1 }),
          Plot.barX(segments, {
            y: "database",
            x1: "x1",
            x2: "x2",
            fill: "color",
            insetRight: 1,
          }),
          Plot.barX(segments, {
            y: "database",
            x1: "x1",
            x2: "x2",
            ...hatched,
            insetRight: 1,
            title: (segment) =>
              `${shorten(segment.database, 60)}, ${segment.label}: ${formatDuration(segment.x2 - segment.x1)}`,
          }),
          Plot.text(measured, {
            y: "database",
            x: "ms",
            text: ({ ms }) => formatDuration(ms),
            dx: 6,
            textAnchor: "start",
            fill: "var(--ink)",
          }),
          Plot.tickX(budgets, { y: "database", x: "budgetMs", stroke: "var(--critical)", strokeWidth: 2.5 }),
        ],
      },
    );
  const [first] = measured;
  const same = measured.every(({ budgetMs }) => budgetMs === first?.budgetMs);
  const budget = same && first !== undefined ? `budget ${formatDuration(first.budgetMs)}` : "each with its budget";
  return figure(
    `The last measured restore of each database (${budget})`,
    responsive(draws),
    legend([...phaseKeys, ...(budgets.length > 0 ? [{ label: "budget", color: "var(--critical)" }] : [])]),
  );
}
