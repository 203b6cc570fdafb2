import { inspect } from "node:util";
import { z } from "zod";

const redacted = "**redacted**";

/**
 * A value that must not be seen. It prints as `**redacted**` wherever it is turned into text by accident
 * (template, JSON, `console.log`, an error's details); `reveal()` is the only way in.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return redacted;
  }

  toJSON(): string {
    return redacted;
  }

  static {
    Object.defineProperty(this.prototype, inspect.custom, { value: () => redacted });
  }
}

/** For the options of adapters. Takes a secret of any copy of this package. */
export const secretSchema: z.ZodType<Secret> = z.custom<Secret>(
  (value) => typeof value === "object" && value !== null && "reveal" in value && typeof value.reveal === "function",
  "expected a Secret",
);

/**
 * Replaces every occurrence of the secrets in a text that comes from elsewhere (a tool's standard error, a server's message): as they are, percent-encoded, escaped
 * by backslashes as in JSON, and in base64.
 */
export function redact(text: string, secrets: readonly (Secret | undefined)[]): string {
  const given = secrets.filter((secret) => secret !== undefined && secret.reveal() !== "") as Secret[];
  // One may be a part of another.
  const longestFirst = given.toSorted((a, b) => b.reveal().length - a.reveal().length);
  return longestFirst.reduce((result, secret) => result.replaceAll(patternOf(secret), redacted), text);
}

const patterns = new WeakMap<Secret, RegExp>();

function patternOf(secret: Secret): RegExp {
  const known = patterns.get(secret);
  if (known !== undefined) return known;
  const value = secret.reveal();
  // A run of backslashes is one of any length: each escaping doubles it.
  const plain = (value.match(/\\+|./gsu) ?? []).map(inEveryForm).join("");
  const base64 = Buffer.from(value).toString("base64").replace(/=+$/, "");
  // A short one would be found in any digest.
  const pattern = new RegExp(base64.length < 8 ? plain : `${plain}|${literal(base64)}`, "g");
  patterns.set(secret, pattern);
  return pattern;
}

/** A character, however it was encoded. Letters and digits stay what they are. */
function inEveryForm(unit: string): string {
  if (/^[a-z\d]$/i.test(unit)) return unit;
  const bytes = [...Buffer.from(unit)].map((byte) => byte.toString(16).padStart(2, "0"));
  const percent = bytes.map((hex) => `%(?:${hex}|${hex.toUpperCase()})`).join("");
  if (unit.startsWith("\\")) return `(?:\\\\+|${percent})`;
  const inJson = [JSON.stringify(unit).slice(1, -1).replace(/^\\/, ""), `u00${bytes.join("")}`];
  const forms = [unit, ...inJson, ...(unit === " " ? ["+"] : [])].map(literal);
  return `\\\\*(?:${[...forms, percent].join("|")})`;
}

function literal(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}
