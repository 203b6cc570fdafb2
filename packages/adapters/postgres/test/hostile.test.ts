import { isBackupError, type Bytes, type Json } from "@sutazai/backup-core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DumpReader } from "../src/dump/facts.ts";
import { parseTocHeader } from "../src/dump/names.ts";
import { DumpSplitter } from "../src/dump/rewrite.ts";
import { parseStatements } from "../src/dump/statements.ts";
import { postgresAdapter } from "../src/index.ts";
import { cutAt, sampleDump } from "./dump/sample.ts";

const sample = Buffer.from(sampleDump);
const begin = "--\n-- PostgreSQL database dump\n--\n";
const end = "\n--\n-- PostgreSQL database dump complete\n--\n";
const mebibyte = 1024 * 1024;

/** Why it is refused; undefined where it is not. Anything but a BackupError fails the test. */
function refusalOf(read: () => void): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (!isBackupError(error)) throw error;
    return error.reason;
  }
}

function readAll(...chunks: readonly (string | Uint8Array)[]): void {
  const reader = new DumpReader();
  for (const chunk of chunks) reader.push(Buffer.from(chunk));
  reader.finish();
}

/** What there is of memory beside what is in use before: garbage included, so that a limit must be generous. */
function memoryNow(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const syntax = fc.constantFrom(
  "/*",
  "*/",
  "$$",
  "$a$",
  "$",
  "'",
  "E'",
  '"',
  "\\",
  "\\.\n",
  "--",
  ";",
  "(",
  ")",
  "\n",
  "\0",
  'COPY "a"."b" ("c") FROM stdin;\n',
  "COPY ",
  " FROM stdin;",
  "\\restrict x\n",
  "\\connect x\n",
  "-- Name: a; Type: TABLE; Schema: b; Owner: c\n",
  "; Type: ",
  "; Schema: ",
  "; Owner: ",
  "CREATE TABLE a ();\n",
  "SET client_encoding = 'EUC_JP';\n",
  "SET client_encoding = 'NONE_SUCH';\n",
  begin,
  end,
  "\u{10ffff}",
  "\ufffd",
);
const pieces = fc.array(fc.oneof(syntax, fc.string({ maxLength: 8 })), { maxLength: 60 });
const mutated = fc
  .array(fc.tuple(fc.nat(sample.length), fc.nat(200), fc.oneof(pieces, fc.constant(undefined))), {
    minLength: 1,
    maxLength: 4,
  })
  .map((changes) =>
    changes.reduce((bytes, [at, length, inserted]) => {
      const from = Math.min(at, bytes.length);
      // Without something to insert, a piece is there twice.
      const [between, rest] =
        inserted === undefined
          ? [bytes.subarray(from, from + length), bytes.subarray(from)]
          : [Buffer.from(inserted.join("")), bytes.subarray(from + length)];
      return Buffer.concat([bytes.subarray(0, from), between, rest]);
    }, sample),
  );
const dumps = fc.oneof(
  mutated,
  pieces.map((parts) => Buffer.from(begin + parts.join(""))),
  pieces.map((parts) => Buffer.from(begin + parts.join("") + end)),
);

describe("a hostile dump", () => {
  test("of any making is refused, or has the same facts however it is cut", () => {
    fc.assert(
      fc.property(dumps, fc.array(fc.nat(), { maxLength: 30 }), (dump, places) => {
        const facts = (chunks: readonly Uint8Array[]) => {
          const reader = new DumpReader();
          try {
            for (const chunk of chunks) reader.push(chunk);
            return reader.finish();
          } catch (error) {
            if (isBackupError(error)) return error.reason;
            throw error;
          }
        };
        expect(facts(cutAt(dump, places))).toEqual(facts([dump]));
      }),
      { numRuns: 2_000 },
    );
  });

  test("never has the splitter give more than it was given, nor the statements", async () => {
    await fc.assert(
      fc.asyncProperty(dumps, async (dump) => {
        let given = 0;
        let statements = 0;
        const splitter = new DumpSplitter(bytesOf(cutAt(dump, [dump.length >> 1])));
        try {
          for await (const piece of splitter.content()) given += piece.length;
        } catch (error) {
          if (!isBackupError(error)) throw error;
        }
        for (const statement of splitter.databaseStatements) statements += statement.length;
        // A line end is added behind each statement, which has a byte at least.
        expect(given + statements).toBeLessThanOrEqual(dump.length * 4);
        refusalOf(() => parseStatements(dump));
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ["comments within comments", `SELECT ${"/*".repeat(5_000_000)}`],
    ["parentheses within parentheses", `SELECT ${"(".repeat(5_000_000)}`],
    ["dollar quotes that nearly end", `SELECT $a$${"$a".repeat(2_500_000)}`],
    ["dollar quotes that never begin", `SELECT ${"$a ".repeat(2_000_000)}`],
    ["strings of quotes", `SELECT '${"''".repeat(2_500_000)}`],
    ["escapes of escapes", `SELECT E'${"\\\\".repeat(2_500_000)}`],
    ["rows that nearly end", `COPY "a"."b" ("c") FROM stdin;\n${"\\.x\n".repeat(1_000_000)}`],
    ["a row without an end", `COPY "a"."b" ("c") FROM stdin;\n${"x".repeat(5_000_000)}`],
    ["slashes", `SELECT ${"/".repeat(5_000_000)}`],
  ])("of %s costs no more than its length, and is refused where it does not end", (_, text) => {
    const bytes = Buffer.from(begin + text);
    const chunks = Array.from({ length: Math.ceil(bytes.length / 65_536) }, (_chunk, index) =>
      bytes.subarray(index * 65_536, (index + 1) * 65_536),
    );
    expect(refusalOf(() => readAll(...chunks))).toBe("corrupt");
  });

  test("whose comments look like headers again and again costs no more than its length", () => {
    // One pattern for the whole header took half a second for each of these lines.
    for (const repeated of ["; Type: A; Schema: ", "; Type: A", "; Owner: ; Type: A; Schema", "; Schema: ; Owner: "]) {
      const line = `-- Name: ${repeated.repeat(60_000 / repeated.length)}\n`;
      expect(refusalOf(() => readAll(begin, line.repeat(100), end))).toBeUndefined();
    }
  });

  test("has its headers read as one pattern would, were there no hostile lines", () => {
    const pattern =
      /^-- (?:[A-Z][a-z]+ for )?Name: (.*); Type: ([A-Z][A-Z ]*); Schema: (.*?); Owner: (.*?)(?:; Tablespace: (.*))?$/s;
    const part = fc.constantFrom(
      "; Type: ",
      "; Type: A",
      "; Schema: ",
      "; Owner: ",
      "; Tablespace: ",
      "A",
      " ",
      "-",
      "b",
    );
    const lines = fc
      .tuple(fc.constantFrom("-- Name: ", "-- Data for Name: ", "--"), fc.array(part, { maxLength: 14 }))
      .map(([start, parts]) => start + parts.join(""));
    fc.assert(
      fc.property(lines, (line) => {
        const [, name, type, schema, , tablespace = ""] = pattern.exec(line) ?? [];
        const expected =
          name === undefined ? undefined : { name, type, schema: schema === "-" ? "" : schema, tablespace };
        expect(parseTocHeader(line)).toEqual(expected);
      }),
      { numRuns: 20_000 },
    );
  });

  test("without a line end, in a row or a statement, is held nowhere", () => {
    for (const start of [
      'COPY "a"."b" ("c") FROM stdin;\n',
      "SELECT '",
      "SELECT /*",
      "SELECT $a$",
      "SELECT ",
      'SELECT "',
    ]) {
      const reader = new DumpReader();
      reader.push(Buffer.from(begin + start));
      const chunk = Buffer.alloc(mebibyte, "x");
      const before = memoryNow();
      for (let count = 0; count < 128; count++) reader.push(chunk);
      expect(memoryNow() - before).toBeLessThan(64 * mebibyte);
      expect(refusalOf(() => void reader.finish())).toBe("corrupt");
    }
  });

  test("of objects without number is refused before their names fill the memory", () => {
    const reader = new DumpReader();
    reader.push(Buffer.from(begin));
    let objects = 0;
    const reason = refusalOf(() => {
      for (;;) {
        const name = `${"n".repeat(8_000)}${objects++}`;
        reader.push(Buffer.from(`-- Name: ${name}; Type: TABLE; Schema: -; Owner: \n\nSELECT;\n`));
      }
    });
    expect(reason).toBe("unsupported");
    expect(objects * 8_000).toBeLessThan(65 * mebibyte);
  });
});

describe("inspectArtifact", () => {
  const adapter = postgresAdapter({ name: "db", container: "none" });
  const inspect = async (name: string, content: Bytes, details: Json) => {
    try {
      await adapter.inspectArtifact(name, content, { details, signal: new AbortController().signal });
    } catch (error) {
      if (!isBackupError(error)) throw error;
      expect(error.database).toBe("db");
      return error.reason;
    }
    return undefined;
  };

  test("of any name, content and details ends in order", async () => {
    const names = fc.oneof(
      fc.constantFrom("globals.sql", "databases/app.sql", "databases/../../x.sql", "__proto__", "constructor", "", "/"),
      fc.string(),
    );
    const details = fc.oneof(
      fc.json().map((json) => JSON.parse(json) as Json),
      fc.constant<Json>({ bootstrapUser: "", databases: [], roles: [], tablespaces: [], digests: {} }),
    );
    await fc.assert(
      fc.asyncProperty(names, dumps, details, async (name, dump, known) => {
        expect([undefined, "corrupt"]).toContain(await inspect(name, bytesOf([dump]), known));
      }),
      { numRuns: 500 },
    );
  });
});

async function* bytesOf(chunks: readonly Uint8Array[]): Bytes {
  yield* chunks;
}
