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

/** Replaces every occurrence of the secrets in a text that comes from elsewhere (a tool's standard error, a server's message). */
export function redact(text: string, secrets: readonly (Secret | undefined)[]): string {
  return secrets.reduce((result, secret) => {
    const value = secret?.reveal();
    return value === undefined || value === "" ? result : result.replaceAll(value, redacted);
  }, text);
}
