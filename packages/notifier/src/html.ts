import type { Message } from "./channel.ts";
import type { NoticeTable, Severity } from "./notice.ts";
import { wordingOf } from "./wording.ts";

// Mail programs drop style sheets: what is styled is so at its element. The colours differ in lightness too, and never stand alone for the word.
const colours: Readonly<Record<Severity, string>> = { critical: "#9c1c1c", warning: "#8a5a00", info: "#1d5c8a" };

/** A message as a simple HTML document: no pictures, no scripts, nothing loaded. */
export function formatHtml(message: Pick<Message, "notice" | "occasion" | "source">): string {
  const { subject, sections, closing } = wordingOf(message);
  const { state, severity, facts, report } = message.notice;
  const colour = state === "resolved" ? "#1e6b3a" : colours[severity];
  return [
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escape(subject)}</title></head>`,
    '<body style="font-family:sans-serif;font-size:15px;line-height:1.5;color:#1a1a1a;max-width:46em">',
    `<h1 style="font-size:19px;border-left:6px solid ${colour};padding-left:10px">${escape(subject)}</h1>`,
    ...sections.map(
      ({ heading, lines }) =>
        `<h2 style="font-size:15px;margin:1em 0 0">${escape(heading)}</h2><p style="margin:0">${lines.map(escape).join("<br>")}</p>`,
    ),
    ...(facts === undefined ? [] : [formatTable(facts)]),
    `<p style="color:#555;font-size:13px">${closing.map(escape).join("<br>")}</p>`,
    ...(isLink(report) ? [`<p><a href="${escape(report)}">Open the report</a></p>`] : []),
    "</body></html>",
  ].join("\n");
}

function formatTable({ columns, rows }: NoticeTable): string {
  const cell = "padding:4px 10px;border:1px solid #bbb;text-align:left";
  const row = (tag: "td" | "th", cells: readonly string[]): string =>
    `<tr>${columns.map((_, column) => `<${tag} style="${cell}">${escape(cells[column] ?? "")}</${tag}>`).join("")}</tr>`;
  const body = rows.map((cells) => row("td", cells)).join("");
  return `<table style="border-collapse:collapse;margin-top:1em"><thead>${row("th", columns)}</thead><tbody>${body}</tbody></table>`;
}

export function isLink(text: string | undefined): text is string {
  return text !== undefined && /^https?:\/\//i.test(text) && URL.canParse(text);
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character);
}
