import { BackupError } from "@sutazai/backup-core";

/** Told what a dump consists of, in order. Byte ranges are only lent for the length of the call. */
export interface DumpHandler {
  /** A `--` comment between statements, without its line end; one character per byte. */
  comment(line: string): void;
  /** A command to psql that pg_dump writes: `\restrict`, `\unrestrict`, `\connect`, `\encoding`. */
  command(line: string): void;
  /** A statement begins. `head` is its first bytes, up to {@link headLength}: all of it where it is short. One character per byte. */
  statement(head: string): void;
  statementBytes(bytes: Uint8Array, start: number, end: number): void;
  /** The statement's `;` has been passed on. */
  statementEnd(): void;
  /** The statement that has just ended is a `COPY … FROM stdin` with this head: rows follow. */
  copyStart(head: string): void;
  /** The rows as they are, line ends and end mark included, for those who pass them on. */
  copyBytes(bytes: Uint8Array, start: number, end: number): void;
  /** A part of a row, without its line end. */
  row(bytes: Uint8Array, start: number, end: number): void;
  rowEnd(): void;
  copyEnd(): void;
}

export const headLength = 512;
const tailLength = 12;
const lineLimit = 64 * 1024;
const tagLimit = 1024;
const copyTail = " FROM stdin;";
const endMark = Buffer.from("\\.\n");

const newline = 10;
const backslash = 92;
const quote = 39;
const doubleQuote = 34;
const dollar = 36;
const semicolon = 59;

type State =
  | "between"
  | "first-dash"
  | "comment"
  | "command"
  | "code"
  | "dash"
  | "slash"
  | "line-comment"
  | "block-comment"
  | "string"
  | "escape-string"
  | "escape-string-end"
  | "identifier"
  | "dollar-tag"
  | "dollar-body"
  | "copy-begin"
  | "copy";

/**
 * Cuts the plain output of pg_dump and pg_dumpall into comments, statements and COPY rows, the way psql reads it: what
 * stands in a string, a function's body or a row is never taken for syntax. Works on any cutting into chunks; keeps
 * nothing but the head of a statement and one comment line. Where psql would obey a command that pg_dump does not write
 * (`\!`, `\i` …), it throws `corrupt`.
 */
export class DumpLexer {
  readonly #handler: DumpHandler;
  #state: State = "between";
  #offset = 0;
  /** Where in the present chunk the current statement's not yet delivered bytes begin. */
  #from = 0;
  #line: number[] = [];
  readonly #head: Buffer = Buffer.alloc(headLength);
  #headLength = 0;
  #headText: string | undefined;
  #tail = "";
  #depth = 0;
  #commentDepth = 0;
  /** The last two bytes of the chunk before. */
  #last = 0;
  #beforeLast = 0;
  #escaped = false;
  #tag: Uint8Array = new Uint8Array(0);
  #tagBytes: number[] = [];
  #matched = 0;

  constructor(handler: DumpHandler) {
    this.#handler = handler;
  }

  /** Bytes taken so far. */
  get offset(): number {
    return this.#offset;
  }

  push(chunk: Uint8Array): void {
    this.#from = 0;
    let position = 0;
    while (position < chunk.length) position = this.#step(chunk, position);
    if (this.#inStatement()) this.#deliver(chunk, this.#from, chunk.length);
    if (chunk.length > 1) this.#beforeLast = chunk[chunk.length - 2]!;
    else if (chunk.length === 1) this.#beforeLast = this.#last;
    if (chunk.length > 0) this.#last = chunk[chunk.length - 1]!;
    this.#offset += chunk.length;
  }

  /** Throws `corrupt` where the input ends within a statement, a string or the rows of a table. */
  finish(): void {
    if (this.#state === "comment" || this.#state === "command") this.#endLine();
    if (this.#state !== "between") throw this.#corrupt("the dump ends in the middle", 0);
  }

  #step(chunk: Uint8Array, position: number): number {
    switch (this.#state) {
      case "between":
        return this.#between(chunk, position);
      case "code":
        return this.#code(chunk, position);
      case "copy":
        return this.#copy(chunk, position);
      case "copy-begin":
        if (chunk[position] !== newline) throw this.#corrupt("rows do not begin on a line of their own", position);
        this.#state = "copy";
        return position + 1;
      case "first-dash":
        if (chunk[position] !== 45) throw this.#corrupt("a statement begins with `-`", position);
        this.#line = [45, 45];
        this.#state = "comment";
        return position + 1;
      case "comment":
      case "command":
        return this.#wholeLine(chunk, position);
      case "dash":
        if (chunk[position] !== 45) return this.#become("code", position);
        return this.#become("line-comment", position + 1);
      case "slash":
        if (chunk[position] !== 42) return this.#become("code", position);
        this.#commentDepth = 1;
        this.#matched = 0;
        return this.#become("block-comment", position + 1);
      case "line-comment":
        return this.#until(chunk, position, newline);
      case "block-comment":
        return this.#blockComment(chunk, position);
      case "string":
        return this.#until(chunk, position, quote);
      case "identifier":
        return this.#until(chunk, position, doubleQuote);
      case "escape-string":
        return this.#escapeString(chunk, position);
      case "escape-string-end":
        return chunk[position] === quote ? this.#become("escape-string", position + 1) : this.#become("code", position);
      case "dollar-tag":
        return this.#dollarTag(chunk, position);
      case "dollar-body":
        return this.#dollarBody(chunk, position);
    }
  }

  #become(state: State, position: number): number {
    this.#state = state;
    return position;
  }

  #between(chunk: Uint8Array, start: number): number {
    let position = start;
    while (position < chunk.length) {
      const byte = chunk[position]!;
      if (byte === newline || byte === 32 || byte === 9 || byte === 13 || byte === semicolon) {
        position++;
        continue;
      }
      if (byte === 45) return this.#become("first-dash", position + 1);
      if (byte === backslash) {
        this.#line = [];
        return this.#become("command", position);
      }
      this.#from = position;
      this.#headLength = 0;
      this.#headText = undefined;
      this.#tail = "";
      this.#depth = 0;
      return this.#become("code", position);
    }
    return position;
  }

