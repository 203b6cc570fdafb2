import type { ValueKind } from "./content.ts";
import { Intset, Listpack, Zipmap, Ziplist, type EncodedSource } from "./encoded.ts";
import type { ModuleReader } from "./modules.ts";
import { Members, Row } from "./row.ts";
import { StreamReader } from "./streams.ts";
import { ShortText, type RdbStrings } from "./strings.ts";
import { headLength, readString, Window, type Parse, type StringSource } from "./window.ts";

type Encoding = "listpack" | "ziplist" | "zipmap" | "intset";

/** How a value of one RDB type is written. */
interface ValueType {
  readonly kind: ValueKind;
  /** In one string of this encoding; otherwise as a counted series of RDB strings. */
  readonly encoding?: Encoding;
  /** Lists only: a counted series of strings, each a ziplist, or each a listpack or a plain element. */
  readonly nodes?: "ziplist" | "tagged";
  /** Sorted sets: scores as text or as binary doubles. */
  readonly scores?: "text" | "binary";
  /** Hashes: fields have expiries, relative to one at the start or absolute. */
  readonly expiries?: "relative" | "absolute";
  readonly version?: 1 | 2 | 3;
}

/** Every value type of RDB versions 1 to 12. Source: rdb.h of Redis. */
export const valueTypes: Readonly<Record<number, ValueType>> = {
  0: { kind: "string" },
  1: { kind: "list" },
  2: { kind: "set" },
  3: { kind: "zset", scores: "text" },
  4: { kind: "hash" },
  5: { kind: "zset", scores: "binary" },
  7: { kind: "module" },
  9: { kind: "hash", encoding: "zipmap" },
  10: { kind: "list", encoding: "ziplist" },
  11: { kind: "set", encoding: "intset" },
  12: { kind: "zset", encoding: "ziplist" },
  13: { kind: "hash", encoding: "ziplist" },
  14: { kind: "list", nodes: "ziplist" },
  15: { kind: "stream", version: 1 },
  16: { kind: "hash", encoding: "listpack" },
  17: { kind: "zset", encoding: "listpack" },
  18: { kind: "list", nodes: "tagged" },
  19: { kind: "stream", version: 2 },
  20: { kind: "set", encoding: "listpack" },
  21: { kind: "stream", version: 3 },
  22: { kind: "hash", expiries: "absolute" },
  23: { kind: "hash", encoding: "listpack", expiries: "absolute" },
  24: { kind: "hash", expiries: "relative" },
  25: { kind: "hash", encoding: "listpack", expiries: "relative" },
};

const plainNode = 1;
const packedNode = 2;

/** Reads values into a key's row. Holds what it needs from one value to the next, so that a value costs no allocations. */
export class ValueReader {
  /** After a hash: the earliest expiry of its fields, Infinity without one. */
  earliestField: number = Infinity;
  /** After a value: whether a field that is left in it expires. */
  hasExpiringField: boolean = false;
  /** After a value: members left in it once the expired fields are gone. */
  members: number = 0;
  readonly #window: Window;
  readonly #strings: RdbStrings;
  readonly #row: Row;
  readonly #expiredBy: number;
  readonly #element: Row = new Row();
  readonly #members: Members = new Members();
  readonly #number: ShortText = new ShortText(128);
  readonly #inner: Window;
  readonly #encoded: Readonly<Record<Encoding, EncodedSource>>;
  readonly #streams: StreamReader;
  readonly #modules: ModuleReader;

