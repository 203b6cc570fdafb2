import type { Message } from "./channel.ts";
import type { NoticeTable } from "./notice.ts";
import { oneLine, shorten, wordingOf } from "./wording.ts";

/** A message as plain text, without its subject. */
export function formatText(message: Pick<Message, "notice" | "occasion" | "source">): string {
  const { sections, closing } = wordingOf(message);
  const { facts } = message.notice;
  return [
    ...sections.map(({ heading, lines }) => [heading, ...lines.map((line) => `  ${line}`)].join("\n")),
    ...(facts === undefined ? [] : [formatTable(facts)]),
    closing.join("\n"),
  ].join("\n\n");
}

const widestCell = 60;
const mostRows = 100;

function formatTable({ columns, rows }: NoticeTable): string {
  const lines = [columns, ...rows.slice(0, mostRows)].map((row) =>
    columns.map((_, column) => shorten(oneLine(row[column] ?? ""), widestCell)),
  );
  const widths = columns.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const layOut = (line: readonly string[]): string =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  const [header = [], ...body] = lines;
  return [
    layOut(header),
    widths.map((width) => "-".repeat(width)).join("  "),
    ...body.map(layOut),
    ...(rows.length > mostRows ? [`and ${rows.length - mostRows} more`] : []),
  ].join("\n");
}
