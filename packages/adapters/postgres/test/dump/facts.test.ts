import { isBackupError } from "@sutazai/backup-core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DumpReader, tableKey, type DumpFacts } from "../../src/dump/facts.ts";
import { cutAt, sampleDump } from "./sample.ts";

const sample = Buffer.from(sampleDump);

function read(chunks: readonly Uint8Array[]): DumpFacts {
  const reader = new DumpReader();
  for (const chunk of chunks) reader.push(chunk);
  return reader.finish();
}

function refusal(chunks: readonly Uint8Array[]): unknown {
  try {
    read(chunks);
  } catch (error) {
    return error;
  }
  return undefined;
}

/** A dump of one table with these lines as rows, and one function with this body. */
function dumpOf(rows: readonly string[], body = ""): Buffer {
  return Buffer.from(`--
-- PostgreSQL database dump
--

--
-- Name: f(); Type: FUNCTION; Schema: public; Owner: app
--

CREATE FUNCTION "public"."f"() RETURNS "text" LANGUAGE "sql" AS $_X_$${body}$_X_$;

--
-- Data for Name: t; Type: TABLE DATA; Schema: public; Owner: app
--

COPY "public"."t" ("a") FROM stdin;
${rows.map((row) => `${row}\n`).join("")}\\.

--
-- PostgreSQL database dump complete
--
`);
}

// As COPY writes a value: no bare line break or backslash.
const row = fc
  .string({ unit: "binary" })
  .map((text) => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r"));
const body = fc.string({ unit: "binary" }).filter((text) => !text.includes("$_X_$") && !text.endsWith("$_X_"));

describe("a dump's facts", () => {
  test("are those of what really stands there", () => {
    const { facts, tables, largeObjects, rows } = read([sample]);
    expect(Object.keys(facts).toSorted()).toEqual([
      'acl:public.TABLE "t"',
      "blobs:70001",
      "function:public.atomic()",
      "function:public.f(integer)",
      "policy:public.t mine",
      "rule:public.r",
      "table-definition:public.t",
      'table:public."wei""rd\nname"',
      "table:public.t",
    ]);
    expect(facts['table:public."wei""rd\nname"']).toEqual({ exact: `0:${"0".repeat(32)}` });
    expect(facts["table:public.t"]).toMatchObject({ exact: expect.stringMatching(/^9:/) });
    expect(tables).toEqual(new Set([tableKey("public", "t"), tableKey("public", 'wei"rd\nname')]));
    expect({ largeObjects, rows }).toEqual({ largeObjects: 1, rows: 9 });
  });

  test("are the same for any cutting into pieces", () => {
    const whole = read([sample]);
    fc.assert(
      fc.property(fc.array(fc.nat(sample.length), { maxLength: 200 }), (places) => {
        expect(read(cutAt(sample, places))).toEqual(whole);
      }),
      { numRuns: 300 },
    );
    expect(read(cutAt(sample, [...sample.keys()]))).toEqual(whole);
  });

  test("do not depend on the name of the database", () => {
    const renamed = Buffer.from(sampleDump.replaceAll('"z""oo"', '"other"').replaceAll('z"oo', "other"));
    expect(read([renamed]).facts).toEqual(read([sample]).facts);
  });

  test("show every change of what is in the database, and `rest` every other change", () => {
    const whole = read([sample]);
    const changes: [string, string, "facts" | "rest"][] = [
      ["1\t\\\\.\n", "1\t\\\\,\n", "facts"],
      ["RETURN $$", "RETURN  $$", "facts"],
      ["GRANT SELECT ON TABLE", "GRANT UPDATE ON TABLE", "facts"],
      ["'\\x5c2e0a'", "'\\x5c2e0b'", "facts"],
      ["Tablespace: fast", "Tablespace: slow", "facts"],
      ['default_table_access_method = "heap"', 'default_table_access_method = "other"', "facts"],
      ["ENCODING = 'UTF8'", "ENCODING = 'UTF7'", "rest"],
      ['TO "writer"', 'TO "walter"', "rest"],
      ["-- Data for Name: t;", "-- Data for Name: u;", "rest"],
      ["\\unrestrict abc", "\\unrestrict abd", "rest"],
      ["SET statement_timeout = 0", "SET statement_timeout = 1", "rest"],
    ];
    for (const [from, to, where] of changes) {
      const changed = read([Buffer.from(sampleDump.replace(from, () => to))]);
      expect(changed[where], `${from} → ${to}`).not.toEqual(whole[where]);
    }
  });

  test("do not depend on the order in which a policy's roles are listed, but on which they are", () => {
    const listed = (roles: string) =>
      read([Buffer.from(sampleDump.replace('TO "reader", "writer" USING', `TO ${roles} USING`))]);
    expect(listed('"writer", "reader"').facts).toEqual(read([sample]).facts);
    expect(listed('"writer", "keeper"').facts).not.toEqual(read([sample]).facts);
    expect(listed('"reader"').facts).not.toEqual(read([sample]).facts);
  });

  test("cannot be had without its last byte: `rest` tells", () => {
    expect(read([sample.subarray(0, -1)]).rest).not.toEqual(read([sample]).rest);
  });

  test("of rows are a multiset: order means nothing, a doubled or lost row shows", () => {
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 20 }), body, fc.nat(), (rows, text, pick) => {
        const digest = (lines: readonly string[]) => read([dumpOf(lines, text)]).facts["table:public.t"];
        const whole = digest(rows);
        expect(whole).toMatchObject({ exact: expect.stringMatching(new RegExp(`^${rows.length}:`)) });
        expect(digest(rows.toReversed())).toEqual(whole);
        const one = rows[pick % rows.length]!;
        expect(digest([...rows, one])).not.toEqual(whole);
        expect(digest(rows.toSpliced(pick % rows.length, 1))).not.toEqual(whole);
      }),
    );
  });
});

