import { BackupError, type Bytes } from "@sutazai/backup-core";
import { MultisetDigest } from "@sutazai/backup-formats";
import { DatabaseContent, type RdbContent, type ValueKind } from "./content.ts";
import { Crc64 } from "./crc64.ts";
import { ModuleReader } from "./modules.ts";
import { Row } from "./row.ts";
import { RdbStrings, ShortText } from "./strings.ts";
import { ValueReader, valueTypes } from "./values.ts";
import { headLength, readString, Window, type Parse } from "./window.ts";

/** The newest version that is understood: Redis 8. Valkey counts on from 80 with 9. */
const newestVersion = 12;
const checksumSince = 5;
const databaseLimit = 65_536;
const auxiliaryLimit = 64;

const opcode = {
  slotInfo: 244,
  function: 245,
  moduleAuxiliary: 247,
  idle: 248,
  frequency: 249,
  auxiliary: 250,
  resize: 251,
  expiryMilliseconds: 252,
  expirySeconds: 253,
  select: 254,
  end: 255,
} as const;

const kindTags: Readonly<Record<ValueKind, number>> = {
  string: 0,
  list: 1,
  set: 2,
  zset: 3,
  hash: 4,
  module: 5,
  stream: 6,
};

export interface RdbOptions {
  /**
   * Keys and hash fields that expire at this moment (milliseconds since 1970) or before are left out, as if they were gone
   * already. Two files that were taken before it can be compared exactly, though a server dropped some of them in between.
   */
  readonly expiredBy?: number;
}

/**
 * Reads an RDB file of any version up to 12, pushed in pieces. Memory is bounded whatever it holds: large values
 * pass through. `write` and `end` throw `corrupt` with the byte offset for whatever is not a whole RDB file, `unsupported` for newer
 * versions. Two keys of one name, which a server refuses to load, are not noticed: that would take memory for every key.
 */
export class RdbParser {
  readonly #window: Window;
  readonly #crc: Crc64 = new Crc64();
  readonly #parsing: Parse;
  readonly #strings: RdbStrings;
  readonly #row: Row = new Row();
  readonly #modules: ModuleReader;
  readonly #values: ValueReader;
  readonly #expiredBy: number;
  readonly #auxiliary: Map<string, string> = new Map();
  readonly #databases: Map<number, DatabaseContent> = new Map();
  readonly #functions: MultisetDigest = new MultisetDigest();
  #current: DatabaseContent = new DatabaseContent();
  #index = 0;
  #version = 0;
  #earliestExpiry = Infinity;
  #checksum: RdbContent["checksum"] = "absent";
  #isDone = false;
  #hasExpiry = false;
  #expiryLow = 0;
  #expiryHigh = 0;

  constructor(options: RdbOptions = {}) {
    this.#expiredBy = options.expiredBy ?? -Infinity;
    this.#window = new Window("RDB", { onConsumed: (bytes, start, end) => this.#crc.update(bytes, start, end) });
    this.#strings = new RdbStrings(this.#window);
    this.#modules = new ModuleReader(this.#strings);
    this.#values = new ValueReader(this.#window, this.#strings, this.#row, this.#modules, this.#expiredBy);
    this.#parsing = this.#file();
  }

  /** Takes the next bytes. They are not written to, and not kept beyond the next call but for what is unread. */
  write(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#window.push(chunk);
    this.#advance();
  }

