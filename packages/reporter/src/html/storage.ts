import * as Plot from "@observablehq/plot";
import type { MasterReport } from "../master/report.ts";
import { describeForecast } from "../master-text.ts";
import { formatBytes } from "../units.ts";
import { draw, figure, legend, responsive } from "./chart.ts";
import { html, type Markup } from "./markup.ts";
import { bytesScale } from "./scales.ts";

const day = 86_400_000;
const keys = {
  held: { label: "held", color: "var(--series-1)", dashed: false },
  ahead: { label: "at the present rate", color: "var(--series-2)", dashed: true },
  full: { label: "full", color: "var(--critical)", dashed: false },
} as const;

/** What the store held, and where it is heading: as far ahead as the window looks back, or until it is full if that is not much farther. */
export function storageForecast({ store, generatedAt, since }: MasterReport): Markup {
  const { history, forecast, freeBytes, storedBytes } = store;
  if (history.length < 2) return html`<p class="none">${describeForecast(forecast)}</p>`;
  const now = Date.parse(generatedAt);
  const window = now - Date.parse(since);
  const untilFull = forecast.known && forecast.days !== null ? forecast.days * day : Number.POSITIVE_INFINITY;
  const ahead = untilFull < 3 * window ? untilFull * 1.1 : window;
  const end = storedBytes + (forecast.known ? Math.max(0, forecast.bytesPerDay * (ahead / day)) : 0);
  const capacity = freeBytes === null ? undefined : storedBytes + freeBytes;
  const showsFull = capacity !== undefined && untilFull < 3 * window;
  const points = history.map((point) => ({ when: new Date(point.at), bytes: point.storedBytes }));
  const line = [
    { when: new Date(now), bytes: storedBytes },
    { when: new Date(now + ahead), bytes: end },
  ];
  const largest = Math.max(end, ...points.map(({ bytes }) => bytes), showsFull ? capacity : 0);
  const scale = bytesScale(largest);
  const draws = (width: number) =>
    draw(`The store holds ${formatBytes(storedBytes)} and ${describeForecast(forecast)}.`, {
      width,
      height: width > 500 ? 250 : 200,
      marginLeft: 62,
      marginRight: 16,
      marginTop: 16,
      marginBottom: 26,
      x: { type: "utc", label: null, ticks: width > 500 ? 9 : 4, tickSize: 0 },
      y: { ...scale, label: null, tickSize: 0 },
      marks: [
        Plot.gridY(scale.ticks, { stroke: "var(--line)", strokeOpacity: 1 }),
        Plot.areaY(points, { x: "when", y: "bytes", fill: keys.held.color, fillOpacity: 0.15 }),
        Plot.lineY(points, { x: "when", y: "bytes", stroke: keys.held.color, strokeWidth: 2 }),
        ...(forecast.known
          ? [
              Plot.lineY(line, {
                x: "when",
                y: "bytes",
                stroke: keys.ahead.color,
                strokeWidth: 2,
                strokeDasharray: "5 4",
              }),
            ]
          : []),
        Plot.ruleX([new Date(now)], { stroke: "var(--muted)", strokeDasharray: "1 3" }),
        Plot.text([new Date(now)], {
          x: (at: Date) => at,
          text: () => "now",
          frameAnchor: "top",
          dy: -12,
          fill: "var(--muted)",
        }),
        ...(showsFull
          ? [
              Plot.ruleY([capacity], { stroke: keys.full.color, strokeWidth: 1.5 }),
              Plot.text([capacity], {
                y: (bytes: number) => bytes,
                text: (bytes: number) => `full: ${formatBytes(bytes)}`,
                frameAnchor: "left",
                textAnchor: "start",
                dx: 6,
                dy: -7,
                fill: keys.full.color,
              }),
            ]
          : []),
      ],
    });
  const shown = [keys.held, ...(forecast.known ? [keys.ahead] : []), ...(showsFull ? [keys.full] : [])];
  const free = freeBytes === null ? "free space is not known" : `${formatBytes(freeBytes)} free`;
  return figure(
    `${formatBytes(storedBytes)} held, ${free}; ${describeForecast(forecast)}`,
    responsive(draws),
    legend(shown),
  );
}
