import { describe, expect, test } from "vitest";
import { isDatabaseStatement, parseCopyTarget, parseTocHeader, plainIdentifier } from "../../src/dump/names.ts";

describe("the comment above an object", () => {
  test.each([
    [
      "-- Name: t; Type: TABLE; Schema: public; Owner: app",
      { name: "t", type: "TABLE", schema: "public", tablespace: "" },
    ],
    ["-- Name: zoo; Type: DATABASE; Schema: -; Owner: ", { name: "zoo", type: "DATABASE", schema: "", tablespace: "" }],
    [
      "-- Data for Name: t; Type: TABLE DATA; Schema: s; Owner: o; Tablespace: fast",
      { name: "t", type: "TABLE DATA", schema: "s", tablespace: "fast" },
    ],
    [
      "-- Statistics for Name: t; Type: STATISTICS DATA; Schema: s; Owner: -",
      { name: "t", type: "STATISTICS DATA", schema: "s", tablespace: "" },
    ],
    [
      "-- Name: a; Type: VIEW; b; Type: TABLE; Schema: s; Owner: o",
      { name: "a; Type: VIEW; b", type: "TABLE", schema: "s", tablespace: "" },
    ],
  ])("%s", (line, expected) => {
    expect(parseTocHeader(line)).toEqual(expected);
  });

  test.each(["--", "-- Dumped from database version 17", "-- Name: x", ""])("%s is another", (line) => {
    expect(parseTocHeader(line)).toBeUndefined();
  });
});

test.each([
  ['COPY "public"."t" ("a") FROM stdin;', { schema: "public", table: "t" }],
  ["COPY public.t (a) FROM stdin;", { schema: "public", table: "t" }],
  ['COPY "a.""b"."c (d" ("e") FROM stdin;', { schema: 'a."b', table: "c (d" }],
  ['COPY "s"."no_columns"  FROM stdin;', { schema: "s", table: "no_columns" }],
  ['COPY "t" FROM stdin;', undefined],
])("%s fills its table", (head, expected) => {
  expect(parseCopyTarget(head)).toEqual(expected);
});

test.each([
  ['CREATE DATABASE "x";', true],
  ["ALTER DATABASE x CONNECTION LIMIT = 5;", true],
  ['ALTER ROLE "a b" IN DATABASE "x" SET "y" TO 1;', true],
  ['GRANT ALL ON DATABASE "x" TO "y";', true],
  ['CREATE TABLE "ON DATABASE x" ();', false],
  [`COMMENT ON TABLE "x" IS 'COMMENT ON DATABASE x';`, false],
  ['GRANT SELECT ON TABLE "DATABASE x" TO "ON DATABASE y";', false],
  ['ALTER ROLE "IN DATABASE x" SET "y" TO 1;', false],
])("%s concerns the database: %s", (head, expected) => {
  expect(isDatabaseStatement(head)).toBe(expected);
});

test.each([
  ["users", "users"],
  ["Users", '"Users"'],
  ['a"b', '"a""b"'],
  ["a.b", '"a.b"'],
  ["", '""'],
])("%s is shown as %s", (name, expected) => {
  expect(plainIdentifier(name)).toBe(expected);
});
