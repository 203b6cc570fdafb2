/**
 * JSON as Qdrant writes it: ids are unsigned integers of 64 bits, and payloads may hold signed ones. What a double cannot hold
 * comes as a `bigint`.
 */
export function parseExact(text: string): unknown {
  // Rare, and reading with a reviver takes several times as long. A false alarm (digits in a string) costs only that.
  if (!/[:,[]\s*-?\d{16,}(?![\d.eE])/.test(text)) return JSON.parse(text);
  return (JSON.parse as ParseWithSource)(text, (_key, value, { source }) =>
    typeof value === "number" && !Number.isSafeInteger(value) && source !== undefined && /^-?\d+$/.test(source)
      ? BigInt(source)
      : value,
  );
}

/** The reviver's third argument is newer than TypeScript's library: https://github.com/tc39/proposal-json-parse-with-source */
type ParseWithSource = (
  text: string,
  reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
) => unknown;

/** The server itself reads no JSON that is nested deeper than 128 levels. */
const deepest = 200;

/** Equal values make equal texts: keys sorted, numbers as `number` shows them. Throws `SyntaxError` for what is nested too deeply. */
export function canonicalJson(
  value: unknown,
  number: (value: number) => number = (same) => same,
  levels: number = deepest,
): string {
  if (typeof value === "number") return String(number(value));
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  assertLevels(levels);
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item, number, levels - 1)).join(",")}]`;
  const fields = Object.keys(value)
    .sort()
    .map(
      (key) => `${JSON.stringify(key)}:${canonicalJson((value as Record<string, unknown>)[key], number, levels - 1)}`,
    );
  return `{${fields.join(",")}}`;
}

/** Without fields that are null: the server writes some of them at times and leaves them out at others. Throws as {@link canonicalJson}. */
export function withoutNulls(value: unknown, levels: number = deepest): unknown {
  if (typeof value !== "object" || value === null) return value;
  assertLevels(levels);
  if (Array.isArray(value)) return value.map((item: unknown) => withoutNulls(item, levels - 1));
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]) => (item === null ? [] : [[key, withoutNulls(item, levels - 1)]])),
  );
}

function assertLevels(levels: number): void {
  if (levels === 0) throw new SyntaxError(`it is nested deeper than ${deepest} levels`);
}
