import fc from "fast-check";

/** Anything at all, and more often what has hurt somebody. */
export const hostile: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "binary", maxLength: 400 }),
  fc.string({
    unit: fc.constantFrom("a", "A", ".", "/", "%", "~", "-", " ", "\n", "\0", "ä", "\ud800", "\\"),
    maxLength: 12,
  }),
  fc.constantFrom(
    "..",
    ".",
    "",
    "-rf",
    "CON",
    "con.sql",
    "manifest.json",
    "annotations",
    "a".repeat(600),
    "ü".repeat(200),
    "%2E",
    "..//..",
    "/etc/passwd",
    "vector-databases",
    "log.jsonl",
    "lost+found",
  ),
);
