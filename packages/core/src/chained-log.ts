import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { lstat, open, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import type { z } from "zod";
import { codeOf, openRegularFile, syncDirectory } from "./durable.ts";
import { BackupError } from "./error.ts";

/** What every line of a chained log holds. */
export interface ChainedLine {
  /** From 1 on. */
  readonly sequence: number;
  readonly at: string;
  /** SHA-256 of the line before; zeros for the first. */
  readonly previous: string;
}

/** What its writer says in a line. */
export type Said<Line extends ChainedLine> = Omit<Line, keyof ChainedLine>;

/** `head`: the SHA-256 of the line itself, which the next one holds as `previous`. Of the last line it is the head of the log. */
export type Linked<Line extends ChainedLine> = Line & { readonly head: string };

export interface ChainedLogOptions<Line extends ChainedLine> {
  readonly path: string;
  /** Of a line. Its keys are in the order in which they are written: `sequence`, `at`, what is said, `previous`. */
  readonly schema: z.ZodType<Line>;
  /** Keeps all other writers out, over all processes. The directory of the log must be there by then. That it cannot be given back is nobody's failure: what was written is written. */
  readonly exclusive: () => Promise<AsyncDisposable>;
  readonly now?: () => Date;
  /** For errors: `store.log`. */
  readonly operation: string;
  /** What to do about a broken one. */
  readonly hint: string;
}

/** The log while this process alone may write to it. */
export interface OpenChain<Line extends ChainedLine> {
  /** What can be read of it, in order. Damage is for {@link ChainedLog.read} to tell; it never stops whoever has something to add. */
  readonly entries: readonly Line[];
  /** On disk when it resolves; when it rejects, the log is as before. */
  append(said: Said<Line>): Promise<void>;
}

/** The head of a log without a line. */
export const emptyHead: string = "0".repeat(64);
const newline = 0x0a;

/**
 * Lines of JSON, only ever added. Each holds the digest of the one before, and in its last field that of its own text, so that a
 * flipped bit in the last line shows too. It shows accidents; whoever can write the file can write it anew, which shows only to
 * who has kept an earlier head. Constructing does no I/O.
 */
export class ChainedLog<Line extends ChainedLine> {
  readonly #options: ChainedLogOptions<Line>;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ChainedLogOptions<Line>) {
    this.#options = options;
  }

  /** Runs work that changes the log, one at a time over all processes. */
  change<T>(work: (log: OpenChain<Line>) => Promise<T>): Promise<T> {
    const { path, exclusive } = this.#options;
    const change = this.#last.then(async () => {
      const mutex = await exclusive();
      await using _mutex = {
        [Symbol.asyncDispose]: () => mutex[Symbol.asyncDispose]().then(undefined, () => undefined),
      };
      await using file = await openForAppending(path);
      return await work(new ChainWriter(file, await linesForAppending(file), this.#options));
    });
    this.#last = change.catch(() => undefined);
    return change;
  }

  /** Follows the chain from end to end; throws `corrupt`. A last line without its newline is an append that has not finished, and no entry. */
  async read(): Promise<Linked<Line>[]> {
    const { lines, rest } = await this.#lines();
    let head = emptyHead;
    const entries = lines.map((line, index): Linked<Line> => {
      const entry = this.#parse(line);
      if (entry === undefined) throw this.#broken(index + 1, "is damaged");
      if (entry.sequence !== index + 1) throw this.#broken(index + 1, `has the number ${entry.sequence}`);
      if (entry.previous !== head) throw this.#broken(index + 1, "does not follow from the line before");
      head = sha256(line);
      return { ...entry, head };
    });
    if (this.#parse(rest.subarray(0, -1)) !== undefined) {
      throw this.#broken(lines.length + 1, "does not end as it should");
    }
    return entries;
  }

  /** What can be read of it, in order. */
  async readable(): Promise<Line[]> {
    const { lines } = await this.#lines();
    return lines.map((line) => this.#parse(line)).filter((entry) => entry !== undefined);
  }

  #parse(line: Buffer): Line | undefined {
    return parseLine(line, this.#options.schema);
  }

  async #lines(): Promise<Lines> {
    try {
      await using file = await openRegularFile(this.#options.path);
      return splitLines(await file.readFile());
    } catch (error) {
      if (codeOf(error) === "ENOENT") return splitLines(Buffer.alloc(0));
      throw error;
    }
  }

  #broken(line: number, problem: string): BackupError {
    const { path, operation, hint } = this.#options;
    return new BackupError("corrupt", `${path}: line ${line} ${problem}`, { operation, hint, details: { line } });
  }
}