  /** Fields that expire at `expiredBy` or before do not count. */
  constructor(window: Window, strings: RdbStrings, row: Row, modules: ModuleReader, expiredBy: number) {
    this.#window = window;
    this.#strings = strings;
    this.#row = row;
    this.#expiredBy = expiredBy;
    this.#inner = new Window("inside a value", { parent: window });
    const listpack = new Listpack(this.#inner);
    this.#encoded = {
      listpack,
      ziplist: new Ziplist(this.#inner),
      zipmap: new Zipmap(this.#inner),
      intset: new Intset(this.#inner),
    };
    this.#streams = new StreamReader(strings, row, this.#inner, listpack);
    this.#modules = modules;
  }

  *read(type: ValueType): Parse {
    this.earliestField = Infinity;
    this.hasExpiringField = false;
    this.members = 1;
    switch (type.kind) {
      case "string":
        return yield* readString(this.#strings, this.#row);
      case "stream":
        return yield* this.#streams.read(type.version ?? 1);
      case "module":
        return yield* this.#modules.value(this.#row);
      default:
        return yield* this.#collection(type);
    }
  }

  *#collection(type: ValueType): Parse {
    const row = this.#row;
    this.members = 0;
    this.#members.clear();
    let base = 0;
    if (type.expiries === "relative") {
      yield* this.#window.need(8);
      base = this.#milliseconds();
    }
    if (type.nodes !== undefined) {
      yield* this.#nodes(type.nodes);
    } else if (type.encoding !== undefined) {
      const source = this.#encoded[type.encoding];
      yield* this.#strings.blob(this.#inner, () => this.#opened(source, type));
    } else {
      yield* this.#counted();
      yield* this.#read(this.#strings, type, base);
    }
    if (type.kind !== "list") this.members = this.#members.count;
    if (this.members === 0 && this.earliestField === Infinity) throw this.#window.corrupt("has an empty collection");
    if (type.kind === "list") row.number(this.members);
    else this.#members.writeTo(row);
  }

  *#opened(source: EncodedSource, type: ValueType): Parse {
    yield* source.start();
    yield* this.#read(source, type, 0);
  }

  #read(source: StringSource, type: ValueType, base: number): Parse {
    switch (type.kind) {
      case "list":
        return this.#list(source);
      case "set":
        return this.#set(source);
      case "zset":
        return this.#zset(source, type.scores ?? "text");
      default:
        return type.expiries === undefined
          ? this.#hash(source)
          : source === this.#strings
            ? this.#hashWithExpiriesBefore(type.expiries === "relative" ? base : 1)
            : this.#hashWithExpiriesAfter(source);
    }
  }

  *#counted(): Parse {
    yield* this.#window.want(headLength);
    this.#strings.remaining = this.#strings.count();
  }

