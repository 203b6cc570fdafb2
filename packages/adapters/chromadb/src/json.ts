/** A number that would be another one if it were read and written again: its text, as it stood. */
export interface Verbatim {
  readonly rawJSON: string;
}

/** JSON as a server wrote it: `1.0` stays a number with a fraction, and integers of 64 bits stay what they are, as {@link Verbatim}. */
export function parseExact(text: string): unknown {
  return newer.parse(text, (_key, value, { source }) =>
    typeof value === "number" && source !== undefined && String(value) !== source ? newer.rawJSON(source) : value,
  );
}

/** As it was read, to the last digit. */
export function stringifyExact(value: unknown): string {
  return JSON.stringify(value);
}

export function isVerbatim(value: unknown): value is Verbatim {
  return newer.isRawJSON(value);
}

export function verbatim(text: string): Verbatim {
  return newer.rawJSON(text);
}

/** Newer than TypeScript's library: https://github.com/tc39/proposal-json-parse-with-source */
const newer = JSON as unknown as {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): Verbatim;
  isRawJSON(value: unknown): boolean;
};

/** Equal values make equal texts, whoever wrote them: keys sorted, integers and numbers with a fraction told apart. */
export function canonicalJson(value: unknown): string {
  if (typeof value === "number") return numberText(String(value));
  if (typeof value === "bigint") return `i${value}`;
  if (value instanceof Real) return realText(value.value);
  if (isVerbatim(value)) return numberText(value.rawJSON);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson((value as Record<string, unknown>)[key])}`);
  return `{${fields.join(",")}}`;
}

/** A number with a fraction, though it may have none just now. */
export class Real {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

function numberText(source: string): string {
  return /^-?\d+$/.test(source) ? `i${BigInt(source)}` : realText(Number(source));
}

function realText(value: number): string {
  return Object.is(value, -0) ? "f-0" : `f${value}`;
}
