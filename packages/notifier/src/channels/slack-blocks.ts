import type { Message } from "../channel.ts";
import { isLink } from "../html.ts";
import type { NoticeTable } from "../notice.ts";
import { formatText } from "../text.ts";
import { oneLine, shorten, wordingOf } from "../wording.ts";

/**
 * What Slack takes, in characters (https://docs.slack.dev/reference/block-kit): more makes it refuse the whole message. A table may be at most 100 rows
 * with its header, 20 columns, and 10 000 characters in all.
 */
const limits = {
  text: 4000,
  header: 150,
  section: 3000,
  context: 2000,
  rows: 100,
  columns: 20,
  table: 9000,
  cell: 300,
};

const emptyCell = "–";

/** Blocks for people, and the same as text for notifications, screen readers and servers that know no blocks. */
export function slackMessage(message: Message): { readonly text: string; readonly blocks: readonly object[] } {
  const { subject, sections, closing } = wordingOf(message);
  const { facts, report } = message.notice;
  return {
    text: shorten(escape(`${subject}\n\n${formatText(message)}`), limits.text),
    blocks: [
      { type: "header", text: { type: "plain_text", text: shorten(subject, limits.header), emoji: false } },
      ...sections.map(({ heading, lines }) => ({
        type: "section",
        text: markdown(`*${heading}*\n${escape(lines.join("\n"))}`, limits.section),
      })),
      ...(facts === undefined || facts.rows.length === 0 ? [] : [tableBlock(facts)]),
      { type: "context", elements: [markdown(escape(closing.join("\n")), limits.context)] },
      ...(isLink(report)
        ? [{ type: "section", text: markdown(`<${escape(report)}|Open the report>`, limits.section) }]
        : []),
    ],
  };
}

function tableBlock(facts: NoticeTable): object {
  const columns = facts.columns.slice(0, limits.columns);
  const header = columns.map(cellText);
  const rows: string[][] = [];
  let characters = lengthOf(header);
  for (const row of facts.rows) {
    const cells = columns.map((_, column) => cellText(row[column] ?? ""));
    // The last row is kept free for saying how many were left out.
    if (rows.length >= limits.rows - 2 || characters + lengthOf(cells) > limits.table) break;
    characters += lengthOf(cells);
    rows.push(cells);
  }
  const left = facts.rows.length - rows.length;
  if (left > 0) rows.push(columns.map((_, column) => (column === 0 ? `and ${left} more` : emptyCell)));
  return {
    type: "table",
    column_settings: columns.map(() => ({ is_wrapped: true })),
    rows: [header, ...rows].map((cells) => cells.map((text) => ({ type: "raw_text", text }))),
  };
}

function cellText(text: string): string {
  return shorten(oneLine(text), limits.cell) || emptyCell;
}

function lengthOf(cells: readonly string[]): number {
  return cells.reduce((sum, cell) => sum + cell.length, 0);
}

function markdown(text: string, limit: number): object {
  return { type: "mrkdwn", text: shorten(text, limit), verbatim: true };
}

/** In Slack's markup these three begin mentions and links: a tool's message must not call `<!channel>`. */
function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
