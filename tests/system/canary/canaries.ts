import { randomBytes } from "node:crypto";

/** A canary that was seen, and where. */
export interface Sighting {
  readonly canary: string;
  readonly where: string;
}

/**
 * Secrets that are found again in whatever form they went into. Each has a core of letters and digits, which no percent-encoding, quoting or escaping
 * touches, so one search finds them all, and a part that a redaction left as well. Base64 and hexadecimal digits are searched for besides.
 */
export class Canaries {
  readonly #forms = new Map<string, readonly string[]>();

  /** A new one. What follows its core has to be encoded in a URL, in JSON, in XML and in a shell. */
  plant(name: string, rest = `/+@ %$'"<\\&`): string {
    return this.adopt(name, `canary${randomBytes(10).toString("hex")}${rest}`);
  }

  /** For where an address or a header takes no others. */
  plantPlain(name: string): string {
    return this.plant(name, "");
  }

  /** A secret that somebody else made: its longest run of letters and digits is its core. */
  adopt(name: string, value: string): string {
    const [core = ""] = (value.match(/[a-z\d]+/gi) ?? []).toSorted((a, b) => b.length - a.length);
    if (core.length < 16) throw new Error(`the canary ${name} is too short to be told from anything else`);
    this.#forms.set(name, [core, ...inBase64(core), Buffer.from(core).toString("hex")]);
    return value;
  }

  /** The names of those that a text holds, also where lines are broken within them, as mail does. */
  in(text: string): string[] {
    const whole = text.replaceAll(/=?\r?\n[ \t]*/g, "");
    return [...this.#forms].flatMap(([name, forms]) =>
      forms.some((form) => text.includes(form) || whole.includes(form)) ? name : [],
    );
  }
}

/** What base64 makes of a text, wherever in a group of three bytes it begins, without the characters that depend on its neighbours. */
function inBase64(text: string): string[] {
  return [0, 1, 2].map((before) => {
    const encoded = Buffer.from("x".repeat(before) + text).toString("base64");
    return encoded.slice(Math.ceil((before * 8) / 6), Math.floor(((before + text.length) * 8) / 6));
  });
}
