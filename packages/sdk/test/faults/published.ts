import { readFile, writeFile } from "node:fs/promises";

const file = new URL("../../../../docs/faults.md", import.meta.url);

/** What stands in the first cells of a row, with every way in which it ended. */
export type Outcomes = Map<string, Set<string>>;

/** One table of docs/faults.md: it stands below a marker that names the program that writes it, up to the next heading. */
export class PublishedTable {
  readonly #marker: string;
  readonly #columns: readonly string[];

  constructor(program: string, columns: readonly string[]) {
    this.#marker = `<!-- from a run: ${program} -->`;
    this.#columns = [...columns, "how it ended"];
  }

  async read(): Promise<Outcomes> {
    const { table } = await this.#parts();
    const rows = table.split("\n").filter((line) => line.startsWith("| "));
    const cells = rows.slice(2).map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
    return new Map(cells.map((row) => [rowOf(row.slice(0, -1)), new Set(row.at(-1)?.split("; "))]));
  }

  async write(outcomes: Outcomes): Promise<void> {
    const { before, after } = await this.#parts();
    const rows = [...outcomes].map(([row, ended]) => `| ${row} | ${[...ended].toSorted().join("; ")} |`);
    const head = [`| ${this.#columns.join(" | ")} |`, `| ${this.#columns.map(() => "---").join(" | ")} |`];
    await writeFile(file, `${before}\n\n${[...head, ...rows].join("\n")}\n${after}`);
  }

  async #parts() {
    const text = await readFile(file, "utf8");
    const from = text.indexOf(this.#marker) + this.#marker.length;
    const heading = text.indexOf("\n## ", from);
    const to = heading === -1 ? text.length : heading;
    return { before: text.slice(0, from), table: text.slice(from, to), after: text.slice(to) };
  }
}

export function rowOf(cells: readonly string[]): string {
  return cells.join(" | ");
}

/** Every row with all that it came to, in the order in which it was met first. */
export function outcomesOf<Found extends { readonly outcome: string }>(
  findings: readonly Found[],
  cells: (finding: Found) => readonly string[],
): Outcomes {
  const outcomes: Outcomes = new Map();
  for (const finding of findings) {
    const row = rowOf(cells(finding));
    outcomes.set(row, (outcomes.get(row) ?? new Set()).add(finding.outcome));
  }
  return outcomes;
}
