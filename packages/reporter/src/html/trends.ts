import * as Plot from "@observablehq/plot";
import { anomalies, type Anomaly } from "../master/anomalies.ts";
import type { Sample } from "../master/parts.ts";
import type { DatabaseStanding, MasterReport } from "../master/report.ts";
import { formatBytes, formatDuration } from "../units.ts";
import { draw, figure, legend, shorten } from "./chart.ts";
import { html, type Markup } from "./markup.ts";
import { bytesScale, durationScale, type Scale } from "./scales.ts";

const size = { width: 320, height: 130 };
/** More than these, and the line says it all. */
const mostDots = 70;

const plain = { label: "content", color: "var(--series-1)", dashed: false };
const stored = { label: "as stored", color: "var(--series-2)", dashed: true };
const took = { label: "duration", color: "var(--series-3)", dashed: false };
const odd = { label: "unusual", color: "var(--warning)", symbol: "diamond" } as const;

const nothing = html`<p class="none">No backups in this time.</p>`;

interface Point extends Sample {
  readonly when: Date;
  readonly odd: readonly Anomaly[];
}

export function sizeTrends({ databases }: MasterReport): Markup {
  if (databases.length === 0) return nothing;
  return html`${legend([plain, stored, odd])}
    <div class="multiples">
      ${databases.map((standing) =>
        trend(standing, {
          lines: [
            [plain, (sample) => sample.plainBytes],
            [stored, (sample) => sample.storedBytes],
          ],
          scale: bytesScale,
          format: formatBytes,
          isOdd: (kind) => kind !== "slow",
        }),
      )}
    </div>`;
}

export function durationTrends({ databases }: MasterReport): Markup {
  if (databases.length === 0) return nothing;
  return html`${legend([took, odd])}
    <div class="multiples">
      ${databases.map((standing) =>
        trend(standing, {
          lines: [[took, (sample) => sample.durationMs]],
          scale: durationScale,
          format: formatDuration,
          isOdd: (kind) => kind === "slow",
        }),
      )}
    </div>`;
}

interface Trend {
  readonly lines: readonly (readonly [look: typeof plain, of: (sample: Sample) => number])[];
  readonly scale: (largest: number) => Scale;
  readonly format: (value: number) => string;
  readonly isOdd: (kind: Anomaly["kind"]) => boolean;
}

function trend({ database, samples }: DatabaseStanding, { lines, scale, format, isOdd }: Trend): Markup {
  const newest = samples.at(-1);
  if (newest === undefined)
    return html`<figure>
      <figcaption>${shorten(database, 40)}</figcaption>
      <p class="none">No backups in this time.</p>
    </figure>`;
  const points = samples.map((sample, index): Point => ({
    ...sample,
    when: new Date(sample.at),
    odd: anomalies(sample, samples.slice(Math.max(0, index - 20), index)).filter(({ kind }) => isOdd(kind)),
  }));
  const [main] = lines;
  const of = main?.[1] ?? (() => 0);
  const values = points.map(of);
  const largest = Math.max(...lines.flatMap(([, value]) => points.map(value)));
  const description = `${shorten(database, 60)}: ${points.length} backups, from ${format(Math.min(...values))} to ${format(Math.max(...values))}, the newest ${format(of(newest))}.`;
  const titled = (point: Point) => `${point.at.slice(0, 16).replace("T", " ")} UTC: ${format(of(point))}`;
  const chart = draw(description, {
    ...size,
    marginLeft: 58,
    marginRight: 10,
    marginTop: 12,
    marginBottom: 22,
    x: { type: "utc", label: null, ticks: 4, tickSize: 0 },
    y: { ...scale(largest), label: null, tickSize: 0 },
    marks: [
      Plot.gridY(scale(largest).ticks, { stroke: "var(--line)", strokeOpacity: 1 }),
      ...(main === undefined
        ? []
        : [Plot.areaY(points, { x: "when", y: main[1], fill: main[0].color, fillOpacity: 0.1 })]),
      ...lines.map(([{ color, dashed }, value]) =>
        Plot.lineY(points, {
          x: "when",
          y: value,
          stroke: color,
          strokeWidth: 1.8,
          ...(dashed && { strokeDasharray: "4 3" }),
        }),
      ),
      ...(points.length > mostDots
        ? []
        : [Plot.dot(points, { x: "when", y: of, r: 1.8, fill: main?.[0].color ?? "", title: titled })]),
      Plot.dot(
        points.filter((point) => point.odd.length > 0),
        {
          x: "when",
          y: of,
          r: 5,
          symbol: "diamond",
          fill: odd.color,
          stroke: "var(--card)",
          title: (point: Point) => `${titled(point)} (unusual)`,
        },
      ),
    ],
  });
  return figure(`${shorten(database, 40)}: ${format(of(newest))}`, chart);
}
