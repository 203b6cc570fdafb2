import type { Listpack } from "./encoded.ts";
import { Row } from "./row.ts";
import { nowhere, ShortText, type RdbStrings } from "./strings.ts";
import { headLength, readString, type Parse, type Window } from "./window.ts";

const deleted = 1;
const sameFields = 2;
/** Field names of one node are remembered by their digests; more of them than this in one entry is refused. */
const fieldLimit = 1 << 20;

/** Reads streams. What goes into a key's row is told at `RdbContent`. */
export class StreamReader {
  readonly #strings: RdbStrings;
  readonly #row: Row;
  readonly #inner: Window;
  readonly #listpack: Listpack;
  readonly #fieldRow: Row = new Row();
  readonly #nodeId: ShortText = new ShortText(16);
  /** The digests of the field names of a node's first entry, four words each. */
  #masterFields: Uint32Array = new Uint32Array(64);

  constructor(strings: RdbStrings, row: Row, inner: Window, listpack: Listpack) {
    this.#strings = strings;
    this.#row = row;
    this.#inner = inner;
    this.#listpack = listpack;
  }

  *read(version: 1 | 2 | 3): Parse {
    const strings = this.#strings;
    const row = this.#row;
    const { window } = strings;
    yield* window.want(headLength);
    for (let nodes = strings.count(); nodes > 0; nodes--) {
      yield* readString(strings, this.#nodeId);
      if (this.#nodeId.overflow || this.#nodeId.length !== 16) throw window.corrupt("has a stream node without an id");
      const id = this.#nodeId.toBuffer();
      const milliseconds = id.readBigUInt64BE(0);
      const sequence = id.readBigUInt64BE(8);
      yield* strings.blob(this.#inner, () => this.#node(milliseconds, sequence));
    }
    yield* this.#header(version);
    yield* window.want(headLength);
    const groups = strings.count();
    row.number(groups);
    for (let group = 0; group < groups; group++) yield* this.#group(version);
  }

  *#header(version: 1 | 2 | 3): Parse {
    const { window } = this.#strings;
    yield* window.want(headLength);
    const length = this.#strings.count();
    this.#row.number(length);
    yield* window.want(headLength);
    this.#copyId();
    if (version === 1) {
      // What the server assumes for streams that were saved without: nothing was deleted, nothing trimmed.
      this.#row.number(0);
      this.#row.number(0);
      this.#row.number(length);
      return;
    }
    yield* window.want(headLength);
    this.#skipId();
    yield* window.want(headLength);
    this.#copyId();
    yield* window.want(headLength);
    this.#copy();
  }

  *#group(version: 1 | 2 | 3): Parse {
    const strings = this.#strings;
    const row = this.#row;
    const { window } = strings;
    yield* readString(strings, row);
    yield* window.want(headLength);
    this.#copyId();
    yield* window.want(headLength);
    if (version > 1) strings.wide();
    yield* this.#pending(true);
    yield* window.want(headLength);
    const consumers = strings.count();
    row.number(consumers);
    for (let consumer = 0; consumer < consumers; consumer++) {
      yield* readString(strings, row);
      yield* window.want(headLength);
      window.take(version > 2 ? 16 : 8);
      yield* this.#pending(false);
    }
  }

  /** Entries delivered and not acknowledged: in a group with time and count of delivery, in a consumer by id alone. */
  *#pending(withDelivery: boolean): Parse {
    const { window } = this.#strings;
    yield* window.want(headLength);
    const count = this.#strings.count();
    this.#row.number(count);
    for (let index = 0; index < count; index++) {
      yield* window.want(headLength + 8);
      const length = withDelivery ? 24 : 16;
      const start = window.take(length);
      this.#row.bytes(window.bytes, start, start + length);
      if (withDelivery) this.#copy();
    }
  }

  *#node(milliseconds: bigint, sequence: bigint): Parse {
    const listpack = this.#listpack;
    yield* listpack.start();
    const live = yield* this.#integer();
    const gone = yield* this.#integer();
    const fields = yield* this.#fieldCount();
    for (let field = 0; field < fields; field++) yield* this.#readField(field);
    yield* this.#integer();
    let seenLive = 0;
    let seenGone = 0;
    for (;;) {
      yield* this.#inner.want(headLength);
      if (!listpack.more()) break;
      const flags = Number(listpack.integer());
      const isLive = (flags & deleted) === 0;
      if (isLive) seenLive += 1;
      else seenGone += 1;
      yield* this.#entry(milliseconds, sequence, flags, fields);
    }
    if (BigInt(live) !== BigInt(seenLive) || BigInt(gone) !== BigInt(seenGone)) {
      throw this.#inner.corrupt("has a stream node that does not hold as many entries as it says");
    }
  }

  *#entry(milliseconds: bigint, sequence: bigint, flags: number, masterFields: number): Parse {
    const isLive = (flags & deleted) === 0;
    const isSame = (flags & sameFields) !== 0;
    const row = this.#row;
    const addedMilliseconds = yield* this.#integer();
    const addedSequence = yield* this.#integer();
    const fields = isSame ? masterFields : yield* this.#fieldCount();
    if (isLive) {
      row.bigint(milliseconds + BigInt(addedMilliseconds));
      row.bigint(sequence + BigInt(addedSequence));
      row.number(fields);
    }
    for (let field = 0; field < fields; field++) {
      if (!isSame) yield* this.#hashField();
      if (isLive) this.#addField(isSame ? this.#masterFields : this.#fieldRow.lanes(), isSame ? field * 4 : 0);
      yield* this.#string(isLive ? row : nowhere);
    }
    yield* this.#integer();
  }

  #addField(lanes: Uint32Array, start: number): void {
    this.#row.halves(lanes[start]!, lanes[start + 1]!);
    this.#row.halves(lanes[start + 2]!, lanes[start + 3]!);
  }

  *#readField(index: number): Parse {
    yield* this.#hashField();
    if (index * 4 === this.#masterFields.length) {
      const larger = new Uint32Array(this.#masterFields.length * 2);
      larger.set(this.#masterFields);
      this.#masterFields = larger;
    }
    this.#masterFields.set(this.#fieldRow.lanes(), index * 4);
  }

  *#hashField(): Parse {
    this.#fieldRow.start();
    yield* this.#string(this.#fieldRow);
  }

  *#string(sink: Row | typeof nowhere): Parse {
    const inner = this.#inner;
    if (inner.left < headLength) yield* inner.want(headLength);
    if (!this.#listpack.more()) throw inner.corrupt("has a stream node that ends within an entry");
    if (!this.#listpack.next(sink)) yield* this.#listpack.rest(sink);
  }

  *#integer(): Parse<number | bigint> {
    const inner = this.#inner;
    if (inner.left < headLength) yield* inner.want(headLength);
    if (!this.#listpack.more()) throw inner.corrupt("has a stream node that ends within an entry");
    return this.#listpack.integer();
  }

  *#fieldCount(): Parse<number> {
    const count = Number(yield* this.#integer());
    if (count < 0 || count > fieldLimit) throw this.#inner.corrupt(`has a stream entry with ${count} fields`);
    return count;
  }

  #copy(): void {
    this.#strings.wide();
    this.#row.halves(this.#strings.low, this.#strings.high);
  }

  #copyId(): void {
    this.#copy();
    this.#copy();
  }

  #skipId(): void {
    this.#strings.wide();
    this.#strings.wide();
  }
}
