import { damaged } from "./damaged.ts";

const lengthsOfIntegers: Readonly<Record<number, number>> = { 0x4a: 4, 0x4b: 1, 0x4d: 2 };

/** An id may not be longer than a request. */
const textLimit = 64 * 1024 * 1024;

/**
 * Which label an id has in a saved index: the pairs under `id_to_label` in `index_metadata.pickle`, one after the other. Of Python's
 * pickles only what Chroma writes is read; nothing in them is ever run. Throws `corrupt` for anything else.
 */
export async function* readIdMap(
  pickle: AsyncIterable<Buffer>,
  segment: string,
): AsyncGenerator<readonly [id: string, label: number]> {
  const problem = (what: string) => damaged(`the ids of the vectors ${segment} cannot be read: ${what}`);
  const reader = new PickleReader(pickle, problem);
  let name: string | undefined;
  let inMap = false;
  let id: string | undefined;
  let ended = false;
  for await (const { code, text, integer } of reader.steps()) {
    if (code === 0x2e) ended = true;
    else if (!inMap) {
      // A dictionary begins behind its name.
      if (code === 0x7d && name === "id_to_label") inMap = true;
      if (text !== undefined) name = text;
    } else if (text !== undefined) {
      if (id !== undefined) {
        // The next field of the outer dictionary: the ids are over.
        throw problem("an id without a label");
      }
      id = text;
    } else if (integer !== undefined) {
      if (id === undefined) throw problem("a label without an id");
      yield [id, integer];
      id = undefined;
    } else if (id !== undefined && code === 0x7d) {
      inMap = false;
      name = id;
      id = undefined;
    }
  }
  if (!ended) throw problem("it is cut off");
}

interface Step {
  readonly code: number;
  readonly text?: string;
  readonly integer?: number;
}

/** One operation of a pickle after the other (https://docs.python.org/3/library/pickletools.html). */
class PickleReader {
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #problem: (what: string) => Error;
  #rest: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Buffer>, problem: (what: string) => Error) {
    this.#chunks = chunks[Symbol.asyncIterator]();
    this.#problem = problem;
  }

  async *steps(): AsyncGenerator<Step, void, undefined> {
    try {
      for (let first = await this.#take(1); first !== undefined; first = await this.#take(1)) {
        const code = first[0] ?? 0;
        yield await this.#step(code);
        if (code !== 0x2e) continue;
        if ((await this.#take(1)) !== undefined) throw this.#problem("something stands behind its end");
        return;
      }
    } finally {
      await this.#chunks.return?.();
    }
  }

  async #step(code: number): Promise<Step> {
    const integerLength = lengthsOfIntegers[code];
    if (integerLength !== undefined) {
      const bytes = await this.#exactly(integerLength);
      return { code, integer: integerLength === 4 ? bytes.readInt32LE() : bytes.readUIntLE(0, integerLength) };
    }
    switch (code) {
      case 0x58: // BINUNICODE
        return { code, text: await this.#text((await this.#exactly(4)).readUInt32LE()) };
      case 0x8c: // SHORT_BINUNICODE
        return { code, text: await this.#text((await this.#exactly(1)).readUInt8()) };
      case 0x8a: {
        // LONG1
        const bytes = await this.#exactly((await this.#exactly(1)).readUInt8());
        if (bytes.length > 6) throw this.#problem("a label is too large");
        return { code, integer: bytes.length === 0 ? 0 : bytes.readUIntLE(0, bytes.length) };
      }
      case 0x80: // PROTO
      case 0x71: // BINPUT
      case 0x68: // BINGET
        await this.#exactly(1);
        return { code };
      case 0x72: // LONG_BINPUT
      case 0x6a: // LONG_BINGET
        await this.#exactly(4);
        return { code };
      case 0x95: // FRAME
        await this.#exactly(8);
        return { code };
      case 0x7d: // EMPTY_DICT
      case 0x28: // MARK
      case 0x75: // SETITEMS
      case 0x73: // SETITEM
      case 0x4e: // NONE
      case 0x94: // MEMOIZE
      case 0x29: // EMPTY_TUPLE
      case 0x81: // NEWOBJ
      case 0x93: // STACK_GLOBAL
      case 0x62: // BUILD
      case 0x2e: // STOP
        return { code };
      default:
        throw this.#problem(`0x${code.toString(16)} is not of Chroma's making`);
    }
  }

  async #text(length: number): Promise<string> {
    if (length > textLimit) throw this.#problem(`an id of ${length} bytes`);
    return (await this.#exactly(length)).toString("utf8");
  }

  async #exactly(length: number): Promise<Buffer> {
    const bytes = await this.#take(length);
    if (bytes === undefined) throw this.#problem("it is cut off");
    return bytes;
  }

  /** Undefined where it ends before. */
  async #take(length: number): Promise<Buffer | undefined> {
    if (this.#rest.length < length) {
      const pieces = [this.#rest];
      let have = this.#rest.length;
      while (have < length) {
        const { value, done } = await this.#chunks.next();
        if (done === true) return undefined;
        pieces.push(value);
        have += value.length;
      }
      this.#rest = Buffer.concat(pieces);
    }
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return taken;
  }
}
