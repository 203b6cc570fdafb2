import type { Fact, Fingerprint, Manifest } from "@sutazai/backup-core";
import { formOf } from "@sutazai/backup-core";
import { databaseAspects, databasePrefix, passwordFact, roleFact } from "./catalog.ts";
import type { Examination } from "./plan.ts";

/** The part of a manifest's fingerprint that a restore answers for. */
export interface ExpectedFacts {
  /** Of what is in the databases: read off their dumps. */
  readonly inside: Fingerprint;
  /** Of the databases as wholes: read off the catalogs. */
  readonly whole: Fingerprint;
  /** Of roles and the like. */
  readonly globals: Fingerprint;
  readonly warnings: readonly string[];
}

/**
 * Chooses the facts. `livePassword` is the fact of the password of the role that restores, `user`: it stays as it is, or whoever
 * configured it would be locked out.
 */
export function expectedFacts(
  manifest: Manifest,
  form: string,
  { databases, missingRoles, restoresRoles }: Examination,
  user: string,
  livePassword: Fact | undefined,
): ExpectedFacts {
  const { fingerprint } = formOf(manifest, form);
  const inside: Record<string, Fact> = {};
  const whole: Record<string, Fact> = {};
  const globals: Record<string, Fact> = {};
  const prefixes = databases.map(({ name }) => databasePrefix(name));
  const newRoleFacts = new Set(
    missingRoles.flatMap((role) => [
      roleFact(role),
      passwordFact(role),
      `role-settings:${role}`,
      `role-comment:${role}`,
    ]),
  );
  for (const [key, fact] of Object.entries(fingerprint)) {
    if (key.startsWith("database:")) {
      const prefix = prefixes.find((candidate) => key.startsWith(candidate));
      if (prefix !== undefined) (databaseAspects.includes(key.slice(prefix.length)) ? whole : inside)[key] = fact;
    } else if (restoresRoles || newRoleFacts.has(key)) {
      globals[key] = fact;
    }
  }
  const mine = passwordFact(user);
  const kept = restoresRoles && JSON.stringify(globals[mine]) !== JSON.stringify(livePassword);
  if (kept) globals[mine] = { absent: "the password of the role that restored was kept as it was" };
  return {
    inside,
    whole,
    globals,
    warnings: kept ? [`the password of "${user}", by which this system connects, was kept as it is now`] : [],
  };
}

// Everything else is written in words that differ from one version of PostgreSQL to the next.
const sameInEveryVersion =
  /\/(?:(?:table|sequence-set):|(?:privileges|settings|comment)$)|^role(?:-password|-settings|-comment)?:/s;

/** What can be compared: all of it where both are of one major version. */
export function comparable(
  expected: Fingerprint,
  found: Fingerprint,
  sameMajor: boolean,
): { readonly expected: Fingerprint; readonly found: Fingerprint } {
  if (sameMajor) return { expected, found };
  const stable = (facts: Fingerprint) =>
    Object.fromEntries(Object.entries(facts).filter(([key]) => sameInEveryVersion.test(key)));
  return { expected: stable(expected), found: stable(found) };
}
