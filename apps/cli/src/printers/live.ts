import type { BackupEvent } from "@sutazai/backup-core";
import { formatBytes, formatDuration, printableLines } from "@sutazai/backup-sdk";
import { Listr, type ListrTaskWrapper } from "listr2";
import { describeEvent, plainPrinter } from "./plain.ts";
import type { Printer } from "./printer.ts";

type Task = ListrTaskWrapper<unknown, never, never>;

/** A line per database that moves, on a terminal. */
export function livePrinter(): Printer {
  const plain = plainPrinter();
  const rows = new Map<string, Row>();
  let shown: Promise<unknown> = Promise.resolve();
  return {
    ...plain,
    event: (event) => {
      if (event.type === "run-start") {
        for (const database of event.databases) rows.set(database, new Row(database));
        shown = new Listr(
          event.databases.map((database) => ({
            title: database,
            task: (_, task) => rows.get(database)?.follow(task as never),
          })),
          {
            concurrent: true,
            exitOnError: false,
            registerSignalListeners: false,
            rendererOptions: { collapseErrors: false },
          },
        )
          .run()
          .catch(() => undefined);
        return;
      }
      const row = "database" in event && event.database !== undefined ? rows.get(event.database) : undefined;
      if (row === undefined) {
        const text = describeEvent(event);
        if (text !== undefined && event.type !== "run-end") process.stderr.write(`${printableLines(text)}\n`);
        return;
      }
      row.show(event);
    },
    close: async () => {
      for (const row of rows.values()) row.end();
      await shown;
    },
  };
}

/** One database's line: waits for the renderer to hand it a task, and for its database to end. */
class Row {
  readonly #database: string;
  readonly #ended = Promise.withResolvers<void>();
  #task: Task | undefined;

  constructor(database: string) {
    this.#database = database;
  }

  follow(task: Task): Promise<void> {
    this.#task = task;
    return this.#ended.promise;
  }

  show(event: BackupEvent): void {
    if (event.type === "progress") {
      if (this.#task === undefined) return;
      const amount = event.bytes === undefined || event.bytes === 0 ? "" : `, ${formatBytes(event.bytes)}`;
      this.#task.title = printableLines(`${this.#database}: ${event.step}${amount}`);
    } else if (event.type === "database-end") {
      if (this.#task !== undefined)
        this.#task.title = `${this.#database}: ${event.status} after ${formatDuration(event.durationMs)}`;
      if (event.status === "ok" || event.status === "partial") this.#ended.resolve();
      else this.#ended.reject(new Error(printableLines(event.error?.message ?? event.status)));
    }
  }

  end(): void {
    this.#ended.resolve();
  }
}
