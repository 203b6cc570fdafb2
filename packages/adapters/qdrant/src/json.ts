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

/** Equal values make equal texts: keys sorted, numbers as `number` shows them. */
export function canonicalJson(value: unknown, number: (value: number) => number = (same) => same): string {
  if (typeof value === "number") return String(number(value));
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item, number)).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson((value as Record<string, unknown>)[key], number)}`);
  return `{${fields.join(",")}}`;
}

/** Without fields that are null: the server writes some of them at times and leaves them out at others. */
export function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]) => (item === null ? [] : [[key, withoutNulls(item)]])),
  );
}
