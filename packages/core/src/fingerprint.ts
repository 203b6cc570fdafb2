import { z } from "zod";

import { recordOf } from "./json.ts";

/**
 * One fact about a database's content. Never guessed: `exact` was computed from the captured bytes or from a database
 * nobody was writing to; `bounds` are the values before and after a capture under writers; `absent` says why it is not known.
 */
export type Fact =
  | { readonly exact: string | number | boolean }
  | { readonly bounds: readonly [before: number, after: number] }
  | { readonly absent: string };

/** Facts by name. A name says what it is about: `database:app/table:public.users`. */
export type Fingerprint = Readonly<Record<string, Fact>>;

export const fingerprintSchema: z.ZodType<Fingerprint> = recordOf<Fact>(
  z.union([
    z.strictObject({ exact: z.union([z.string(), z.number(), z.boolean()]) }),
    z.strictObject({ bounds: z.tuple([z.number(), z.number()]) }),
    z.strictObject({ absent: z.string() }),
  ]),
);

/** One way in which two fingerprints differ. */
export interface FingerprintDifference {
  readonly fact: string;
  readonly problem: "different" | "outside-bounds" | "missing" | "unexpected";
  readonly expected: Fact | undefined;
  readonly actual: Fact | undefined;
}

/**
 * Compares what was recorded with what was found. An exact fact must be found exactly so, bounds must hold the value
 * found, an absent one proves nothing either way; a fact found that was not recorded is `unexpected`.
 */
export function compareFingerprints(expected: Fingerprint, actual: Fingerprint): FingerprintDifference[] {
  const names = [...new Set([...Object.keys(expected), ...Object.keys(actual)])].sort();
  return names.flatMap((fact) => {
    const pair = { expected: factOf(expected, fact), actual: factOf(actual, fact) };
    const problem = compareFacts(pair.expected, pair.actual);
    return problem === undefined ? [] : [{ fact, problem, ...pair }];
  });
}

// A fact may be called `constructor`: names come from databases.
function factOf(fingerprint: Fingerprint, name: string): Fact | undefined {
  return Object.hasOwn(fingerprint, name) ? fingerprint[name] : undefined;
}

function compareFacts(
  expected: Fact | undefined,
  actual: Fact | undefined,
): FingerprintDifference["problem"] | undefined {
  if (expected === undefined) return "unexpected";
  if ("absent" in expected) return undefined;
  if (actual === undefined || "absent" in actual) return "missing";
  if ("exact" in expected) {
    return "exact" in actual && actual.exact === expected.exact ? undefined : "different";
  }
  const [low, high] = range(expected.bounds);
  const found = "exact" in actual ? actual.exact : actual.bounds;
  if (typeof found === "number") return found >= low && found <= high ? undefined : "outside-bounds";
  if (typeof found === "object") {
    const [foundLow, foundHigh] = range(found);
    return foundLow <= high && foundHigh >= low ? undefined : "outside-bounds";
  }
  return "different";
}

function range(bounds: readonly [number, number]): [number, number] {
  return [Math.min(...bounds), Math.max(...bounds)];
}

/** `table:public.users: expected 5:ab…, found 4:cd…`, one line. */
export function describeDifference({ fact, problem, expected, actual }: FingerprintDifference): string {
  const show = (value: Fact | undefined) =>
    value === undefined
      ? "nothing"
      : "exact" in value
        ? String(value.exact)
        : "bounds" in value
          ? `${value.bounds[0]}–${value.bounds[1]}`
          : `unknown (${value.absent})`;
  return `${fact}: ${problem}, expected ${show(expected)}, found ${show(actual)}`;
}
