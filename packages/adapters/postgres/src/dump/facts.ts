import { BackupError, type Fact } from "@sutazai/backup-core";
import { MultisetDigest, RowHash } from "@sutazai/backup-formats";
import { decodeBytes, parseClientEncoding } from "./encoding.ts";
import { DumpLexer, type DumpHandler } from "./lexer.ts";
import {
  isDatabaseStatement,
  parseCopyTarget,
  parseTocHeader,
  plainIdentifier,
  unquoteIdentifier,
  type TocHeader,
} from "./names.ts";

/** What a dump holds, read off its bytes. */
export interface DumpFacts {
  /** By kind and name: `table:public.users` has `rows:digest`, everything else the digest of its definition. */
  readonly facts: Readonly<Record<string, Fact>>;
  /** Tables with a data section: schema and name, one character per byte, see {@link tableKey}. */
  readonly tables: ReadonlySet<string>;
  readonly largeObjects: number;
  readonly rows: number;
  /** Length, and digest of all that no fact tells of: comments, settings, and what concerns the database as a whole. */
  readonly rest: string;
}

/** Names a table in {@link DumpFacts.tables}. Neither part can hold a zero byte. */
export function tableKey(schema: string, table: string): string {
  return `${schema}\0${table}`;
}

// A table's rows are what one looks for under its name.
const kinds: Readonly<Record<string, string>> = { TABLE: "table-definition" };

// pg_dump lists the roles of a policy as they happen to lie in the server's catalog, which any ALTER ROLE may change: its words count in no order.
const unordered: ReadonlySet<string> = new Set(["POLICY"]);

/** What the names of facts may come to: a manifest with more of them could not be published. */
const namesLimit = 64 * 1024 * 1024;
/** Of a fact in a manifest, beside its name. */
const costPerName = 100;

const complete = /^-- PostgreSQL database (?:cluster )?dump complete$/;
const begins = /^-- PostgreSQL database (?:cluster )?dump$/;

/**
 * Computes the facts of a dump while its bytes pass by. Every object's entry is digested as it stands, whatever its type;
 * what concerns the database as a whole is left out, so that a copy under another name has the same facts.
 */
export class DumpReader implements DumpHandler {
  readonly #lexer: DumpLexer = new DumpLexer(this);
  readonly #digests: Map<string, MultisetDigest> = new Map();
  readonly #tables: Set<string> = new Set();
  #namesCost = 0;
  #encoding = "UTF8";
  #largeObjects = 0;
  #rows = 0;
  #started = false;
  #complete = false;

  #entry: TocHeader | undefined;
  readonly #entryHash: RowHash = new RowHash();
  #entryUnordered = false;
  #words: MultisetDigest = new MultisetDigest();
  readonly #wordHash: RowHash = new RowHash();
  #entrySpeaks = false;
  #entryExcluded = false;
  #digesting = false;
  #remaining = false;
  #accessMethod = "";
  #head = "";

  readonly #rest: MultisetDigest = new MultisetDigest();
  readonly #restHash: RowHash = new RowHash();

  readonly #rowHash: RowHash = new RowHash();
  #rowDigest: MultisetDigest = new MultisetDigest();

  push(chunk: Uint8Array): void {
    this.#lexer.push(chunk);
  }

