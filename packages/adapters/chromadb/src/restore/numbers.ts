import { isVerbatim, verbatim } from "../json.ts";

/** A value in which each number with a fraction is written so that the server comes to hold that very number. */
export function withNumbers(value: unknown, textOf: (number: number) => string | undefined): unknown {
  if (typeof value === "number" || isVerbatim(value)) {
    const text = typeof value === "number" ? String(value) : value.rawJSON;
    return /^-?\d+$/.test(text) ? value : verbatim(textOf(Number(text)) ?? text);
  }
  if (Array.isArray(value)) return value.map((item) => withNumbers(item, textOf));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withNumbers(item, textOf)]));
}
