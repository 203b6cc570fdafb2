import type { Json } from "@sutazai/backup-core";
import neo4j from "neo4j-driver";

/**
 * A property's value as JSON that tells every type apart and loses nothing: texts, booleans and lists as they are, everything else as an object whose
 * one field names the type. The same value gives the same JSON, wherever it was read. Throws for a type that is not known here.
 */
export function valueAsJson(value: unknown): Json {
  if (typeof value === "string" || typeof value === "boolean" || value === null) return value;
  if (typeof value === "bigint") return { integer: value.toString() };
  if (typeof value === "number") return { float: floatText(value) };
  if (Array.isArray(value)) return listAsJson(value);
  if (ArrayBuffer.isView(value)) return { bytes: base64(value) };
  if (typeof value === "object") {
    for (const { name, is, json } of structures) if (is(value)) return { [name]: json(value as never) };
  }
  throw new Error(`a property has a type that is not known here: ${Object.prototype.toString.call(value)}`);
}

/** Properties by name, in the order of their names. */
export function propertiesAsJson(properties: Readonly<Record<string, unknown>>): Json {
  return Object.fromEntries(
    Object.keys(properties)
      .sort()
      .map((name) => [name, valueAsJson(properties[name])]),
  );
}

/** Vectors of numbers are most of what an AI platform keeps: eight bytes each, little endian, instead of a text. */
function listAsJson(list: readonly unknown[]): Json {
  if (list.length === 0 || !list.every((each) => typeof each === "number")) return list.map(valueAsJson);
  return { floats: base64(Float64Array.from(list, (each) => (Number.isNaN(each) ? Number.NaN : each))) };
}

function floatText(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

function base64({ buffer, byteOffset, byteLength }: ArrayBufferView): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("base64");
}

interface Structure {
  readonly name: string;
  readonly is: (value: object) => boolean;
  readonly json: (value: never) => Json;
}

interface PointLike {
  readonly srid: unknown;
  readonly x: number;
  readonly y: number;
  readonly z?: number;
}

interface VectorLike {
  asTypedArray(): ArrayBufferView;
}

/** Temporal values have a text of their own (ISO 8601, to the nanosecond, with the zone's name). */
const structures: readonly Structure[] = [
  { name: "date", is: neo4j.isDate, json: String },
  { name: "time", is: neo4j.isTime, json: String },
  { name: "localTime", is: neo4j.isLocalTime, json: String },
  { name: "dateTime", is: neo4j.isDateTime, json: String },
  { name: "localDateTime", is: neo4j.isLocalDateTime, json: String },
  { name: "duration", is: neo4j.isDuration, json: String },
  { name: "uuid", is: neo4j.isUUID, json: String },
  {
    name: "point",
    is: neo4j.isPoint,
    json: ({ srid, x, y, z }: PointLike) => [
      String(srid),
      floatText(x),
      floatText(y),
      ...(z === undefined ? [] : [floatText(z)]),
    ],
  },
  {
    name: "vector",
    is: neo4j.isVector,
    json: (vector: VectorLike) => {
      const numbers = vector.asTypedArray();
      return [numbers.constructor.name, base64(numbers)];
    },
  },
];
