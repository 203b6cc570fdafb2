import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { DrilledDatabase } from "../drilled-database.ts";

/** What such a database holds is in a file, changed at once: it outlives the process that restores it. */
export function keptDatabase(path: string, lines: readonly string[]): DrilledDatabase {
  const held = existsSync(path)
    ? (JSON.parse(readFileSync(path, "utf8")) as Pick<DrilledDatabase, "lines" | "fenced">)
    : { lines, fenced: false };
  const database = new DrilledDatabase("db", held.lines);
  database.fenced = held.fenced;
  for (const name of ["lines", "fenced"] as const) {
    let value = database[name];
    Object.defineProperty(database, name, {
      get: () => value,
      set: (next: typeof value) => {
        value = next;
        writeFileSync(path, JSON.stringify({ lines: database.lines, fenced: database.fenced }));
      },
    });
  }
  return database;
}
