import type { Row } from "./row.ts";
import { nowhere, type RdbStrings } from "./strings.ts";
import { headLength, readString, type Parse } from "./window.ts";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/** More kinds of module values than this is no database. */
const nameLimit = 1000;

/** The marks between the parts of what a module wrote: they make it possible to skip what only the module understands. */
const part = { end: 0, signed: 1, unsigned: 2, float: 3, double: 4, string: 5 } as const;

/** Skips what modules wrote, to its end mark, and counts it by the name of its type. */
export class ModuleReader {
  readonly counts: Map<string, number> = new Map();
  readonly #strings: RdbStrings;

  constructor(strings: RdbStrings) {
    this.#strings = strings;
  }

  /** A key's value: only the name of its type goes into the row. */
  *value(row: Row): Parse {
    yield* this.#strings.window.want(headLength);
    const name = this.#name();
    row.text(name);
    yield* this.#parts();
    const count = this.counts.get(name) ?? 0;
    if (count === 0 && this.counts.size >= nameLimit) {
      throw this.#strings.window.corrupt(`has values of more than ${nameLimit} module types`);
    }
    this.counts.set(name, count + 1);
  }

  /** What a module keeps beside the keys. */
  *auxiliary(): Parse {
    const { window } = this.#strings;
    yield* window.want(headLength);
    this.#name();
    if (this.#strings.count() !== part.unsigned) throw window.corrupt("has module data without the moment it is for");
    yield* window.want(headLength);
    this.#strings.wide();
    yield* this.#parts();
  }

  *#parts(): Parse {
    const strings = this.#strings;
    const { window } = strings;
    for (;;) {
      yield* window.want(headLength);
      const kind = strings.count();
      switch (kind) {
        case part.end:
          return;
        case part.signed:
        case part.unsigned:
          strings.wide();
          break;
        case part.float:
          window.take(4);
          break;
        case part.double:
          window.take(8);
          break;
        case part.string:
          yield* readString(strings, nowhere);
          break;
        default:
          throw window.corrupt(`has module data of an unknown kind (${kind})`);
      }
    }
  }

  /** Nine characters of six bits each, and ten bits of version below them. */
  #name(): string {
    this.#strings.wide();
    const id = (BigInt(this.#strings.high) << 32n) | BigInt(this.#strings.low);
    return Array.from({ length: 9 }, (_, index) => alphabet[Number((id >> BigInt(58 - 6 * index)) & 63n)]!).join("");
  }
}
