import { BackupError } from "@sutazai/backup-core";
import type { Session } from "./session.ts";

/** What a server says of itself. */
export interface Cluster {
  /** `17.12 (Debian 17.12-0+deb13u1)`. */
  readonly version: string;
  /** `170012`. */
  readonly versionNumber: number;
  readonly major: number;
  /** The role that we are. */
  readonly user: string;
  readonly superuser: boolean;
  /** The role that `initdb` made; it can be neither dropped nor recreated. */
  readonly bootstrapUser: string;
  /** A standby, which takes no changes. */
  readonly standby: boolean;
}

const oldestMajor = 13;

/** Throws `incompatible-version` for servers older than 13, which lack what a restore needs. */
export async function readCluster(session: Session, database: string): Promise<Cluster> {
  const [row] = await session.query<Omit<Cluster, "major">>(
    `SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int4 AS "versionNumber",
            current_user::text AS user, r.rolsuper AS superuser, pg_get_userbyid(10)::text AS "bootstrapUser", pg_is_in_recovery() AS standby
       FROM pg_roles r WHERE r.rolname = current_user`,
  );
  if (row === undefined) throw new Error("the role that is connected has a row in pg_roles");
  const major = Math.floor(row.versionNumber / 10_000);
  if (major < oldestMajor) {
    throw new BackupError("incompatible-version", `the server is PostgreSQL ${row.version}`, {
      operation: "postgres.probe",
      database,
      hint: `use PostgreSQL ${oldestMajor} or newer`,
    });
  }
  return { ...row, major };
}

/** Whether psql of this version knows `\restrict`, by which a dump is kept from running commands of psql (CVE-2025-8714). */
export function knowsRestrict(versionNumber: number): boolean {
  const firstMinor: Readonly<Record<number, number>> = { 13: 22, 14: 19, 15: 14, 16: 10, 17: 6 };
  const major = Math.floor(versionNumber / 10_000);
  return major > 17 || versionNumber % 10_000 >= (firstMinor[major] ?? Number.POSITIVE_INFINITY);
}