  *#nodes(kind: "ziplist" | "tagged"): Parse {
    const strings = this.#strings;
    const list: ValueType = { kind: "list" };
    yield* this.#counted();
    for (let nodes = strings.remaining; nodes > 0; nodes--) {
      yield* this.#window.want(headLength);
      const container = kind === "ziplist" ? packedNode : strings.count();
      if (container === plainNode) {
        yield* readString(strings, this.#row);
        this.members += 1;
      } else if (container === packedNode) {
        const source = kind === "ziplist" ? this.#encoded.ziplist : this.#encoded.listpack;
        yield* strings.blob(this.#inner, () => this.#opened(source, list));
      } else {
        throw this.#window.corrupt(`has a list node of an unknown kind (${container})`);
      }
    }
  }

  *#list(source: StringSource): Parse {
    const { window } = source;
    for (;;) {
      if (window.left < headLength) yield* window.want(headLength);
      if (!source.more()) return;
      if (!source.next(this.#row)) yield* source.rest(this.#row);
      this.members += 1;
    }
  }

  *#set(source: StringSource): Parse {
    const { window } = source;
    const element = this.#element;
    const members = this.#members;
    for (;;) {
      if (window.left < headLength) yield* window.want(headLength);
      if (!source.more()) return;
      element.start();
      if (!source.next(element)) yield* source.rest(element);
      members.add(element);
    }
  }

  *#zset(source: StringSource, scores: "text" | "binary"): Parse {
    const { window } = source;
    const element = this.#element;
    const members = this.#members;
    const inRdb = source === this.#strings;
    for (;;) {
      if (window.left < headLength) yield* window.want(headLength);
      if (!source.more()) return;
      element.start();
      if (!source.next(element)) yield* source.rest(element);
      if (window.left < headLength) yield* window.want(headLength);
      if (scores === "binary") {
        const start = window.take(8);
        element.double(new DataView(window.bytes.buffer, window.bytes.byteOffset + start, 8).getFloat64(0, true));
      } else if (inRdb) {
        element.double(yield* this.#oldScore());
      } else {
        this.#follows(source);
        yield* readString(source, this.#number);
        element.double(this.#score(this.#number.toString()));
      }
      members.add(element);
    }
  }

  *#hash(source: StringSource): Parse {
    const { window } = source;
    const element = this.#element;
    const members = this.#members;
    const inRdb = source === this.#strings;
    for (;;) {
      if (window.left < headLength) yield* window.want(headLength);
      if (!source.more()) return;
      element.start();
      if (!source.next(element)) yield* source.rest(element);
      if (window.left < headLength) yield* window.want(headLength);
      if (!inRdb) this.#follows(source);
      if (!source.next(element)) yield* source.rest(element);
      element.number(0);
      members.add(element);
    }
  }

  /** Fields as RDB strings: expiry (0 for none, otherwise counted from `base` - 1), field, value. */
  *#hashWithExpiriesBefore(base: number): Parse {
    const strings = this.#strings;
    const window = this.#window;
    for (let fields = strings.remaining; fields > 0; fields--) {
      yield* window.want(headLength);
      const offset = strings.count();
      this.#element.start();
      yield* readString(strings, this.#element);
      yield* readString(strings, this.#element);
      this.#addField(offset === 0 ? 0 : offset + base - 1);
    }
  }

  /** Fields as entries of a listpack: field, value, expiry or 0, always absolute. */
  *#hashWithExpiriesAfter(source: StringSource): Parse {
    const { window } = source;
    for (;;) {
      yield* window.want(headLength);
      if (!source.more()) return;
      this.#element.start();
      if (!source.next(this.#element)) yield* source.rest(this.#element);
      yield* window.want(headLength);
      this.#follows(source);
      if (!source.next(this.#element)) yield* source.rest(this.#element);
      yield* window.want(headLength);
      this.#follows(source);
      yield* readString(source, this.#number);
      const expiry = Number(this.#number.toString());
      if (!Number.isSafeInteger(expiry) || expiry < 0) throw window.corrupt("has a field with an impossible expiry");
      this.#addField(expiry);
    }
  }

  #addField(expiry: number): void {
    if (expiry > 0 && expiry < this.earliestField) this.earliestField = expiry;
    if (expiry > 0 && expiry <= this.#expiredBy) return;
    if (expiry > 0) this.hasExpiringField = true;
    this.#element.number(expiry);
    this.#members.add(this.#element);
  }

  /** A pair's second half must be there. */
  #follows(source: StringSource): void {
    if (!source.more()) throw source.window.corrupt("has a collection that ends within a pair");
  }

  /** Scores before RDB version 8: a length of one byte and text, or a byte for what has no digits. */
  *#oldScore(): Parse<number> {
    const window = this.#window;
    const length = window.byte();
    if (length === 253) return Number.NaN;
    if (length === 254) return Infinity;
    if (length === 255) return -Infinity;
    yield* window.need(length);
    const start = window.take(length);
    return this.#score(Buffer.from(window.bytes.buffer, window.bytes.byteOffset + start, length).toString("latin1"));
  }

  #score(text: string): number {
    if (!this.#number.overflow) {
      const value = Number(text);
      if (text !== "" && !Number.isNaN(value)) return value;
      const word = specialScores[text.toLowerCase()];
      if (word !== undefined) return word;
    }
    throw this.#window.corrupt("has a sorted set with a score that is no number");
  }

  #milliseconds(): number {
    const window = this.#window;
    const start = window.take(8);
    const view = new DataView(window.bytes.buffer, window.bytes.byteOffset + start, 8);
    return view.getUint32(4, true) * 0x100000000 + view.getUint32(0, true);
  }
}

const specialScores: Readonly<Record<string, number>> = {
  inf: Infinity,
  "+inf": Infinity,
  "-inf": -Infinity,
  nan: Number.NaN,
};
