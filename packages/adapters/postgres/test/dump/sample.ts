import { DumpReader } from "../../src/dump/facts.ts";

/** A dump with one of everything that could be taken for something else, as pg_dump would write it. */
export const sampleDump: string = String.raw`--
-- PostgreSQL database dump
--

\restrict abcDEF123

-- Dumped from database version 17.12 (Debian 17.12-0+deb13u1)
-- Dumped by pg_dump version 17.12 (Debian 17.12-0+deb13u1)

SET statement_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);

--
-- Name: z"oo; Type: DATABASE; Schema: -; Owner: app
--

CREATE DATABASE "z""oo" WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'C';


ALTER DATABASE "z""oo" OWNER TO "app";

\unrestrict abcDEF123
\connect -reuse-previous=on "dbname='z""oo'"
\restrict abcDEF123

SET client_encoding = 'UTF8';

--
-- Name: DATABASE "z""oo"; Type: COMMENT; Schema: -; Owner: app
--

COMMENT ON DATABASE "z""oo" IS 'it''s; -- Name: x; Type: TABLE
\connect postgres';


--
-- Name: f(integer); Type: FUNCTION; Schema: public; Owner: app
--

CREATE FUNCTION "public"."f"("a" integer) RETURNS "text"
    LANGUAGE "plpgsql"
    AS $_$
-- Name: fake; Type: TABLE; Schema: public; Owner: nobody
BEGIN
  RETURN $$ ' " COPY "public"."t" ("a") FROM stdin;
\.
-- PostgreSQL database dump complete
$ $1 $_ _$ $$;
END $_$;


ALTER FUNCTION "public"."f"("a" integer) OWNER TO "app";

--
-- Name: atomic(); Type: FUNCTION; Schema: public; Owner: app
--

CREATE FUNCTION "public"."atomic"() RETURNS integer
    LANGUAGE "sql"
    BEGIN ATOMIC
 SELECT (1 - -1) / 2 AS "one;two";
 SELECT E'it\'s \\' || 'a\' || "chr"(39); /* a /* nested; */ comment; ' */
END;


SET default_tablespace = '';

SET default_table_access_method = "heap";

--
-- Name: t; Type: TABLE; Schema: public; Owner: app; Tablespace: fast
--

CREATE TABLE "public"."t" (
    "a" integer,
    "b;--" "text" DEFAULT E'\\.\n;'''::text
);


--
-- Name: r; Type: RULE; Schema: public; Owner: app
--

CREATE RULE "r" AS ON INSERT TO "public"."t" DO ( INSERT INTO "x" VALUES ('(');
 DELETE FROM "x";
);


--
-- Data for Name: t; Type: TABLE DATA; Schema: public; Owner: app
--

COPY "public"."t" ("a", "b;--") FROM stdin;
1	\\.
2	-- Name: x; Type: TABLE; Schema: public; Owner: app
3	'$$"
\\.
\N	\\connect postgres
COPY "public"."t" ("a") FROM stdin;
-- PostgreSQL database dump complete

2	-- Name: x; Type: TABLE; Schema: public; Owner: app
\.


--
-- Data for Name: empty; Type: TABLE DATA; Schema: public; Owner: app
--

COPY "public"."wei""rd
name" ("a") FROM stdin;
\.


--
-- Data for Name: 70001; Type: BLOBS; Schema: -; Owner: app
--

BEGIN;

SELECT pg_catalog.lo_open('70001', 131072);
SELECT pg_catalog.lowrite(0, '\x5c2e0a');
SELECT pg_catalog.lo_close(0);

COMMIT;

--
-- Name: DATABASE "z""oo"; Type: ACL; Schema: -; Owner: app
--

REVOKE CONNECT,TEMPORARY ON DATABASE "z""oo" FROM PUBLIC;
SET SESSION AUTHORIZATION "reader";
GRANT CONNECT ON DATABASE "z""oo" TO "writer";
RESET SESSION AUTHORIZATION;


--
-- Name: t mine; Type: POLICY; Schema: public; Owner: app
--

CREATE POLICY "mine" ON "public"."t" FOR SELECT TO "reader", "writer" USING (("a" > 1));


--
-- Name: TABLE "t"; Type: ACL; Schema: public; Owner: app
--

GRANT SELECT ON TABLE "public"."t" TO "reader";


--
-- PostgreSQL database dump complete
--

\unrestrict abcDEF123

`;

/** The bytes of a dump in pieces, cut at these places. */
export function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const edges = [0, ...places.map((place) => place % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  return edges.slice(1).map((end, index) => bytes.subarray(edges[index], end));
}

/** `DumpFacts.rest` of a whole dump, as a backup's details have it. */
export function restOf(dump: Uint8Array): string {
  const reader = new DumpReader();
  reader.push(dump);
  return reader.finish().rest;
}
