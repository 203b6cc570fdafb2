import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { redact, Secret } from "../src/index.ts";

const value = `p/+@ %$'"<\\\\&ü!`;
const secret = new Secret(value);

test("prints as redacted wherever it becomes text", () => {
  const shown = [String(secret), JSON.stringify({ secret }), inspect({ secret })];
  for (const text of shown) expect(text).not.toContain(value);
});

describe("redacting", () => {
  test.each([
    ["as it is", value],
    ["percent-encoded", encodeURIComponent(value)],
    ["in lower-case digits", encodeURIComponent(value).toLowerCase()],
    ["in a form", new URLSearchParams([["k", value]]).toString().slice(2)],
    ["in JSON", JSON.stringify(value).slice(1, -1)],
    ["in JSON within JSON", JSON.stringify(JSON.stringify(value)).slice(3, -3)],
    ["in the JSON of others", value.replaceAll("\\", "\\\\").replace("<", "\\u003c").replace("&", "\\u0026")],
    ["in base64", Buffer.from(value).toString("base64")],
  ])("%s", (_, form) => {
    expect(redact(`before ${form}, after`, [secret])).toMatch(/^before \*\*redacted\*\*=*, after$/);
  });

  test("a secret that is a part of another leaves nothing of it", () => {
    expect(redact("abcdef", [new Secret("abc"), new Secret("abcdef")])).toBe("**redacted**");
  });

  test("nothing is no secret, and what only resembles one stays", () => {
    expect(redact("as it was", [undefined, new Secret("")])).toBe("as it was");
    expect(redact("a.c abc", [new Secret("a.c")])).toBe("**redacted** abc");
  });

  test("any secret, in any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1 }), fc.string(), (any, around) => {
        const clean = redact(`${around}\u0000${any}\u0000${around}`, [new Secret(any)]);
        expect(clean).toContain("**redacted**");
      }),
    );
  });

  test("a text full of backslashes takes no time", () => {
    expect(redact("\\".repeat(50_000), [new Secret("a\\\\\\b\\c")])).toHaveLength(50_000);
  });
});
