import { chmodSync, closeSync, constants, existsSync, lstatSync, mkdirSync, openSync, writeSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  BackupError,
  toBackupError,
  type BackupEvent,
  type Logger,
  type Outcome,
  type Secret,
} from "@sutazai/backup-core";
import { printableLines } from "@sutazai/backup-reporter";
import { pino } from "pino";
import { madeBy } from "../version.ts";
import { loggable } from "./redaction.ts";

export const logLevels = ["silent", "error", "warn", "info", "debug"] as const;
export type LogLevel = (typeof logLevels)[number];

export interface RunLogOptions {
  readonly directory: string;
  /** Where the directory lies in a store: that is made by whoever prepares it, so lines wait until it is there. */
  readonly waitsForParent: boolean;
  /** What runs: the first word of the file's name. */
  readonly name: string;
  readonly runId: string;
  /** What was typed; the first line tells. */
  readonly command?: string | undefined;
  /** What standard error is told of it; the file gets everything. */
  readonly level: LogLevel;
  /** Logs of more days, and more logs than so many, are removed once this one is begun. */
  readonly days: number;
  readonly files: number;
  readonly secrets: readonly Secret[];
  /** Called once, where it cannot be written. */
  readonly onProblem: (message: string) => void;
  readonly stderr?: Pick<NodeJS.WritableStream, "write">;
}

/** The log of one run. Its file is made with the first line. */
export interface RunLog {
  readonly path: string;
  readonly logger: Logger;
  /** Goes to the file alone: who watches is shown events in another way. */
  event(event: BackupEvent): void;
  /** Writes down how it ended, and removes what is too old. Where nothing happened there is no file. */
  close(end?: { readonly exitCode?: number; readonly status?: Outcome; readonly error?: unknown }): Promise<void>;
}

/**
 * `<name>_<run id>.log`, a line of JSON for each thing that happens; a run id begins with the time. A log that cannot be written is told
 * once, and stops nothing.
 */
export function openRunLog(options: RunLogOptions): RunLog {
  const { directory, name, runId, command, level, secrets, stderr = process.stderr } = options;
  const path = join(directory, `${name}_${runId}.log`);
  const file = new LogFile(path, options);
  const shared = { base: { runId }, timestamp: pino.stdTimeFunctions.isoTime };
  const formatters = { level: (label: string) => ({ level: label }) };
  const toFile = pino({ ...shared, formatters, level: "debug" }, file);
  const toStderr = pino({ ...shared, level }, { write: (line) => void stderr.write(asText(line)) });
  let hasBegun = false;
  const begin = () => {
    if (hasBegun) return;
    hasBegun = true;
    toFile.info({ command, process: process.pid, madeBy }, "begin");
  };
  const log = (at: keyof Logger) => (facts: object, message: string) => {
    const [cleanFacts, cleanMessage] = loggable([facts, message], secrets) as [object, string];
    begin();
    toFile[at](cleanFacts, cleanMessage);
    toStderr[at](cleanFacts, cleanMessage);
  };
  const steps = new Set<string>();
  return {
    path,
    logger: { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") },
    event: (event) => {
      if (event.type === "progress") {
        const step = `${event.database}\0${event.step}`;
        if (steps.has(step)) return;
        steps.add(step);
      }
      begin();
      toFile[levelOf(event)](loggable({ event }, secrets) as object, event.type);
    },
    close: async ({ exitCode, status, error } = {}) => {
      if (error !== undefined) {
        begin();
        toFile.error(loggable({ error }, secrets) as object, "failed");
      }
      if (hasBegun) toFile.info({ exitCode, status }, "end");
      if (file.isWritten) await removeOldLogs(options).catch(() => undefined); // The next one does it.
    },
  };
}

function levelOf(event: BackupEvent): keyof Logger {
  if (event.type === "warning") return "warn";
  return "error" in event && event.error !== undefined ? "error" : "info";
}

const levelNames: Readonly<Record<string, string>> = pino.levels.labels;

/** `2026-11-23T20:00:00.000Z warn: the message {"fact":1}`. */
function asText(line: string): string {
  const { level, time, msg, runId: _, ...facts } = JSON.parse(line) as Record<string, unknown>;
  const rest = Object.keys(facts).length === 0 ? "" : ` ${JSON.stringify(facts)}`;
  return `${String(time)} ${levelNames[String(level)] ?? ""}: ${printableLines(String(msg))}${rest}\n`;
}

/** Written to line by line and at once, so that nothing is lost with a process that is killed. */
class LogFile {
  readonly #path: string;
  readonly #options: RunLogOptions;
  #state: "not begun" | "written" | "given up" = "not begun";
  #waiting: string[] = [];

  constructor(path: string, options: RunLogOptions) {
    this.#path = path;
    this.#options = options;
  }

  get isWritten(): boolean {
    return this.#state === "written";
  }

  write(line: string): void {
    if (this.#state === "given up") return;
    this.#waiting.push(line);
    const { directory, waitsForParent, onProblem } = this.#options;
    if (this.#state === "not begun" && waitsForParent && !existsSync(dirname(directory))) return;
    try {
      if (this.#state === "not begun") this.#begin();
      const file = openSync(this.#path, constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW);
      try {
        writeSync(file, this.#waiting.join(""));
      } finally {
        closeSync(file);
      }
      this.#waiting = [];
    } catch (error) {
      this.#state = "given up";
      onProblem(`the log ${this.#path} could not be written: ${toBackupError(error).message}`);
    }
  }

  #begin(): void {
    const { directory } = this.#options;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const found = lstatSync(directory);
    if (!found.isDirectory() || (found.mode & 0o022) !== 0) {
      throw new BackupError("permission", `${directory} is no directory that this user alone can write to`);
    }
    closeSync(openSync(this.#path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600));
    chmodSync(this.#path, 0o600); // What open is given is only a wish that the umask may cut down.
    this.#state = "written";
  }
}

const nameOfLog = /^[a-z]+_(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(?:\.\d+)?Z-[0-9a-z]+\.log$/;

/** The newest stay, so many and so long. Whatever else lies there is left alone. */
async function removeOldLogs({ directory, days, files }: RunLogOptions): Promise<void> {
  const found = (await readdir(directory)).flatMap((name) => {
    const [, year, month, day, hour, minute, second] = nameOfLog.exec(name) ?? [];
    if (year === undefined) return [];
    return [{ name, at: Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) }];
  });
  const limit = Date.now() - days * 86_400_000;
  const newestFirst = found.sort((a, b) => b.at - a.at);
  for (const [index, { name, at }] of newestFirst.entries()) {
    if (index >= files || at < limit) await rm(join(directory, name), { force: true });
  }
}
