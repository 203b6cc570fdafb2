import type { Printer } from "./printer.ts";

/** NDJSON on standard output: every event, then the result or the error. Documented in `docs/cli-json.md`. */
export function jsonPrinter(out: NodeJS.WritableStream = process.stdout): Printer {
  const write = (line: object) => void out.write(`${JSON.stringify(line)}\n`);
  return {
    event: write,
    result: (type, value) => write({ type, at: new Date().toISOString(), ...value }),
    warning: (message) => write({ type: "warning", at: new Date().toISOString(), message }),
    error: (error) => write({ type: "error", at: new Date().toISOString(), error }),
    close: async () => undefined,
  };
}
