import { nowhere, ShortText } from "../rdb/strings.ts";
import { passThrough, Window, type Parse, type StringSink } from "../rdb/window.ts";

/** What a log of commands comes to. */
export interface CommandLog {
  /** Commands that may change something: all but SELECT, MULTI and EXEC. */
  readonly commands: number;
  /** Bytes up to the end of the last complete command that stands outside of a transaction. */
  readonly complete: number;
  readonly bytes: number;
}

const lineLimit = 1024;
const argumentLimit = 1024 * 1024;
const structural: ReadonlySet<string> = new Set(["select", "multi", "exec"]);

/**
 * Reads commands in RESP, pushed in pieces, as an AOF holds them. Throws `corrupt` for anything else. A command cut off at the very end
 * is what a crash leaves, and what the server itself cuts away on loading: it is told by `complete` being less than `bytes`.
 */
export class CommandLogParser {
  readonly #window: Window = new Window("AOF");
  readonly #parsing: Parse;
  readonly #name: ShortText = new ShortText(32);
  #commands = 0;
  #complete = 0;
  #inTransaction = false;
  #bytes = 0;

  constructor() {
    this.#parsing = this.#log();
  }

  write(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#bytes += chunk.length;
    this.#window.push(chunk);
    this.#parsing.next();
  }

  end(): CommandLog {
    this.#window.ended = true;
    try {
      this.#parsing.next();
    } catch (error) {
      if (!this.#window.isTruncated) throw error;
    }
    return { commands: this.#commands, complete: this.#complete, bytes: this.#bytes };
  }

  *#log(): Parse {
    const window = this.#window;
    for (;;) {
      yield* window.want(1);
      if (window.left === 0) return;
      const first = window.byte();
      if (first === 35) {
        // "#TS:…": a time stamp.
        yield* this.#line();
      } else if (first === 42) {
        yield* this.#command();
      } else {
        throw window.corrupt("has something that is no command");
      }
      if (!this.#inTransaction) this.#complete = window.offset;
    }
  }

  *#command(): Parse {
    const window = this.#window;
    const parts = yield* this.#number(argumentLimit);
    if (parts < 1) throw window.corrupt("has a command of no words");
    for (let part = 0; part < parts; part++) {
      yield* window.need(1);
      if (window.byte() !== 36) throw window.corrupt("has a command with a word that is none");
      const length = yield* this.#number(Number.MAX_SAFE_INTEGER);
      const sink: StringSink = part === 0 ? this.#name : nowhere;
      sink.size(length);
      yield* passThrough(window, length, sink);
      yield* window.need(2);
      if (window.byte() !== 13 || window.byte() !== 10) throw window.corrupt("has a word that is longer than it says");
    }
    const name = this.#name.toString().toLowerCase();
    if (name === "multi") this.#inTransaction = true;
    if (name === "exec") this.#inTransaction = false;
    if (!structural.has(name)) this.#commands += 1;
  }

  *#number(limit: number): Parse<number> {
    const text = yield* this.#line();
    const value = Number(text);
    if (!/^\d+$/.test(text) || value > limit) throw this.#window.corrupt("has a length that is none");
    return value;
  }

  *#line(): Parse<string> {
    const window = this.#window;
    let text = "";
    for (;;) {
      if (window.left === 0) yield* window.need(1);
      const byte = window.byte();
      if (byte === 10) break;
      text += String.fromCharCode(byte);
      if (text.length > lineLimit) throw window.corrupt("has a line without an end");
    }
    if (!text.endsWith("\r")) throw window.corrupt("has a line that ends wrongly");
    return text.slice(0, -1);
  }
}
