import { freeSpaceAt } from "@sutazai/backup-containers";
import {
  BackupError,
  formOf,
  type BackupErrorReason,
  type Manifest,
  type OperationContext,
  type RestoreOptions,
  type RestorePlan,
} from "@sutazai/backup-core";
import { readDatabases, readGlobalFacts } from "./catalog.ts";
import { readDetails, type BackupDetails } from "./details.ts";
import { open, type Access } from "./open.ts";
import type { PostgresOptions } from "./options.ts";

/** The one way to restore: into new databases that take the place of the old ones in a single transaction. */
export const method = "staged";

export async function planRestore(
  options: PostgresOptions,
  name: string,
  context: OperationContext,
  manifest: Manifest,
  restoreOptions: RestoreOptions,
): Promise<RestorePlan> {
  await using access = await open(options, name, context);
  const { plan } = await examine(options, access, manifest, restoreOptions);
  return { ...plan, warnings: [...plan.warnings, ...(await spaceWarnings(access, context, manifest))] };
}

/** How large a dump becomes in a server cannot be known: with little room it is a warning, and a disk that fills undoes the restore. */
async function spaceWarnings(
  { server: { container }, session }: Access,
  { containers, signal }: OperationContext,
  manifest: Manifest,
): Promise<string[]> {
  if (container === undefined) return [];
  const [setting] = await column(session, "SELECT current_setting('data_directory') AS value");
  if (setting === undefined) return [];
  const place = { kind: "container", container: container.id, image: container.imageId, directory: setting } as const;
  // Not every server keeps its data where another container can look.
  const free = await freeSpaceAt(place, containers, signal).catch(() => undefined);
  signal.throwIfAborted();
  const dumped = manifest.artifacts.reduce((sum, { plain }) => sum + plain.bytes, 0);
  if (free === undefined || free > dumped) return [];
  const mebibytes = (bytes: number) => Math.ceil(bytes / 1024 ** 2);
  return [
    `the disk of ${setting} has ${mebibytes(free)} MiB free, the backup is ${mebibytes(dumped)} MiB of SQL: it may not fit beside what is there`,
  ];
}

/** What a restore is going to work on. */
export interface Examination {
  readonly plan: RestorePlan;
  readonly details: BackupDetails;
  readonly databases: BackupDetails["databases"];
  /** Roles of the backup that the server lacks. */
  readonly missingRoles: readonly string[];
  /** Roles that are superusers now and were none in the backup. */
  readonly risenRoles: readonly string[];
  /** Whether roles that exist become what they were. */
  readonly restoresRoles: boolean;
}