  #wholeLine(chunk: Uint8Array, start: number): number {
    const found = chunk.indexOf(newline, start);
    const end = found === -1 ? chunk.length : found;
    if (this.#line.length + end - start > lineLimit)
      throw this.#corrupt("a line between statements is too long", start);
    for (let position = start; position < end; position++) this.#line.push(chunk[position]!);
    if (found === -1) return end;
    this.#endLine(end);
    return end + 1;
  }

  #endLine(position = 0): void {
    const line = Buffer.from(this.#line).toString("latin1");
    this.#line = [];
    if (this.#state === "comment") this.#handler.comment(line);
    else if (/^\\(?:restrict|unrestrict|connect|encoding) /.test(line)) this.#handler.command(line);
    else throw this.#corrupt(`a psql command that pg_dump does not write: ${line.slice(0, 40)}`, position);
    this.#state = "between";
  }

  #code(chunk: Uint8Array, start: number): number {
    for (let position = start; position < chunk.length; position++) {
      const byte = chunk[position]!;
      if (special[byte] === 0) continue;
      switch (byte) {
        case semicolon:
          if (this.#depth > 0) break;
          this.#deliver(chunk, this.#from, position + 1);
          this.#endStatement();
          return position + 1;
        case quote:
          return this.#become(this.#afterEscapePrefix(chunk, position) ? "escape-string" : "string", position + 1);
        case doubleQuote:
          return this.#become("identifier", position + 1);
        case dollar:
          if (isWordByte(this.#byteBefore(chunk, position, 1))) break;
          this.#tagBytes = [dollar];
          return this.#become("dollar-tag", position + 1);
        case 45:
          return this.#become("dash", position + 1);
        case 47:
          return this.#become("slash", position + 1);
        case 40:
          this.#depth++;
          break;
        case 41:
          if (this.#depth > 0) this.#depth--;
          break;
        default:
          throw this.#corrupt("a psql command within a statement", position);
      }
    }
    return chunk.length;
  }

  #byteBefore(chunk: Uint8Array, position: number, distance: 1 | 2): number {
    if (position >= distance) return chunk[position - distance]!;
    return distance - position === 1 ? this.#last : this.#beforeLast;
  }

  #afterEscapePrefix(chunk: Uint8Array, position: number): boolean {
    const before = this.#byteBefore(chunk, position, 1);
    return (before === 69 || before === 101) && !isWordByte(this.#byteBefore(chunk, position, 2));
  }

  #until(chunk: Uint8Array, position: number, byte: number): number {
    const found = chunk.indexOf(byte, position);
    return found === -1 ? chunk.length : this.#become("code", found + 1);
  }

  #escapeString(chunk: Uint8Array, start: number): number {
    for (let position = start; position < chunk.length; position++) {
      if (this.#escaped) this.#escaped = false;
      else if (chunk[position] === backslash) this.#escaped = true;
      else if (chunk[position] === quote) return this.#become("escape-string-end", position + 1);
    }
    return chunk.length;
  }

  #blockComment(chunk: Uint8Array, start: number): number {
    for (let position = start; position < chunk.length; position++) {
      const byte = chunk[position]!;
      const pair = this.#matched;
      this.#matched = byte;
      if (pair === 47 && byte === 42) this.#commentDepth++;
      else if (pair === 42 && byte === 47) this.#commentDepth--;
      else continue;
      this.#matched = 0;
      if (this.#commentDepth === 0) return this.#become("code", position + 1);
    }
    return chunk.length;
  }

  #dollarTag(chunk: Uint8Array, position: number): number {
    const byte = chunk[position]!;
    if (byte === dollar) {
      this.#tag = Uint8Array.from([...this.#tagBytes, dollar]);
      this.#matched = 0;
      return this.#become("dollar-body", position + 1);
    }
    const first = this.#tagBytes.length === 1;
    if (!isWordByte(byte) || (first && byte >= 48 && byte <= 57)) return this.#become("code", position);
    if (this.#tagBytes.length > tagLimit) throw this.#corrupt("a dollar quote is too long", position);
    this.#tagBytes.push(byte);
    return position + 1;
  }

  // The tag has a dollar at both ends and none within: after a mismatch, only the mismatching byte itself can begin anew.
  #dollarBody(chunk: Uint8Array, start: number): number {
    let position = start;
    while (position < chunk.length) {
      if (this.#matched === 0) {
        position = chunk.indexOf(dollar, position);
        if (position === -1) return chunk.length;
        this.#matched = 1;
      } else if (chunk[position] === this.#tag[this.#matched]) {
        this.#matched++;
        if (this.#matched === this.#tag.length) return this.#become("code", position + 1);
      } else {
        this.#matched = chunk[position] === dollar ? 1 : 0;
      }
      position++;
    }
    return position;
  }

  #inStatement(): boolean {
    switch (this.#state) {
      case "between":
      case "first-dash":
      case "comment":
      case "command":
      case "copy-begin":
      case "copy":
        return false;
      default:
        return true;
    }
  }

  /** Passes on bytes of the statement, the head only when it is whole. */
  #deliver(chunk: Uint8Array, start: number, end: number): void {
    const inTail = Math.max(start, end - tailLength);
    this.#tail = (this.#tail + Buffer.from(chunk.subarray(inTail, end)).toString("latin1")).slice(-tailLength);
    let position = start;
    if (this.#headText === undefined) {
      const taken = Math.min(headLength - this.#headLength, end - start);
      this.#head.set(chunk.subarray(start, start + taken), this.#headLength);
      this.#headLength += taken;
      position += taken;
      if (this.#headLength < headLength) return;
      this.#announce();
    }
    if (position < end) this.#handler.statementBytes(chunk, position, end);
  }

  #announce(): void {
    this.#headText = this.#head.toString("latin1", 0, this.#headLength);
    this.#handler.statement(this.#headText);
    this.#handler.statementBytes(this.#head, 0, this.#headLength);
  }

  #endStatement(): void {
    if (this.#headText === undefined) this.#announce();
    this.#handler.statementEnd();
    const head = this.#headText ?? "";
    if (this.#tail === copyTail && head.startsWith("COPY ")) {
      this.#matched = 0;
      this.#state = "copy-begin";
      this.#atLineStart = true;
      this.#handler.copyStart(head);
    } else {
      this.#state = "between";
    }
  }

  #atLineStart = true;

  #copy(chunk: Uint8Array, start: number): number {
    let position = start;
    while (position < chunk.length) {
      if (this.#atLineStart) {
        while (position < chunk.length && chunk[position] === endMark[this.#matched]) {
          position++;
          this.#matched++;
          if (this.#matched === endMark.length) return this.#endCopy(chunk, start, position);
        }
        if (position === chunk.length) break;
        // The line only began like the end mark. It may have been in the chunk before.
        if (this.#matched > 0) this.#handler.row(endMark, 0, this.#matched);
        this.#matched = 0;
        this.#atLineStart = false;
      }
      const found = chunk.indexOf(newline, position);
      if (found === -1) {
        this.#handler.row(chunk, position, chunk.length);
        position = chunk.length;
        break;
      }
      if (found > position) this.#handler.row(chunk, position, found);
      this.#handler.rowEnd();
      this.#atLineStart = true;
      position = found + 1;
    }
    this.#handler.copyBytes(chunk, start, position);
    return position;
  }

  #endCopy(chunk: Uint8Array, start: number, end: number): number {
    this.#handler.copyBytes(chunk, start, end);
    this.#handler.copyEnd();
    return this.#become("between", end);
  }

  #corrupt(problem: string, position: number): BackupError {
    const offset = this.#offset + position;
    return new BackupError("corrupt", `${problem} (at byte ${offset})`, {
      operation: "postgres.read-dump",
      hint: "use another backup; this dump is damaged or was not made by pg_dump",
      details: { offset },
    });
  }
}

const special: Uint8Array = new Uint8Array(256);
for (const character of "'\"$-/;\\()") special[character.charCodeAt(0)] = 1;

function isWordByte(byte: number): boolean {
  return (
    (byte >= 97 && byte <= 122) ||
    (byte >= 65 && byte <= 90) ||
    (byte >= 48 && byte <= 57) ||
    byte === 95 ||
    byte >= 128 ||
    byte === dollar
  );
}
