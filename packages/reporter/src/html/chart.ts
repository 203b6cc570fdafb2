import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { printable } from "../printable.ts";
import { hatchPath, type Hatch } from "./hatch.ts";
import { html, trusted, type Markup } from "./markup.ts";

const { document } = parseHTML("<html></html>");

/** As far as it is used here; the compiler knows no browser. */
interface SvgElement {
  readonly outerHTML: string;
  querySelector(selector: string): { remove(): void } | null;
  querySelectorAll(selector: string): Iterable<SvgElement>;
  getAttribute(name: string): string | null;
  before(element: SvgElement): void;
  setAttribute(name: string, value: string): void;
  removeAttribute(name: string): void;
}

/** Draws a chart into SVG that stands on its own: no styles of its own, no script, no address; colours are the page's variables. */
export function draw(description: string, options: Plot.PlotOptions): Markup {
  const svg = bare({ style: { fontSize: "11px", overflow: "visible" }, ...options });
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", printable(description));
  return trusted(svg.outerHTML);
}

function bare(options: Plot.PlotOptions): SvgElement {
  const svg = Plot.plot({ ...options, document }) as unknown as SvgElement;
  svg.querySelector("style")?.remove();
  for (const name of ["xmlns", "xmlns:xlink", "class"]) svg.removeAttribute(name);
  for (const rectangle of svg.querySelectorAll('rect[fill="none"], rect[fill^="url("]')) drawHatch(rectangle);
  // What a group is made of is the library's word; the whole is described at once.
  for (const part of svg.querySelectorAll("[aria-label]")) part.removeAttribute("aria-label");
  return svg;
}

/** The same chart for a wide page and for a phone: one of them is shown, so that its letters have their own size on both. */
export function responsive(of: (width: number) => Markup, wide: number = 980, narrow: number = 340): Markup {
  return html`<div class="wide">${of(wide)}</div>
    <div class="narrow">${of(narrow)}</div>`;
}

/** A name as it fits beside an axis. */
export function shorten(name: string, longest: number = 16): string {
  const characters = Array.from(printable(name));
  return characters.length <= longest ? characters.join("") : `${characters.slice(0, longest - 1).join("")}…`;
}

/** Room for names beside an axis, in pixels. */
export function marginFor(names: readonly string[]): number {
  return 16 + 6.4 * Math.max(4, ...names.map((name) => Array.from(name).length));
}

export function figure(caption: string, content: Markup, legend?: Markup): Markup {
  return html`<figure>
    <figcaption>${caption}</figcaption>
    ${legend}${content}
  </figure>`;
}

/** A bar, or a part of it. */
export interface Filled {
  readonly color: string;
  /** None: the colour alone, which one of those side by side may have. */
  readonly hatch?: Hatch;
  /** What the hatch and the letters on it are drawn in; the colour of the page unless given. */
  readonly ink?: string;
}

/** How a mark says that its rectangles are hatched: {@link bare} draws it. */
export const hatched = {
  fill: ({ hatch }: Filled): string => (hatch === undefined ? "none" : `url(#${hatch})`),
  stroke: ({ ink = "var(--card)" }: Filled): string => ink,
} as const;

/** Takes the place of what a rectangle is filled with. */
function drawHatch(rectangle: SvgElement): void {
  const number = (name: string) => Number(rectangle.getAttribute(name));
  const hatch = /^url\(#(.*)\)$/.exec(rectangle.getAttribute("fill") ?? "")?.[1] as Hatch | undefined;
  if (hatch !== undefined) {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path") as unknown as SvgElement;
    const box = { x: number("x"), y: number("y"), width: number("width"), height: number("height") };
    path.setAttribute("d", hatchPath(hatch, box));
    path.setAttribute("stroke", rectangle.getAttribute("stroke") ?? "");
    if (hatch === "dotted") {
      path.setAttribute("stroke-width", "2.2");
      path.setAttribute("stroke-linecap", "round");
    }
    rectangle.before(path);
  }
  // It is what the title is shown over.
  rectangle.setAttribute("fill", "transparent");
  rectangle.removeAttribute("stroke");
}

export interface Key extends Filled {
  readonly label: string;
  readonly symbol?: Plot.SymbolType;
  readonly dashed?: boolean;
  readonly hollow?: boolean;
}

/** A shape or a hatch beside every colour: who cannot tell the colours apart has these. */
export function legend(keys: readonly Key[]): Markup {
  return html`<ul class="legend">
    ${keys.map((key) => html`<li>${swatch(key)}${key.label}</li>`)}
  </ul>`;
}

function swatch({ color, symbol, dashed, hollow, ...filled }: Key): Markup {
  const svg = bare({
    width: 16,
    height: 12,
    margin: 0,
    axis: null,
    x: { domain: [0, 1] },
    y: { domain: [0, 1] },
    marks: [
      symbol === undefined
        ? Plot.ruleY([0.5], {
            stroke: color,
            strokeWidth: dashed === undefined ? 10 : 2,
            ...(dashed === true && { strokeDasharray: "4 3" }),
          })
        : Plot.dot([0.5], {
            x: 0.5,
            y: 0.5,
            symbol,
            fill: hollow === true ? "var(--card)" : color,
            stroke: color,
            r: hollow === true ? 3 : 4,
          }),
      // A bar's height of the line above.
      Plot.rect(filled.hatch === undefined ? [] : [{ color, ...filled }], {
        x1: 0,
        x2: 1,
        y1: 1 / 12,
        y2: 11 / 12,
        ...hatched,
      }),
    ],
  });
  svg.setAttribute("aria-hidden", "true");
  return trusted(svg.outerHTML);
}