class ChainWriter<Line extends ChainedLine> implements OpenChain<Line> {
  readonly #file: FileHandle;
  readonly #schema: z.ZodType<Line>;
  readonly #now: () => Date;
  readonly #lines: Buffer[];
  #entries: Line[] | undefined;

  constructor(file: FileHandle, lines: Buffer[], { schema, now }: Pick<ChainedLogOptions<Line>, "schema" | "now">) {
    this.#file = file;
    this.#schema = schema;
    this.#now = now ?? (() => new Date());
    this.#lines = lines;
  }

  get entries(): readonly Line[] {
    this.#entries ??= this.#lines.map((line) => parseLine(line, this.#schema)).filter((entry) => entry !== undefined);
    return this.#entries;
  }

  async append(said: Said<Line>): Promise<void> {
    const last = this.#lines.at(-1);
    const entry = {
      sequence: this.#lines.length + 1,
      at: this.#now().toISOString(),
      ...said,
      previous: last === undefined ? emptyHead : sha256(last),
    } as unknown as Line;
    const line = Buffer.from(formatLine(entry));
    const { size } = await this.#file.stat();
    try {
      await this.#file.appendFile(Buffer.concat([line, Buffer.of(newline)]));
      await this.#file.sync();
    } catch (error) {
      await this.#file.truncate(size).catch(() => undefined); // The next writer does it otherwise.
      throw error;
    }
    this.#lines.push(line);
    this.#entries?.push(entry);
  }
}

async function openForAppending(path: string): Promise<FileHandle> {
  const isNew = await lstat(path).then(
    () => false,
    (error: unknown) => {
      if (codeOf(error) === "ENOENT") return true;
      throw error;
    },
  );
  const flags = constants.O_RDWR | constants.O_APPEND | constants.O_NOFOLLOW;
  if (!isNew) return open(path, flags);
  const file = await open(path, flags | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    await file.chmod(0o600); // What open is given is only a wish that the umask may cut down.
    await file.sync();
    await syncDirectory(dirname(path));
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * Mends the end that a crash left: half a line is cut off; to a whole one that lacks only its newline (or has something
 * else in its place, which no crash does) the newline is given.
 */
async function linesForAppending(file: FileHandle): Promise<Buffer[]> {
  const { lines, rest, end } = splitLines(await file.readFile());
  if (rest.length === 0) return lines;
  const whole = [rest, rest.subarray(0, -1)].find(isWhole);
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

function formatLine(entry: ChainedLine): string {
  const text = JSON.stringify(entry);
  return `${text.slice(0, -1)},"digest":"${sha256(text)}"}`;
}

/** A line's text without its own digest, where that is right. */
function provenText(line: Buffer): string | undefined {
  const match = /^(.*),"digest":"([0-9a-f]{64})"\}$/s.exec(line.toString("utf8"));
  const text = `${match?.[1] ?? ""}}`;
  return match?.[2] === sha256(text) ? text : undefined;
}

function isWhole(line: Buffer): boolean {
  return provenText(line) !== undefined;
}

function parseLine<Line>(line: Buffer, schema: z.ZodType<Line>): Line | undefined {
  const text = provenText(line);
  if (text === undefined) return undefined;
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
