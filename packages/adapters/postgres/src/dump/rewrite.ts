import { BackupError, type Bytes } from "@sutazai/backup-core";
import { decodeBytes, parseClientEncoding } from "./encoding.ts";
import { DumpLexer, headLength, type DumpHandler } from "./lexer.ts";
import { isDatabaseStatement } from "./names.ts";

const statementsLimit = 16 * 1024 * 1024;

/**
 * A dump made by `pg_dump --create`, taken apart: what is in the database, as psql can replay it into another one, and
 * what concerns the database as a whole (its creation, settings, privileges, comment). psql commands and comments are left out.
 */
export class DumpSplitter implements DumpHandler {
  readonly #lexer: DumpLexer = new DumpLexer(this);
  readonly #source: Bytes;
  readonly #databaseStatements: string[] = [];
  #pieces: Uint8Array[] = [];
  #encoding = "UTF8";
  #passing = false;
  #collecting = false;
  #collected: Uint8Array[] = [];
  #collectedLength = 0;
  #hasBegun = false;

  constructor(source: Bytes) {
    this.#source = source;
  }

  /** Statements about the database itself, in order; complete when {@link content} has ended. */
  get databaseStatements(): readonly string[] {
    return this.#databaseStatements;
  }

  /** Whether something in the database has come: its creation and settings are known by then, though not its privileges. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** The statements and rows of what is in the database. */
  async *content(): Bytes {
    for await (const chunk of this.#source) {
      this.#lexer.push(chunk);
      const [first] = this.#pieces;
      if (first === undefined) continue;
      const piece = this.#pieces.length === 1 ? first : Buffer.concat(this.#pieces);
      this.#pieces = [];
      yield piece;
    }
    this.#lexer.finish();
  }

  comment(): void {}

  command(): void {}

  statement(head: string): void {
    this.#encoding = parseClientEncoding(head) ?? this.#encoding;
    // Who grants what is said in a statement of its own, which both sides need.
    const authorization = /^(?:RE)?SET SESSION AUTHORIZATION\b/.test(head);
    this.#collecting = authorization || isDatabaseStatement(head);
    this.#passing = authorization || !this.#collecting;
    if (!this.#collecting && !/^(?:SET |SELECT pg_catalog\.set_config\()/.test(head)) this.#hasBegun = true;
  }

  statementBytes(bytes: Uint8Array, start: number, end: number): void {
    if (this.#collecting) this.#collect(copyOf(bytes, start, end));
    if (!this.#passing) return;
    // Short pieces may be the lexer's own buffer, which it uses again.
    this.#pieces.push(end - start <= headLength ? copyOf(bytes, start, end) : bytes.subarray(start, end));
  }

  statementEnd(): void {
    if (this.#passing) this.#pieces.push(lineEnd);
    if (!this.#collecting) return;
    this.#databaseStatements.push(decodeBytes(Buffer.concat(this.#collected).toString("latin1"), this.#encoding));
    this.#collected = [];
  }

  copyStart(): void {}

  copyBytes(bytes: Uint8Array, start: number, end: number): void {
    if (end > start) this.#pieces.push(bytes.subarray(start, end));
  }

  row(): void {}

  rowEnd(): void {}

  copyEnd(): void {}

  #collect(bytes: Uint8Array): void {
    this.#collectedLength += bytes.length;
    if (this.#collectedLength > statementsLimit) {
      throw new BackupError("corrupt", `more than ${statementsLimit} bytes of settings for one database`, {
        operation: "postgres.read-dump",
      });
    }
    this.#collected.push(bytes);
  }
}

/** The statements that make a database and set it up, which a dump has first. Reads no further than needed. */
export async function readDatabaseStatements(source: Bytes): Promise<readonly string[]> {
  const splitter = new DumpSplitter(source);
  for await (const _ of splitter.content()) {
    if (splitter.hasBegun) break;
  }
  return splitter.databaseStatements;
}

const lineEnd = Buffer.from("\n");

// `slice` of a Buffer would be a view.
function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.subarray(start, end));
}