  /** The facts, once the last byte has been pushed. Throws `corrupt` where the dump does not end as pg_dump ends one. */
  finish(): DumpFacts {
    this.#lexer.finish();
    if (!this.#complete) throw this.#corrupt("the dump does not reach its end: `dump complete` is missing");
    this.#endEntry();
    const facts = Object.fromEntries(
      [...this.#digests].map(([key, digest]): [string, Fact] => [
        decodeBytes(key, this.#encoding),
        { exact: digest.toString() },
      ]),
    );
    return {
      facts,
      tables: this.#tables,
      largeObjects: this.#largeObjects,
      rows: this.#rows,
      rest: `${this.#lexer.offset}:${this.#rest.toString()}`,
    };
  }

  command(line: string): void {
    this.#noteLine(line);
  }

  comment(line: string): void {
    this.#noteLine(line);
    if (!this.#started) {
      if (begins.test(line)) this.#started = true;
      else if (line !== "--") throw this.#corrupt("this is not a dump that pg_dump made");
      return;
    }
    if (complete.test(line)) {
      this.#endEntry();
      this.#complete = true;
      return;
    }
    const header = parseTocHeader(line);
    if (header === undefined) return;
    this.#endEntry();
    this.#entry = header;
    this.#entryHash.reset();
    this.#entryUnordered = unordered.has(header.type);
    this.#words = new MultisetDigest();
    this.#wordHash.reset();
    this.#entrySpeaks = false;
    this.#entryExcluded = false;
  }

  statement(head: string): void {
    if (!this.#started) throw this.#corrupt("this is not a dump that pg_dump made");
    if (this.#complete) throw this.#corrupt("there is something behind the end of the dump");
    this.#head = head;
    this.#encoding = parseClientEncoding(head) ?? this.#encoding;
    this.#accessMethod = /^SET default_table_access_method = (.*);$/.exec(head)?.[1] ?? this.#accessMethod;
    const aboutDatabase = isDatabaseStatement(head);
    if (aboutDatabase) this.#entryExcluded = true;
    if (head.startsWith("SELECT pg_catalog.lo_open(")) this.#largeObjects++;
    const authorization = /^(?:RE)?SET SESSION AUTHORIZATION\b/.test(head);
    // Other settings are written where they change, which depends on the order of the entries: they belong to none.
    this.#digesting = this.#entry !== undefined && (authorization || !head.startsWith("SET "));
    this.#remaining = authorization || aboutDatabase || this.#entryExcluded || !this.#digesting;
    if (this.#remaining) this.#restHash.reset();
    if (this.#digesting && !authorization) this.#entrySpeaks = true;
  }

  statementBytes(bytes: Uint8Array, start: number, end: number): void {
    if (this.#digesting && this.#entryUnordered) this.#addWords(bytes, start, end);
    else if (this.#digesting) this.#entryHash.update(bytes, start, end);
    if (this.#remaining) this.#restHash.update(bytes, start, end);
  }

  statementEnd(): void {
    if (this.#remaining) this.#rest.add(this.#restHash);
    // Said once in a setting, for all tables that follow.
    if (this.#digesting && /^CREATE (?:UNLOGGED )?(?:TABLE|MATERIALIZED VIEW) /.test(this.#head)) {
      this.#entryHash.update(Buffer.from(unquoteIdentifier(this.#accessMethod), "latin1"));
    }
  }

  copyStart(head: string): void {
    const target = parseCopyTarget(head);
    if (target === undefined) throw this.#corrupt("rows for no table that can be told");
    this.#tables.add(tableKey(target.schema, target.table));
    this.#rowDigest = this.#digest(`table:${plainIdentifier(target.schema)}.${plainIdentifier(target.table)}`);
    this.#entryExcluded = true;
    this.#rowHash.reset();
  }

  copyBytes(): void {}

  row(bytes: Uint8Array, start: number, end: number): void {
    this.#rowHash.update(bytes, start, end);
  }

  rowEnd(): void {
    this.#rowDigest.add(this.#rowHash);
    this.#rowHash.reset();
  }

  copyEnd(): void {
    this.#rows += this.#rowDigest.count;
  }

  /** Blanks and commas part words, and every statement ends one. */
  #addWords(bytes: Uint8Array, start: number, end: number): void {
    for (let from = start, position = start; position <= end; position++) {
      const byte = bytes[position];
      const parts = byte === 32 || byte === 10 || byte === 44 || byte === 59;
      if (position < end && !parts) continue;
      this.#wordHash.update(bytes, from, position);
      from = position + 1;
      if (position === end) continue;
      this.#words.add(this.#wordHash);
      this.#wordHash.reset();
    }
  }

  #noteLine(line: string): void {
    this.#restHash.reset();
    this.#restHash.update(Buffer.from(line, "latin1"));
    this.#rest.add(this.#restHash);
  }

  #endEntry(): void {
    const entry = this.#entry;
    this.#entry = undefined;
    if (entry === undefined || !this.#entrySpeaks || this.#entryExcluded) return;
    if (this.#entryUnordered) this.#entryHash.update(Buffer.from(this.#words.toString()));
    this.#entryHash.update(Buffer.from(entry.tablespace, "latin1"));
    const kind = kinds[entry.type] ?? entry.type.toLowerCase().replaceAll(" ", "-");
    // Two objects may come to the same key, for line breaks in names are blanks here: then it stands for both.
    this.#digest(`${kind}:${entry.schema === "" ? "" : `${entry.schema}.`}${entry.name}`).add(this.#entryHash);
  }

  #digest(key: string): MultisetDigest {
    let digest = this.#digests.get(key);
    if (digest === undefined) {
      this.#namesCost += key.length + costPerName;
      if (this.#namesCost > namesLimit) throw this.#tooMuch();
      digest = new MultisetDigest();
      this.#digests.set(key, digest);
    }
    return digest;
  }

  #tooMuch(): BackupError {
    const offset = this.#lexer.offset;
    return new BackupError("unsupported", `the dump holds ${this.#digests.size} objects by byte ${offset}, and more`, {
      operation: "postgres.read-dump",
      hint: "a manifest cannot tell of so many objects: spread them over several databases",
      details: { offset },
    });
  }

  #corrupt(problem: string): BackupError {
    const offset = this.#lexer.offset;
    return new BackupError("corrupt", `${problem} (at byte ${offset})`, {
      operation: "postgres.read-dump",
      hint: "use another backup; this dump is damaged or was not made by pg_dump",
      details: { offset },
    });
  }
}