/** Checks that the backup fits the server; changes nothing. */
export async function examine(
  options: PostgresOptions,
  { cluster, session }: Access,
  manifest: Manifest,
  { form, method: chosenMethod, only }: RestoreOptions,
): Promise<Examination> {
  const refuse = (reason: BackupErrorReason, message: string, hint: string) =>
    new BackupError(reason, message, { operation: "postgres.plan-restore", database: manifest.database, hint });
  formOf(manifest, form);
  if (chosenMethod !== method) {
    throw refuse("unsupported", `there is no method "${chosenMethod}"`, `use "${method}"`);
  }
  const details = readDetails(manifest);
  const databases = only === undefined ? details.databases : details.databases.filter(({ name }) => name === only);
  const restoresRoles = only === undefined && options.roles !== "keep";

  if (databases.length === 0 && only !== undefined) {
    const known = details.databases.map(({ name }) => name).join(", ");
    throw refuse("not-found", `the backup has no database "${only}"`, `it has: ${known}`);
  }
  if (!cluster.superuser) {
    throw refuse("permission", `"${cluster.user}" is not a superuser`, "set `user` to a superuser of the server");
  }
  if (cluster.standby) throw refuse("unsupported", "the server is a standby", "restore into its primary");
  const backupMajor = majorOf(manifest);
  if (cluster.major < backupMajor) {
    throw refuse(
      "incompatible-version",
      `the backup is of PostgreSQL ${manifest.serverVersion}, the server is ${cluster.version}`,
      `restore into PostgreSQL ${backupMajor} or newer`,
    );
  }
  if (restoresRoles && cluster.bootstrapUser !== details.bootstrapUser) {
    throw refuse(
      "unsupported",
      `the backup's first superuser is "${details.bootstrapUser}", the server's is "${cluster.bootstrapUser}"`,
      `initialise the server with POSTGRES_USER=${details.bootstrapUser}, restore single databases, or set \`roles\` to "keep"`,
    );
  }
  const meInBackup = details.roles.find(({ name }) => name === cluster.user);
  if (restoresRoles && meInBackup !== undefined && !(meInBackup.superuser && meInBackup.login)) {
    throw refuse(
      "unsupported",
      `the restore would take from "${cluster.user}", by which it works, the right to do so`,
      `set \`user\` to another superuser, or \`roles\` to "keep"`,
    );
  }

  const tablespaces = await column(session, "SELECT spcname::text AS value FROM pg_tablespace");
  const needed = [...databases.map(({ tablespace }) => tablespace), ...(only === undefined ? details.tablespaces : [])];
  const missingTablespaces = [...new Set(needed)].filter((tablespace) => !tablespaces.includes(tablespace));
  if (missingTablespaces.length > 0) {
    throw refuse(
      "unsupported",
      `the server lacks tablespaces of the backup: ${missingTablespaces.join(", ")}`,
      "make them with CREATE TABLESPACE (the backup's globals.sql shows how they were made)",
    );
  }
  const extensions = await column(session, "SELECT name::text AS value FROM pg_available_extensions");
  const missingExtensions = [...new Set(databases.flatMap((database) => database.extensions))].filter(
    (extension) => !extensions.includes(extension),
  );
  if (missingExtensions.length > 0) {
    throw refuse(
      "unsupported",
      `the server lacks extensions of the backup: ${missingExtensions.join(", ")}`,
      "use an image that has them",
    );
  }
  const names = databases.map(({ name }) => name);
  const prepared = await column(session, "SELECT DISTINCT database::text AS value FROM pg_prepared_xacts");
  const blocked = prepared.filter((database) => names.includes(database));
  if (blocked.length > 0) {
    throw refuse(
      "unsupported",
      `databases with prepared transactions cannot be replaced: ${blocked.join(", ")}`,
      "commit or roll back what pg_prepared_xacts shows",
    );
  }

  const live = await readDatabases(session);
  const { roles } = await readGlobalFacts(session);
  const missingRoles = details.roles
    .filter(({ name }) => !roles.some((role) => role.name === name))
    .map(({ name }) => name);
  const replaced = live.filter(({ name }) => names.includes(name)).map(({ name }) => name);
  const slots = await session.query<{ slot: string; database: string }>(
    "SELECT slot_name::text AS slot, database::text AS database FROM pg_replication_slots WHERE database = ANY ($1)",
    [replaced],
  );
  const others = live.filter(({ name }) => !names.includes(name) && name !== "template0").map(({ name }) => name);
  const otherRoles = roles
    .filter(({ name }) => !details.roles.some((role) => role.name === name))
    .map(({ name }) => name);
  return {
    details,
    databases,
    missingRoles,
    restoresRoles,
    risenRoles: details.roles
      .filter(({ name, superuser }) => !superuser && roles.some((role) => role.name === name && role.superuser))
      .map(({ name }) => name),
    plan: {
      steps: [
        ...(missingRoles.length > 0 ? [`create roles: ${missingRoles.join(", ")}`] : []),
        `restore ${names.map((name) => `"${name}"`).join(", ")} into new databases and compare them with the backup`,
        ...(replaced.length > 0
          ? [`close ${replaced.map((name) => `"${name}"`).join(", ")} and end their connections`]
          : []),
        `in one transaction: ${restoresRoles ? "set roles and memberships back, " : ""}rename the new databases into place, compare again`,
        ...(replaced.length > 0 ? ["drop the databases that were replaced"] : []),
      ],
      warnings: [
        "old and new databases exist side by side until the end: the server's disk must have room for both",
        ...(only === undefined && others.length > 0
          ? [`left alone, for the backup does not have them: databases ${others.join(", ")}`]
          : []),
        ...(restoresRoles && otherRoles.length > 0
          ? [`left alone, for the backup does not have them: roles ${otherRoles.join(", ")}`]
          : []),
        ...slots.map(({ slot, database }) => `replication slot "${slot}" ends with the present database "${database}"`),
        ...(cluster.major > backupMajor
          ? [
              `the server is newer than the backup (${manifest.serverVersion}): rows are compared, definitions are not, for it writes them differently`,
            ]
          : []),
      ],
    },
  };
}

export function majorOf({ serverVersion }: Manifest): number {
  return Number(/^\d+/.exec(serverVersion)?.[0] ?? 0);
}

async function column(session: Access["session"], query: string): Promise<string[]> {
  return (await session.query<{ value: string }>(query)).map(({ value }) => value);
}