  /** Ends the file: it must be complete. */
  end(): RdbContent {
    this.#window.ended = true;
    this.#advance();
    if (!this.#isDone) throw this.#window.truncated();
    return {
      version: this.#version,
      auxiliary: this.#auxiliary,
      databases: this.#databases,
      functions: this.#functions,
      modules: this.#modules.counts,
      checksum: this.#checksum,
      earliestExpiry: this.#earliestExpiry,
      bytes: this.#window.offset,
    };
  }

  #advance(): void {
    if (this.#parsing.next().done === true) this.#isDone = true;
    if (this.#isDone && this.#window.left > 0) throw this.#window.corrupt("does not end where it says");
  }

  *#file(): Parse {
    const window = this.#window;
    yield* window.need(9);
    this.#header();
    for (;;) {
      if (window.left < headLength) yield* window.want(headLength);
      const code = window.byte();
      const type = valueTypes[code];
      if (type === undefined) {
        if (code === opcode.end) break;
        yield* this.#special(code);
        continue;
      }
      this.#startKey(type.kind);
      if (!this.#strings.next(this.#row)) yield* this.#strings.rest(this.#row);
      if (code === 0) {
        // By far the most frequent: without a generator of its own.
        if (window.left < headLength) yield* window.want(headLength);
        if (!this.#strings.next(this.#row)) yield* this.#strings.rest(this.#row);
        this.#endKey("string", undefined);
      } else {
        yield* this.#values.read(type);
        this.#endKey(type.kind, this.#values);
      }
    }
    yield* this.#footer();
  }

  #header(): void {
    const window = this.#window;
    const start = window.take(9);
    const text = Buffer.from(window.bytes.subarray(start, start + 9)).toString("latin1");
    const match = /^(REDIS|VALKEY)(\d{3,4})$/.exec(text);
    if (match === null) throw window.corrupt("does not begin as one");
    this.#version = Number(match[2]);
    if (match[1] !== "REDIS" || this.#version > newestVersion) {
      throw new BackupError(
        "unsupported",
        `RDB version ${text} is newer than this version understands (${newestVersion})`,
        {
          operation: "redis.rdb",
          hint: "use a newer version of this system for this server",
        },
      );
    }
    if (this.#version < 1) throw window.corrupt("has no version");
  }

  #startKey(kind: ValueKind): void {
    const row = this.#row;
    row.start();
    row.byte(kindTags[kind]);
    row.byte(this.#hasExpiry ? 1 : 0);
    row.halves(this.#expiryLow, this.#expiryHigh);
  }

  #endKey(kind: ValueKind, value: ValueReader | undefined): void {
    const isExpiring = this.#hasExpiry;
    const expiry = isExpiring ? (this.#expiryHigh | 0) * 0x100000000 + this.#expiryLow : Infinity;
    this.#hasExpiry = false;
    this.#expiryLow = 0;
    this.#expiryHigh = 0;
    if (expiry < this.#earliestExpiry) this.#earliestExpiry = expiry;
    if (value !== undefined && value.earliestField < this.#earliestExpiry) this.#earliestExpiry = value.earliestField;
    if (expiry <= this.#expiredBy || value?.members === 0) return;
    const database = this.#current;
    if (database.keys === 0) this.#databases.set(this.#index, database);
    database.keys += 1;
    if (isExpiring) database.expires += 1;
    database.kinds.set(kind, (database.kinds.get(kind) ?? 0) + 1);
    this.#row.addTo(isExpiring || value?.hasExpiringField === true ? database.expiring : database.persistent);
  }

  *#special(code: number): Parse {
    const window = this.#window;
    const strings = this.#strings;
    switch (code) {
      case opcode.expiryMilliseconds:
      case opcode.expirySeconds:
        return this.#expiry(code === opcode.expirySeconds);
      case opcode.idle:
        return strings.wide();
      case opcode.frequency:
        window.take(1);
        return;
      case opcode.select:
        return this.#select(strings.count());
      case opcode.resize:
        strings.wide();
        return strings.wide();
      case opcode.slotInfo:
        strings.wide();
        strings.wide();
        return strings.wide();
      case opcode.auxiliary:
        return yield* this.#readAuxiliary();
      case opcode.function: {
        const row = this.#row;
        row.start();
        yield* readString(strings, row);
        return row.addTo(this.#functions);
      }
      case opcode.moduleAuxiliary:
        return yield* this.#modules.auxiliary();
    }
    throw window.corrupt(`has an unknown type or mark (${code})`);
  }

  #expiry(inSeconds: boolean): void {
    const window = this.#window;
    const start = window.take(inSeconds ? 4 : 8);
    const view = new DataView(window.bytes.buffer, window.bytes.byteOffset + start, inSeconds ? 4 : 8);
    this.#hasExpiry = true;
    if (inSeconds) {
      const milliseconds = view.getInt32(0, true) * 1000;
      this.#expiryLow = milliseconds >>> 0;
      this.#expiryHigh = Math.floor(milliseconds / 0x100000000) >>> 0;
    } else {
      this.#expiryLow = view.getUint32(0, true);
      this.#expiryHigh = view.getUint32(4, true);
    }
  }

  #select(index: number): void {
    if (index > 0x7fffffff) throw this.#window.corrupt("has an impossible database number");
    this.#index = index;
    const known = this.#databases.get(index);
    if (known === undefined && this.#databases.size >= databaseLimit) {
      throw this.#window.corrupt(`has more than ${databaseLimit} databases`);
    }
    this.#current = known ?? new DatabaseContent();
  }

  *#readAuxiliary(): Parse {
    const name = new ShortText(128);
    const value = new ShortText(256);
    yield* readString(this.#strings, name);
    yield* readString(this.#strings, value);
    if (this.#auxiliary.size < auxiliaryLimit && !name.overflow && !value.overflow) {
      this.#auxiliary.set(name.toString(), value.toString());
    }
  }

  *#footer(): Parse {
    const window = this.#window;
    if (this.#version < checksumSince) return;
    // The checksum covers all before it, the end mark included.
    window.settle();
    const { low, high } = this.#crc;
    yield* window.need(8);
    const start = window.take(8);
    const view = new DataView(window.bytes.buffer, window.bytes.byteOffset + start, 8);
    const expectedLow = view.getInt32(0, true);
    const expectedHigh = view.getInt32(4, true);
    if (expectedLow === 0 && expectedHigh === 0) return;
    if (expectedLow !== low || expectedHigh !== high) {
      throw window.corrupt("has content that does not agree with its checksum");
    }
    this.#checksum = "verified";
  }
}

/** Reads a whole RDB file. See {@link RdbParser}. */
export async function parseRdb(content: Bytes, options: RdbOptions = {}): Promise<RdbContent> {
  const parser = new RdbParser(options);
  for await (const chunk of content) parser.write(chunk);
  return parser.end();
}
