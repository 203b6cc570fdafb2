import { randomBytes } from "node:crypto";
import {
  formOf,
  Secret,
  type ArtifactSource,
  type DatabaseAdapter,
  type DrillServer,
  type Fingerprint,
  type Manifest,
  type OperationContext,
  type RestoreFacts,
} from "@sutazai/backup-core";
import { databasePrefix, passwordFact } from "./catalog.ts";
import { readDetails } from "./details.ts";
import { comparable, expectedFacts } from "./expected.ts";
import { fingerprint } from "./fingerprint.ts";
import { open } from "./open.ts";
import type { PostgresOptions } from "./options.ts";
import { examine, majorOf, method } from "./plan.ts";

const directory = "/sutazai-drill";

/** Settings of the backup's server without which its databases may not be restored; others may ask for more than there is. */
const kept = ["shared_preload_libraries", "max_locks_per_transaction"];

export function drill(
  options: PostgresOptions,
  name: string,
  manifest: Manifest,
  wanted: string,
  create: (options: PostgresOptions) => DatabaseAdapter,
): DrillServer {
  const { name: form } = formOf(manifest, wanted);
  const password = new Secret(randomBytes(24).toString("hex"));
  const user = readDetails(manifest).bootstrapUser;
  const reached = (container: string): PostgresOptions => ({
    name,
    container,
    user,
    password,
    excludeDatabases: options.excludeDatabases,
    parallel: options.parallel,
  });
  return {
    container: {
      command: ["postgres", ...settingsIn(manifest.container?.command ?? [])],
      environment: {
        POSTGRES_USER: user,
        POSTGRES_PASSWORD: password.reveal(),
        // Otherwise one is made that is called as the user.
        POSTGRES_DB: "postgres",
        PGDATA: `${directory}/data`,
      },
      freshVolumes: [directory],
    },
    adapter: (container) => create(reached(container)),
    compare: (context, container, source) => compare(reached(container), name, context, source, form),
  };
}

/** Everything dumped again and the catalogs read, held against all that the backup recorded but the password that was made up. */
async function compare(
  options: PostgresOptions,
  name: string,
  context: OperationContext,
  { manifest }: ArtifactSource,
  form: string,
): Promise<RestoreFacts> {
  const found = await fingerprint(options, name, context, form);
  await using access = await open(options, name, context);
  const examination = await examine(options, access, manifest, { form, method, only: undefined });
  const { cluster } = access;
  const expected = expectedFacts(manifest, form, examination, cluster.user, found[passwordFact(cluster.user)]);
  const pair = comparable(
    { ...expected.inside, ...expected.whole, ...expected.globals },
    ofDatabases(
      found,
      examination.databases.map((database) => database.name),
    ),
    cluster.major === majorOf(manifest),
  );
  return {
    expected: pair.expected,
    fingerprint: pair.found,
    evidence: ["each database dumped again; roles and settings read from the catalogs"],
    warnings: expected.warnings,
  };
}

/** Without the databases that every new server has, where the backup does not have them. */
function ofDatabases(found: Fingerprint, names: readonly string[]): Fingerprint {
  const prefixes = names.map(databasePrefix);
  return Object.fromEntries(
    Object.entries(found).filter(
      ([fact]) => !fact.startsWith("database:") || prefixes.some((prefix) => fact.startsWith(prefix)),
    ),
  );
}

/** `-c name=value`, `-cname=value` or `--name=value`, of the settings that are kept. */
function settingsIn(command: readonly string[]): string[] {
  return command.flatMap((argument, index) => {
    const text = command[index - 1] === "-c" ? argument : /^(?:-c|--)(.+)$/s.exec(argument)?.[1];
    const setting = text?.slice(0, text.indexOf("=")).replaceAll("-", "_");
    return text !== undefined && setting !== undefined && kept.includes(setting) ? ["-c", text] : [];
  });
}
