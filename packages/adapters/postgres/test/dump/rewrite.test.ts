import fc from "fast-check";
import { expect, test } from "vitest";
import { DumpReader } from "../../src/dump/facts.ts";
import { DumpLexer } from "../../src/dump/lexer.ts";
import { renameDatabase } from "../../src/dump/names.ts";
import { DumpSplitter, readDatabaseStatements } from "../../src/dump/rewrite.ts";
import { parseStatements } from "../../src/dump/statements.ts";
import { cutAt, sampleDump } from "./sample.ts";

const sample = Buffer.from(sampleDump);

async function* streamOf(chunks: readonly Buffer[]): AsyncIterable<Uint8Array> {
  // A chunk belongs to whoever got it: nothing may be changed by what comes later.
  for (const chunk of chunks) yield Buffer.from(chunk);
}

async function split(chunks: readonly Buffer[]) {
  const splitter = new DumpSplitter(streamOf(chunks));
  const pieces: Uint8Array[] = [];
  for await (const piece of splitter.content()) pieces.push(piece);
  return { content: Buffer.concat(pieces), statements: splitter.databaseStatements };
}

test("what concerns the database as a whole is taken out, in order", async () => {
  const { content, statements } = await split([sample]);
  expect(statements.map((statement) => statement.split("\n")[0])).toEqual([
    `CREATE DATABASE "z""oo" WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'C';`,
    'ALTER DATABASE "z""oo" OWNER TO "app";',
    `COMMENT ON DATABASE "z""oo" IS 'it''s; -- Name: x; Type: TABLE`,
    'REVOKE CONNECT,TEMPORARY ON DATABASE "z""oo" FROM PUBLIC;',
    'SET SESSION AUTHORIZATION "reader";',
    'GRANT CONNECT ON DATABASE "z""oo" TO "writer";',
    "RESET SESSION AUTHORIZATION;",
  ]);
  expect(content.toString()).not.toContain('z""oo');
  expect(content.toString()).not.toMatch(/^\\(?:connect|restrict|unrestrict)/m);
});

test("what is left holds the same, statement by statement and row by row", async () => {
  const { content } = await split([sample]);
  const reader = new DumpReader();
  reader.push(sample);
  const rows = /COPY "public"\."t" \("a", "b;--"\) FROM stdin;\n([^]*?\n)\\\.\n/.exec(sampleDump)?.[0] ?? "absent";
  expect(content.toString()).toContain(rows);
  let count = 0;
  const ignore = () => undefined;
  const lexer = new DumpLexer({
    comment: () => expect.unreachable("comments are left out"),
    command: () => expect.unreachable("commands are left out"),
    statement: ignore,
    statementBytes: ignore,
    statementEnd: ignore,
    copyStart: ignore,
    copyBytes: ignore,
    row: ignore,
    rowEnd: () => (count += 1),
    copyEnd: ignore,
  });
  lexer.push(content);
  lexer.finish();
  expect(count).toBe(reader.finish().rows);
});

test("is the same for any cutting into pieces", async () => {
  const whole = await split([sample]);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(sample.length), { maxLength: 100 }), async (places) => {
      expect(await split(cutAt(sample, places))).toEqual(whole);
    }),
  );
});

test("only the beginning is read to learn how the database is made", async () => {
  let taken = 0;
  const source = async function* () {
    for (const chunk of cutAt(
      sample,
      Array.from({ length: 100 }, (_, index) => index * 40),
    )) {
      taken += chunk.length;
      yield chunk;
    }
  };
  const statements = await readDatabaseStatements(source());
  expect(statements).toHaveLength(3);
  expect(taken).toBeLessThan(sample.length / 2);
});

const name = fc.string({ unit: "binary", minLength: 1 }).filter((text) => !/\0/.test(text));
const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;

test("a database is renamed in its statements, whatever the names", () => {
  const forms = [
    (database: string) => `CREATE DATABASE ${database} WITH TEMPLATE = template0;`,
    (database: string) => `ALTER DATABASE ${database} SET "x" TO 'ALTER DATABASE x';`,
    (database: string) => `GRANT CONNECT,TEMPORARY ON DATABASE ${database} TO "a ON DATABASE b";`,
    (database: string) => `REVOKE GRANT OPTION FOR CONNECT ON DATABASE ${database} FROM PUBLIC;`,
    (database: string) => `ALTER ROLE "in "" DATABASE" IN DATABASE ${database} SET "a" TO 'b';`,
    (database: string) => `COMMENT ON DATABASE ${database} IS 'DATABASE "x"';`,
  ];
  fc.assert(
    fc.property(name, name, fc.constantFrom(...forms), (from, to, form) => {
      expect(renameDatabase(form(quoted(from)), quoted(to))).toBe(form(quoted(to)));
    }),
  );
  expect(renameDatabase(forms[0]!("plain"), '"x"')).toBe(forms[0]!('"x"'));
});

test("statements of a dump without rows come out whole", () => {
  const statements = [
    `CREATE ROLE "a;b";`,
    `COMMENT ON ROLE "a;b" IS 'x\n-- y; ''';`,
    "ALTER ROLE ALL SET \"x\" TO E'\\\\;';",
  ];
  expect(parseStatements(Buffer.from(`-- a comment\n\n${statements.join("\n\n-- another\n")}\n`))).toEqual(statements);
  expect(() => parseStatements(Buffer.from('COPY "a"."b" FROM stdin;\n\\.\n'))).toThrow("rows");
});
