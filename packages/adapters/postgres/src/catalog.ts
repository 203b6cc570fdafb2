import { createHash } from "node:crypto";
import type { Fact, Fingerprint } from "@sutazai/backup-core";
import type { Session } from "./session.ts";

/** A database as the server's catalogs describe it. */
export interface DatabaseEntry {
  readonly name: string;
  readonly oid: number;
  readonly allowsConnections: boolean;
  readonly tablespace: string;
  readonly encoding: string;
  /** Bytes on the server's disk; undefined where we may not know. */
  readonly size: number | undefined;
}

export async function readDatabases(session: Session): Promise<DatabaseEntry[]> {
  const rows = await session.query<Omit<DatabaseEntry, "size"> & { size: string | null }>(
    `SELECT d.datname AS name, d.oid::int8::float8 AS oid, d.datallowconn AS "allowsConnections", t.spcname AS tablespace,
            pg_encoding_to_char(d.encoding) AS encoding,
            CASE WHEN has_database_privilege(d.oid, 'CONNECT') THEN pg_database_size(d.oid)::text END AS size
       FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace
      ORDER BY d.datname`,
  );
  return rows.map((row) => ({ ...row, size: row.size === null ? undefined : Number(row.size) }));
}

/** The part of a fact's name that stands for a database; what follows it begins with the next slash. */
export function databasePrefix(name: string): string {
  return `database:${name.replaceAll("%", "%25").replaceAll("/", "%2F")}/`;
}

/** The facts that describe a database as a whole, which its dump is not asked for. */
export const databaseAspects: readonly string[] = ["properties", "privileges", "settings", "comment"];

/** Owner, encoding, locale, privileges, settings and comment of these databases. Sorted here: there, the order depends on the database that one is in. */
export async function readDatabaseFacts(session: Session, names: readonly string[]): Promise<Fingerprint> {
  const rows = await session.query<{
    name: string;
    properties: object;
    privileges: string[];
    settings: string[];
    comment: string | null;
  }>(
    `SELECT d.datname AS name,
            to_jsonb(d) - ARRAY['oid', 'datname', 'datdba', 'dattablespace', 'datacl', 'datfrozenxid', 'datminmxid', 'datcollversion',
                                'dathasloginevt', 'datlastsysoid', 'encoding']
              || jsonb_build_object('owner', pg_get_userbyid(d.datdba), 'tablespace', t.spcname, 'encoding', pg_encoding_to_char(d.encoding)) AS properties,
            ARRAY(SELECT a::text FROM unnest(coalesce(d.datacl, acldefault('d', d.datdba))) a) AS privileges,
            ARRAY(SELECT coalesce(r.rolname::text, '') || ': ' || c FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole, unnest(s.setconfig) c
                   WHERE s.setdatabase = d.oid) AS settings,
            shobj_description(d.oid, 'pg_database') AS comment
       FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace
      WHERE d.datname = ANY($1::name[])`,
    [names],
  );
  return Object.fromEntries(
    rows.flatMap(({ name, properties, privileges, settings, comment }) => {
      const prefix = databasePrefix(name);
      return [
        [`${prefix}properties`, exact(JSON.stringify(properties))],
        [`${prefix}privileges`, exact(privileges.toSorted().join(", "))],
        [`${prefix}settings`, digested(settings.length === 0 ? null : settings.toSorted())],
        [`${prefix}comment`, digested(comment)],
      ].filter((entry): entry is [string, Fact] => entry[1] !== undefined);
    }),
  );
}

/** A role as a restore needs to know it. */
export interface RoleEntry {
  readonly name: string;
  readonly superuser: boolean;
  readonly login: boolean;
}

/** What belongs to no database. */
export interface GlobalFacts {
  readonly facts: Fingerprint;
  /** For each fact, the facts of the roles and tablespaces that it is about. */
  readonly subjects: Readonly<Record<string, readonly string[]>>;
  readonly roles: readonly RoleEntry[];
  readonly memberships: readonly Membership[];
  readonly grants: readonly Grant[];
}