describe("a damaged dump", () => {
  test("is refused where it was cut off anywhere before its last line", () => {
    const complete = sampleDump.indexOf("dump complete\n--\n\n\\unrestrict") + "dump complete".length;
    for (let length = 0; length < Buffer.byteLength(sampleDump.slice(0, complete)); length += 1) {
      expect(refusal([sample.subarray(0, length)]), `cut off at ${length}`).toMatchObject({ reason: "corrupt" });
    }
  });

  test("is refused, or has other facts, but never anything else", () => {
    fc.assert(
      fc.property(fc.nat(sample.length - 1), fc.integer({ min: 1, max: 255 }), (place, change) => {
        const damaged = Buffer.from(sample);
        damaged[place]! ^= change;
        const error = refusal([damaged]);
        expect(error === undefined || (isBackupError(error) && error.reason === "corrupt")).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  test("is refused where it is something else entirely", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 }), (chunks) => {
        expect(refusal(chunks)).toMatchObject({ reason: "corrupt" });
      }),
    );
  });

  test("is refused where psql would run a command of its own", () => {
    for (const command of ["\\! rm -rf /", "\\i /etc/passwd", "\\copy t from program 'x'", "\\o |sh"]) {
      const between = sampleDump.replace("BEGIN;\n", () => `${command}\nBEGIN;\n`);
      expect(refusal([Buffer.from(between)]), command).toMatchObject({ reason: "corrupt" });
    }
    const within = sampleDump.replace("DELETE FROM", () => "DELETE \\! ls\n FROM");
    expect(refusal([Buffer.from(within)])).toMatchObject({ reason: "corrupt" });
  });

  test("is refused where something follows its end", () => {
    for (const more of ["DROP TABLE t;\n", 'COPY "public"."t" ("a") FROM stdin;\n1\n\\.\n', "x"]) {
      expect(refusal([sample, Buffer.from(more)]), more).toMatchObject({ reason: "corrupt" });
    }
  });

  test("takes no memory that grows with it", () => {
    const reader = new DumpReader();
    reader.push(Buffer.from("--\n-- PostgreSQL database dump\n--\nSELECT '"));
    const chunk = Buffer.alloc(1 << 20, 120);
    const before = process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
    for (let megabyte = 0; megabyte < 256; megabyte += 1) reader.push(chunk);
    const after = process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
    expect(after - before).toBeLessThan(64 << 20);
    expect(() => reader.push(Buffer.from(`';\n--${"x".repeat(1 << 20)}`))).toThrow("too long");
  });
});
