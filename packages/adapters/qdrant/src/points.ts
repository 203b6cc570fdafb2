import { MultisetDigest, RowHash } from "@sutazai/backup-formats";
import { z } from "zod";
import { canonicalJson, parseExact } from "./json.ts";

/** A vector of any kind that Qdrant knows. */
export type Vector =
  | readonly number[]
  | readonly (readonly number[])[]
  | { readonly indices: readonly number[]; readonly values: readonly number[] };

export interface Point {
  /** As JSON has it, so that 64 bits fit: `7`, `"00000000-…"`. */
  readonly id: string;
  /** By name; the one without a name is named by the empty string. */
  readonly vectors: Readonly<Record<string, Vector>>;
  readonly payload: unknown;
}

const numbers = z.array(z.number());
const vectorSchema: z.ZodType<Vector> = z.union([
  numbers,
  z.array(numbers),
  z.object({ indices: numbers, values: numbers }),
]);
const namedSchema = z.record(z.string(), vectorSchema);

/** Throws `SyntaxError` or `TypeError` for what is no point. */
export function parsePoint(text: string): Point {
  const point = parseExact(text) as { id?: unknown; vector?: unknown; payload?: unknown } | null;
  const id = point?.id;
  if (typeof id !== "number" && typeof id !== "bigint" && typeof id !== "string")
    throw new TypeError("a point has no id");
  return {
    id: typeof id === "string" ? JSON.stringify(id) : String(id),
    vectors: vectorsOf(point?.vector),
    payload: point?.payload ?? {},
  };
}

function vectorsOf(vector: unknown): Readonly<Record<string, Vector>> {
  if (vector === undefined || vector === null) return {};
  if (Array.isArray(vector)) return { "": checked(vector as unknown[]) };
  return namedSchema.parse(vector);
}

/** The frequent case without a schema, for it is most of an export. */
function checked(vector: readonly unknown[]): Vector {
  return vector.every((value) => typeof value === "number") ? vector : vectorSchema.parse(vector);
}

/**
 * The content of a collection in no order. Vectors count as the float32 that they are. Numbers with a fraction in payloads
 * count as float32 too: the server itself reads the last digits of a double differently from what it has written, so that
 * an export that came back whole would otherwise look changed.
 */
export class PointDigest {
  readonly #digest = new MultisetDigest();
  readonly #row = new RowHash();
  #floats = new Float32Array(1024);

  get count(): number {
    return this.#digest.count;
  }

  add({ id, vectors, payload }: Point): void {
    this.#row.reset();
    this.#text(id);
    for (const name of Object.keys(vectors).sort()) {
      this.#text(name);
      this.#vector(vectors[name] ?? []);
    }
    this.#text(canonicalJson(payload, asSingle));
    this.#digest.add(this.#row);
  }

  toString(): string {
    return this.#digest.toString();
  }

  #vector(vector: Vector): void {
    if ("indices" in vector) {
      const order = vector.indices
        .map((_, at) => at)
        .sort((a, b) => (vector.indices[a] ?? 0) - (vector.indices[b] ?? 0));
      // Up to 2^32, which a float32 cannot hold.
      this.#text(order.map((at) => vector.indices[at]).join(","));
      this.#numbers(order.map((at) => vector.values[at] ?? 0));
    } else if (typeof vector[0] === "object") {
      this.#text(String(vector.length));
      for (const row of vector as readonly (readonly number[])[]) this.#numbers(row);
    } else {
      this.#numbers(vector as readonly number[]);
    }
  }

  #numbers(values: readonly number[]): void {
    if (this.#floats.length < values.length) this.#floats = new Float32Array(values.length * 2);
    // Adding 0 makes of a negative zero a positive one: JSON loses its sign at times.
    for (let at = 0; at < values.length; at++) this.#floats[at] = (values[at] ?? 0) + 0;
    this.#text(String(values.length));
    this.#row.update(new Uint8Array(this.#floats.buffer, 0, values.length * 4));
  }

  /** With its length before it: nothing runs into what follows. */
  #text(text: string): void {
    const bytes = Buffer.from(text);
    this.#row.update(Buffer.from(`${bytes.length}:`));
    this.#row.update(bytes);
  }
}

function asSingle(value: number): number {
  return Number.isSafeInteger(value) ? value : Math.fround(value);
}