export interface Membership {
  readonly fact: string;
  readonly group: string;
  readonly member: string;
  readonly grantor: string;
}

/** Privileges on a parameter or tablespace, by whom they are granted to; the owner's own go without saying. */
export interface Grant {
  readonly fact: string;
  readonly kind: "PARAMETER" | "TABLESPACE";
  readonly name: string;
  /** A role, or undefined for everybody. */
  readonly grantee: string | undefined;
}

/**
 * Roles, who is in them, tablespaces and privileges on parameters. A password's verifier is only digested; where we may not read
 * them, the facts are absent.
 */
export async function readGlobalFacts(session: Session): Promise<GlobalFacts> {
  const facts: Record<string, Fact> = {};
  const subjects: Record<string, readonly string[]> = {};
  const note = (key: string, fact: Fact | undefined, about: readonly string[]) => {
    if (fact === undefined) return;
    facts[key] = fact;
    subjects[key] = about;
  };
  const roles = await readRoles(session);
  for (const { name, attributes, settings, comment, verifier } of roles) {
    const about = [roleFact(name)];
    note(roleFact(name), exact(JSON.stringify(attributes)), about);
    note(passwordFact(name), verifier, about);
    note(`role-settings:${name}`, digested(settings?.toSorted() ?? null), about);
    note(`role-comment:${name}`, digested(comment), about);
  }
  const memberships = (
    await session.query<Omit<Membership, "fact"> & { options: object }>(
      `SELECT pg_get_userbyid(m.roleid)::text AS "group", pg_get_userbyid(m.member)::text AS member, pg_get_userbyid(m.grantor)::text AS grantor,
              to_jsonb(m) - ARRAY['oid', 'roleid', 'member', 'grantor'] AS options
         FROM pg_auth_members m WHERE pg_get_userbyid(m.member) !~ '^pg_'`,
    )
  ).map((row) => ({ ...row, fact: `membership:${row.member} in ${row.group} granted by ${row.grantor}` }));
  for (const { fact, options, ...names } of memberships) {
    note(fact, exact(JSON.stringify(options)), Object.values(names).map(roleFact));
  }
  const tablespaces = await session.query<{
    name: string;
    owner: string;
    options: string[] | null;
    comment: string | null;
  }>(
    `SELECT spcname::text AS name, pg_get_userbyid(spcowner)::text AS owner, spcoptions AS options, shobj_description(oid, 'pg_tablespace') AS comment
       FROM pg_tablespace WHERE spcname !~ '^pg_'`,
  );
  for (const { name, owner, options, comment } of tablespaces) {
    const about = [tablespaceFact(name), roleFact(owner)];
    note(tablespaceFact(name), exact(JSON.stringify({ owner, options: options?.toSorted() ?? null })), about);
    note(`tablespace-comment:${name}`, digested(comment), [tablespaceFact(name)]);
  }
  const grants = await readGrants(session);
  for (const { fact, kind, name, grantee, privileges } of grants) {
    note(fact, exact(privileges.join(", ")), [
      ...(kind === "TABLESPACE" ? [tablespaceFact(name)] : []),
      ...(grantee === undefined ? [] : [roleFact(grantee)]),
    ]);
  }
  const everybody = await readSettingsOfAllRoles(session);
  note("settings-of-all-roles", digested(everybody.length === 0 ? null : everybody.toSorted()), []);
  return {
    facts,
    subjects,
    roles: roles.map(({ name, superuser, login }) => ({ name, superuser, login })),
    memberships: memberships.map(({ options: _, ...membership }) => membership),
    grants: grants.map(({ privileges: _, ...grant }) => grant),
  };
}

export const roleFact = (role: string): string => `role:${role}`;
const tablespaceFact = (tablespace: string): string => `tablespace:${tablespace}`;

