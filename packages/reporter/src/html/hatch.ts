/** What is drawn over a bar, so that it is told from its neighbours without its colour. */
export type Hatch = "slanted" | "crossed" | "level" | "upright" | "dotted";

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

type Line = readonly [x1: number, y1: number, x2: number, y2: number];

const gap = 8;

const lines: Readonly<Record<Hatch, (box: Box) => Line[]>> = {
  slanted: rising,
  crossed: (box) => [...rising(box), ...falling(box)],
  level: ({ x, y, width, height }) => steps(y, y + height, gap / 2).map((at) => [x, at, x + width, at]),
  upright: ({ x, y, width, height }) => steps(x, x + width, gap / 2).map((at) => [at, y, at, y + height]),
  // Lines of no length, which round ends make dots.
  dotted: ({ x, y, width, height }) =>
    steps(y + 2, y + height - 2, gap / 2).flatMap((cy) =>
      steps(x + 2, x + width - 2, gap / 2).flatMap((cx): Line[] => ((cx + cy) % gap === 0 ? [[cx, cy, cx, cy]] : [])),
    ),
};

/** The hatch within a box, as the data of a path. A path, not a pattern: that would refer to something else, and be a picture on paper. */
export function hatchPath(hatch: Hatch, box: Box): string {
  const round = (value: number) => Math.round(value * 10) / 10;
  return lines[hatch](box)
    .map(([x1, y1, x2, y2]) => `M${round(x1)} ${round(y1)}L${round(x2)} ${round(y2)}`)
    .join("");
}

/** Where x + y stays the same. */
function rising({ x, y, width, height }: Box): Line[] {
  return steps(x + y, x + width + y + height, gap).map((sum) => {
    const [from, to] = [Math.max(x, sum - y - height), Math.min(x + width, sum - y)];
    return [from, sum - from, to, sum - to];
  });
}

/** Where x - y does. */
function falling({ x, y, width, height }: Box): Line[] {
  return steps(x - y - height, x + width - y, gap).map((difference) => {
    const [from, to] = [Math.max(x, difference + y), Math.min(x + width, difference + y + height)];
    return [from, from - difference, to, to - difference];
  });
}

/** The multiples of a step strictly between two numbers. */
function steps(from: number, to: number, step: number): number[] {
  const first = Math.floor(from / step) + 1;
  return Array.from({ length: Math.max(0, Math.ceil(to / step) - first) }, (_, index) => (first + index) * step);
}
