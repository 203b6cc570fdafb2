// The layout of frames and blocks: RFC 8878, https://www.rfc-editor.org/rfc/rfc8878.html#section-3
const frameMagic = 0xfd2fb528;
const skippableMagic = 0x184d2a50;

/** What begins with these four bytes; undefined for anything that is not zstd. */
export function frameKindOf(magic: Uint8Array): "data" | "skippable" | undefined {
  const value = littleEndian(magic);
  if (value === frameMagic) return "data";
  // The lowest four bits are free.
  return value - (value % 16) === skippableMagic ? "skippable" : undefined;
}

/**
 * Finds the end of one frame without decompressing it. Node's zstd stream must not be asked: given two frames at once it gives out the first and
 * drops the second without a word (seen with 22 and 24).
 */
export class FrameWalk {
  readonly #steps: Generator<Step, void, Uint8Array> = stepsOf();
  /** Of the part to be looked at: its bytes so far. */
  readonly #seen: Uint8Array = new Uint8Array(8);
  #seenLength = 0;
  #step: Step | undefined;

  constructor() {
    this.#advance();
  }

  get isDone(): boolean {
    return this.#step === undefined;
  }

  /** How many of the bytes, from the first on, belong to the frame. Called with all of it, piece by piece. Throws a `RangeError` for a frame that cannot be walked. */
  take(bytes: Uint8Array): number {
    let position = 0;
    while (this.#step !== undefined && position < bytes.length) {
      const step = this.#step;
      const length = Math.min(step.length, bytes.length - position);
      if (step.look) {
        this.#seen.set(bytes.subarray(position, position + length), this.#seenLength);
        this.#seenLength += length;
      }
      step.length -= length;
      position += length;
      if (step.length === 0) this.#advance();
    }
    return position;
  }

  #advance(): void {
    do {
      const next = this.#steps.next(this.#seen.subarray(0, this.#seenLength));
      this.#seenLength = 0;
      this.#step = next.done === true ? undefined : next.value;
    } while (this.#step?.length === 0);
  }
}

/** The next `length` bytes, to be looked at (8 at most) or passed over. */
interface Step {
  readonly look: boolean;
  length: number;
}

const look = (length: number): Step => ({ look: true, length });
const pass = (length: number): Step => ({ look: false, length });

function* stepsOf(): Generator<Step, void, Uint8Array> {
  if (frameKindOf(yield look(4)) === "skippable") {
    yield pass(littleEndian(yield look(4)));
    return;
  }
  const [descriptor = 0] = yield look(1);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const hasChecksum = (descriptor & 0x04) !== 0;
  const dictionaryIdLength = [0, 1, 2, 4][descriptor & 0x03]!;
  const contentSizeLength = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >>> 6]!;
  yield pass((isSingleSegment ? 0 : 1) + dictionaryIdLength + contentSizeLength);

  for (let isLast = false; !isLast;) {
    const header = littleEndian(yield look(3));
    isLast = (header & 1) === 1;
    const type = (header >>> 1) & 3;
    if (type === blockTypes.reserved) throw new RangeError("a block is of no known type");
    yield pass(type === blockTypes.repeated ? 1 : header >>> 3);
  }
  yield pass(hasChecksum ? 4 : 0);
}

const blockTypes = { repeated: 1, reserved: 3 } as const;

function littleEndian(bytes: Uint8Array): number {
  return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
}