interface RoleRow extends RoleEntry {
  readonly attributes: object;
  readonly settings: string[] | null;
  readonly comment: string | null;
  readonly verifier: Fact;
}

async function readRoles(session: Session): Promise<RoleRow[]> {
  const [{ superuser } = { superuser: false }] = await session.query<{ superuser: boolean }>(
    "SELECT rolsuper AS superuser FROM pg_roles WHERE rolname = current_user",
  );
  const rows = await session.query<Omit<RoleRow, "verifier"> & { verifier: string | null }>(
    `SELECT r.rolname::text AS name, r.rolsuper AS superuser, r.rolcanlogin AS login,
            to_jsonb(r) - ARRAY['oid', 'rolname', 'rolpassword', 'rolvaliduntil', 'rolconfig']
              || jsonb_build_object('validUntil', CASE WHEN isfinite(r.rolvaliduntil) THEN r.rolvaliduntil AT TIME ZONE 'UTC' END) AS attributes,
            (SELECT setconfig FROM pg_db_role_setting s WHERE s.setrole = r.oid AND s.setdatabase = 0) AS settings,
            shobj_description(r.oid, 'pg_authid') AS comment,
            ${superuser ? "r.rolpassword" : "NULL"} AS verifier
       FROM ${superuser ? "pg_authid" : "pg_roles"} r WHERE r.rolname !~ '^pg_' ORDER BY r.rolname`,
  );
  return rows.map((row) => ({
    ...row,
    verifier: superuser
      ? exact(row.verifier === null ? "none" : digest(row.verifier))
      : { absent: "only a superuser may read it" },
  }));
}

async function readGrants(session: Session): Promise<(Grant & { readonly privileges: readonly string[] })[]> {
  const [{ parameters } = { parameters: false }] = await session.query<{ parameters: boolean }>(
    "SELECT to_regclass('pg_catalog.pg_parameter_acl') IS NOT NULL AS parameters",
  );
  const rows = await session.query<{ kind: Grant["kind"]; name: string; grantee: string | null; privileges: string[] }>(
    `SELECT kind, name, CASE e.grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(e.grantee)::text END AS grantee,
            array_agg(format('%s%s by %s', privilege_type, CASE WHEN is_grantable THEN ' with grant option' END, pg_get_userbyid(grantor))) AS privileges
       FROM (SELECT 'TABLESPACE' AS kind, spcname::text AS name, spcowner AS owner, spcacl AS acl FROM pg_tablespace WHERE spcname !~ '^pg_'
             ${parameters ? "UNION ALL SELECT 'PARAMETER', parname, 10::oid, paracl FROM pg_parameter_acl" : ""}) o, aclexplode(acl) e
      WHERE e.grantee <> owner
      GROUP BY kind, name, e.grantee`,
  );
  return rows.map(({ grantee, ...row }) => ({
    ...row,
    grantee: grantee ?? undefined,
    privileges: row.privileges.toSorted(),
    fact: `${row.kind.toLowerCase()}-privileges:${row.name} to ${grantee ?? "everybody"}`,
  }));
}

export const passwordFact = (role: string): string => `role-password:${role}`;

/** `ALTER ROLE ALL SET …`, which pg_dumpall leaves out: `name=value` each. */
export async function readSettingsOfAllRoles(session: Session): Promise<string[]> {
  const [row] = await session.query<{ settings: string[] }>(
    "SELECT setconfig AS settings FROM pg_db_role_setting WHERE setrole = 0 AND setdatabase = 0",
  );
  return row?.settings ?? [];
}

function exact(value: string): Fact {
  return { exact: value };
}

function digested(value: string | readonly string[] | null): Fact | undefined {
  return value === null ? undefined : exact(digest(typeof value === "string" ? value : JSON.stringify(value)));
}

/** Settings, comments and verifiers may be secret: a manifest gets no more than this. */
function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}
