import { z } from "zod";

/** A value as JSON holds it. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** A value as JSON keeps it: what has no place there (undefined, functions) is left out, secrets are redacted. */
export function toJson(value: object): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}

/** Nothing that is written here is nested as deeply. Whoever walks a value that was read may recurse so far. */
const deepest = 64;

/**
 * Any JSON, as it was parsed, nested up to 64 levels. For what comes from outside: `z.json()` overflows the stack on a file of brackets.
 */
export const jsonSchema: z.ZodType<Json> = z.custom<Json>(
  (value) => isJson(value, deepest),
  `Invalid input: expected JSON of at most ${deepest} levels`,
);

function isJson(value: unknown, levels: number): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || value === null) return ["string", "boolean", "object"].includes(typeof value);
  if (levels === 0) return false;
  return (Array.isArray(value) ? value : Object.values(value)).every((item) => isJson(item, levels - 1));
}

/**
 * An array of any length. Unlike `z.array` it stops at the first element that is wrong: what comes from outside could make
 * millions of complaints, and fill the memory with them. The elements are kept as they are, so their schema must not change them.
 */
export function listOf<T>(element: z.ZodType<T>): z.ZodType<T[]> {
  return z.array(z.unknown()).superRefine((items, context) => {
    complainOnce(items.entries(), element, context);
  }) as unknown as z.ZodType<T[]>;
}

/** An object of any number of keys; stops at the first value that is wrong, as {@link listOf} does. */
export function recordOf<T>(value: z.ZodType<T>): z.ZodType<Record<string, T>> {
  return z.record(z.string(), z.unknown()).superRefine((members, context) => {
    complainOnce(Object.entries(members), value, context);
  }) as unknown as z.ZodType<Record<string, T>>;
}

function complainOnce(
  items: Iterable<readonly [key: string | number, item: unknown]>,
  schema: z.ZodType,
  context: z.RefinementCtx,
): void {
  for (const [key, item] of items) {
    const issue = schema.safeParse(item).error?.issues[0];
    if (issue === undefined) continue;
    context.addIssue({ code: "custom", path: [key, ...issue.path], message: issue.message });
    return;
  }
}
