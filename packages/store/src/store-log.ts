import { constants } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { BackupError, syncDirectory, type StoreLogEntry } from "@sutazai/backup-core";
import { z } from "zod";
import { sha256 } from "./content.ts";
import { codeOf, exists, openRegularFile, writeNewFile } from "./files.ts";
import type { LockDirectory } from "./lock-directory.ts";

/** What the log says of one backup. */
export type Tombstone = Pick<StoreLogEntry, "backup" | "database" | "backupSequence" | "manifest">;

const digestSchema = z.string().regex(/^[0-9a-f]{64}$/);
const tombstoneShape = {
  backup: z.string(),
  database: z.string(),
  backupSequence: z.number().int().nonnegative(),
  manifest: digestSchema,
};
export const tombstoneSchema: z.ZodType<Tombstone> = z.strictObject(tombstoneShape);

const entrySchema: z.ZodType<StoreLogEntry> = z.strictObject({
  sequence: z.number().int().positive(),
  at: z.string(),
  action: z.enum(["publish", "delete"]),
  ...tombstoneShape,
  previous: digestSchema,
});

const zeros = "0".repeat(64);
const newline = 0x0a;
const mutexPatience = 60_000;

/** The log while this process alone may write to it. */
export interface OpenLog {
  /** What can be read of it, in order. Damage is for {@link StoreLog.read} to tell; it never stops a backup. */
  readonly entries: readonly StoreLogEntry[];
  /** On disk when it resolves; when it rejects, the log is as before. */
  append(action: StoreLogEntry["action"], about: Tombstone): Promise<void>;
}

/**
 * The store's log: a line per publish and delete. Each holds the digest of the one before, and in its last field that of its own
 * text, so that a flipped bit in the last line shows too. It shows accidents; whoever can write to the store can write it anew.
 */
export class StoreLog {
  readonly #path: string;
  readonly #mutex: LockDirectory;
  readonly #now: () => Date;
  #last: Promise<unknown> = Promise.resolve();

  constructor(path: string, mutex: LockDirectory, now: () => Date) {
    this.#path = path;
    this.#mutex = mutex;
    this.#now = now;
  }

  /** Runs work that changes store and log, one at a time over all processes. */
  change<T>(work: (log: OpenLog) => Promise<T>): Promise<T> {
    const change = this.#last.then(async () => {
      await using _mutex = await this.#mutex.acquire("exclusive", { patience: mutexPatience });
      await using file = await this.#open();
      return await work(new LogWriter(file, await linesForAppending(file), this.#now));
    });
    this.#last = change.catch(() => undefined);
    return change;
  }

  /** Follows the chain from end to end. A last line without its newline is an append that has not finished, and no entry. */
  async read(): Promise<StoreLogEntry[]> {
    const { lines, rest } = await this.#lines();
    const entries = lines.map((line, index) => {
      const entry = parseLine(line);
      if (entry === undefined) throw this.#broken(index + 1, "is damaged");
      if (entry.sequence !== index + 1) throw this.#broken(index + 1, `has the number ${entry.sequence}`);
      if (entry.previous !== digestOf(lines[index - 1])) {
        throw this.#broken(index + 1, "does not follow from the line before");
      }
      return entry;
    });
    if (parseLine(rest.subarray(0, -1)) !== undefined)
      throw this.#broken(lines.length + 1, "does not end as it should");
    return entries;
  }

  /** The digest of a backup's manifest, as far as the log can be read. */
  async manifestDigest(backup: string): Promise<string | undefined> {
    const entries = (await this.#lines()).lines.map(parseLine);
    return entries.findLast((entry) => entry?.backup === backup && entry.action === "publish")?.manifest;
  }

  async #lines(): Promise<Lines> {
    try {
      await using file = await openRegularFile(this.#path);
      return splitLines(await file.readFile());
    } catch (error) {
      if (codeOf(error) === "ENOENT") return splitLines(Buffer.alloc(0));
      throw error;
    }
  }

  async #open(): Promise<FileHandle> {
    if (!(await exists(this.#path))) {
      await writeNewFile(this.#path, "");
      await syncDirectory(dirname(this.#path));
    }
    return open(this.#path, constants.O_RDWR | constants.O_APPEND | constants.O_NOFOLLOW);
  }

  #broken(line: number, problem: string): BackupError {
    return new BackupError("corrupt", `${this.#path}: line ${line} ${problem}`, {
      operation: "store.log",
      hint: "verify every backup, keep the file as evidence, and move it out of the store: the next backup starts a new one",
      details: { line },
    });
  }
}

class LogWriter implements OpenLog {
  readonly #file: FileHandle;
  readonly #now: () => Date;
  readonly #entries: StoreLogEntry[];
  #count: number;
  #lastLine: Buffer | undefined;

  constructor(file: FileHandle, lines: readonly Buffer[], now: () => Date) {
    this.#file = file;
    this.#now = now;
    this.#entries = lines.map(parseLine).filter((entry) => entry !== undefined);
    this.#count = lines.length;
    this.#lastLine = lines.at(-1);
  }

  get entries(): readonly StoreLogEntry[] {
    return this.#entries;
  }

  async append(action: StoreLogEntry["action"], about: Tombstone): Promise<void> {
    const { backup, database, backupSequence, manifest } = about;
    const at = this.#now().toISOString();
    const previous = digestOf(this.#lastLine);
    const entry = { sequence: this.#count + 1, at, action, backup, database, backupSequence, manifest, previous };
    const line = Buffer.from(formatLine(entry));
    const { size } = await this.#file.stat();
    try {
      await this.#file.appendFile(Buffer.concat([line, Buffer.of(newline)]));
      await this.#file.sync();
    } catch (error) {
      await this.#file.truncate(size).catch(() => undefined); // The next writer does it otherwise.
      throw error;
    }
    this.#count += 1;
    this.#lastLine = line;
    this.#entries.push(entry);
  }
}

/**
 * Mends the end that a crash left: half a line is cut off; to a whole one that lacks only its newline (or has something
 * else in its place, which no crash does) the newline is given.
 */
async function linesForAppending(file: FileHandle): Promise<Buffer[]> {
  const { lines, rest, end } = splitLines(await file.readFile());
  if (rest.length === 0) return lines;
  const whole = [rest, rest.subarray(0, -1)].find((text) => parseLine(text) !== undefined);
  await file.truncate(end + (whole?.length ?? 0));
  if (whole === undefined) return lines;
  await file.appendFile(Buffer.of(newline));
  return [...lines, whole];
}

interface Lines {
  readonly lines: Buffer[];
  /** What follows the last newline. */
  readonly rest: Buffer;
  /** Where the rest begins. */
  readonly end: number;
}

function splitLines(content: Buffer): Lines {
  const lines: Buffer[] = [];
  let start = 0;
  for (let end = content.indexOf(newline); end >= 0; end = content.indexOf(newline, start)) {
    lines.push(content.subarray(start, end));
    start = end + 1;
  }
  return { lines, rest: content.subarray(start), end: start };
}

function digestOf(line: Buffer | undefined): string {
  return line === undefined ? zeros : sha256(line);
}

function formatLine(entry: StoreLogEntry): string {
  const text = JSON.stringify(entry);
  return `${text.slice(0, -1)},"digest":"${sha256(text)}"}`;
}

function parseLine(line: Buffer): StoreLogEntry | undefined {
  const match = /^(.*),"digest":"([0-9a-f]{64})"\}$/s.exec(line.toString("utf8"));
  const text = `${match?.[1] ?? ""}}`;
  if (match?.[2] !== sha256(text)) return undefined;
  try {
    return entrySchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
