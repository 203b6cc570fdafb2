import { readGlobalFacts, roleFact, type GlobalFacts } from "./catalog.ts";
import type { Fingerprint } from "@sutazai/backup-core";
import { identifierPattern, unquoteIdentifier } from "./dump/names.ts";
import { quoteName, quoteText, type Session } from "./session.ts";

/** What roles and the like are to become. */
export interface GlobalsTarget {
  /** The statements of a dump of globals. */
  readonly statements: readonly string[];
  /** The facts that go with them. */
  readonly facts: Fingerprint;
  /**
   * `all`: everything there is becomes as the dump says. `known`: what concerns only roles and tablespaces of the dump does.
   * Otherwise only the roles named are set up; they are new and have nothing yet.
   */
  readonly scope: "all" | "known" | { readonly newRoles: ReadonlySet<string> };
}

const named = (words: string) => new RegExp(`^${words} (${identifierPattern})`, "s");
const createRole = named("CREATE ROLE");
const aboutRole = named("(?:ALTER|COMMENT ON) ROLE");
const membership = new RegExp(`^GRANT (${identifierPattern}) TO (${identifierPattern})`, "s");

/** The roles that a dump of globals makes, in order. */
export function rolesOf(statements: readonly string[]): string[] {
  return statements.flatMap((statement) => {
    const name = createRole.exec(statement)?.[1];
    return name === undefined ? [] : [unquoteIdentifier(name)];
  });
}

/** Which facts about globals a target answers for. */
export function answersFor({ scope, facts }: GlobalsTarget, subjects: readonly string[]): boolean {
  if (scope === "all") return true;
  if (scope === "known") return subjects.every((fact) => fact in facts || fact.startsWith(roleFact("pg_")));
  const [only] = subjects;
  return subjects.length === 1 && [...scope.newRoles].some((role) => roleFact(role) === only);
}

/**
 * Makes roles, memberships, tablespaces and parameters what the target says, within the caller's transaction. All roles exist
 * already. The password of the role that we are is left alone: whoever configured it must still get in.
 */
export async function applyGlobals(session: Session, target: GlobalsTarget): Promise<void> {
  const { scope } = target;
  if (typeof scope === "object") {
    await session.execute(target.statements.flatMap((statement) => statementForNewRoles(statement, scope.newRoles)));
    return;
  }
  const now = await readGlobalFacts(session);
  const [me] = await session.query<{ name: string; verifier: string | null }>(
    "SELECT rolname::text AS name, rolpassword AS verifier FROM pg_authid WHERE rolname = current_user",
  );
  await session.execute(resetStatements(target, now));
  await session.execute(target.statements.flatMap(statementForExisting));
  if (me !== undefined) {
    const password = me.verifier === null ? "NULL" : quoteText(me.verifier);
    await session.query(`ALTER ROLE ${quoteName(me.name)} PASSWORD ${password}`);
  }
}

/** Takes away what the target does not have: a dump only ever adds. */
function resetStatements(target: GlobalsTarget, now: GlobalFacts): string[] {
  const concerned = (fact: string) => answersFor(target, now.subjects[fact] ?? []);
  const differs = (fact: string) => JSON.stringify(now.facts[fact]) !== JSON.stringify(target.facts[fact]);
  return [
    ...now.roles
      .filter(({ name }) => roleFact(name) in target.facts)
      .flatMap(({ name }) => {
        const role = quoteName(name);
        return [
          `ALTER ROLE ${role} RESET ALL`,
          `ALTER ROLE ${role} CONNECTION LIMIT -1 PASSWORD NULL VALID UNTIL 'infinity'`,
          `COMMENT ON ROLE ${role} IS NULL`,
        ];
      }),
    ...now.memberships
      .filter(({ fact }) => concerned(fact) && differs(fact))
      .map(({ group, member, grantor }) => {
        return `REVOKE ${quoteName(group)} FROM ${quoteName(member)} GRANTED BY ${quoteName(grantor)} CASCADE`;
      }),
    ...now.grants
      .filter(({ fact }) => concerned(fact))
      .map(({ kind, name, grantee }) => {
        const from = grantee === undefined ? "PUBLIC" : quoteName(grantee);
        return `REVOKE ALL ON ${kind} ${quoteName(name)} FROM ${from} CASCADE`;
      }),
    "ALTER ROLE ALL RESET ALL",
  ];
}

const createTablespace = new RegExp(`^CREATE TABLESPACE (${identifierPattern}) OWNER (${identifierPattern}) `, "s");

/** What to do where the dump makes what exists already. */
function statementForExisting(statement: string): string[] {
  if (/^(?:CREATE ROLE|SET (?!SESSION ))/.test(statement)) return [];
  const [, tablespace, owner] = createTablespace.exec(statement) ?? [];
  if (tablespace === undefined || owner === undefined) return [statement];
  return [
    `ALTER TABLESPACE ${tablespace} OWNER TO ${owner}`,
    `GRANT ALL ON TABLESPACE ${tablespace} TO ${owner}`,
    `ALTER TABLESPACE ${tablespace} RESET (seq_page_cost, random_page_cost, effective_io_concurrency, maintenance_io_concurrency)`,
    `COMMENT ON TABLESPACE ${tablespace} IS NULL`,
  ];
}

function statementForNewRoles(statement: string, newRoles: ReadonlySet<string>): string[] {
  const isNew = (name: string | undefined) => name !== undefined && newRoles.has(unquoteIdentifier(name));
  if (isNew(aboutRole.exec(statement)?.[1])) return [statement];
  const [, group, member] = membership.exec(statement) ?? [];
  // Whoever granted it there may not be able to here.
  if (isNew(group) || isNew(member)) return [statement.replace(/ GRANTED BY (?:"(?:[^"]|"")+"|[^\s"]+);$/, ";")];
  return [];
}
