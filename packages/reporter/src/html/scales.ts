import { formatBytes, formatDuration } from "../units.ts";

/** An axis from 0 to a round number, with its ticks. */
export interface Scale {
  readonly domain: readonly [number, number];
  readonly ticks: readonly number[];
  readonly tickFormat: (value: number) => string;
}

/** Of bytes: round in KiB, MiB, GiB, which are not round in tens. */
export function bytesScale(largest: number): Scale {
  const step = Math.max(0, Math.floor(Math.log2(Math.max(1, largest)) / 10));
  return scaleOf(largest, 1024 ** step, [1, 1.5, 2, 3, 4, 5, 6, 8, 10], (value) =>
    value === 0 ? "0" : formatBytes(value).replace(".0 ", " "),
  );
}

/** Of milliseconds: round in seconds, minutes, hours. */
export function durationScale(largest: number): Scale {
  const unit = [3_600_000, 60_000, 1000].find((candidate) => largest >= candidate) ?? 1;
  return scaleOf(largest, unit, [1, 2, 3, 4, 6, 8, 10], (value) =>
    value === 0 ? "0" : formatDuration(value).replace(".0 ", " "),
  );
}

function scaleOf(largest: number, unit: number, tops: readonly number[], tickFormat: Scale["tickFormat"]): Scale {
  const wanted = Math.max(largest / unit, Number.MIN_VALUE) * 1.05;
  const power = 10 ** Math.floor(Math.log10(wanted));
  const factor = tops.find((candidate) => candidate * power >= wanted) ?? 10;
  const top = factor * power * unit;
  return { domain: [0, top], ticks: [0, top / 2, top], tickFormat };
}
