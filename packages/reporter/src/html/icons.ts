import { html, type Markup } from "./markup.ts";

/** A shape of its own for each: a circle, a triangle, an octagon; so that nothing is told by colour alone. */
export function icon(status: "ok" | "info" | "warning" | "critical"): Markup {
  return html`<svg class="icon ${status}" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
    ${shapes[status]}
  </svg>`;
}

const shapes = {
  ok: html`<circle cx="12" cy="12" r="11" /><path d="M6.5 12.5l3.6 3.6 7.4-8" />`,
  info: html`<circle cx="12" cy="12" r="11" /><path d="M12 11v6M12 7v.5" />`,
  warning: html`<path class="shape" d="M12 1.5L23.5 22H.5z" /><path d="M12 9v6M12 18v.5" />`,
  critical: html`<path class="shape" d="M7.4 1h9.2L23 7.4v9.2L16.6 23H7.4L1 16.6V7.4z" /><path
      d="M8 8l8 8M16 8l-8 8"
    />`,
} as const;
