import { BackupError, type Fingerprint, type OperationContext } from "@sutazai/backup-core";
import { defaultParallel, dumpDatabase, form } from "./backup.ts";
import { readDatabases, readGlobalFacts } from "./catalog.ts";
import { open } from "./open.ts";
import type { PostgresOptions } from "./options.ts";
import { inParallel } from "./parallel.ts";
import { chooseDatabases } from "./probe.ts";

/** Dumps everything to nowhere and tells what was in it, in the terms of a backup. */
export async function fingerprint(
  options: PostgresOptions,
  name: string,
  context: OperationContext,
  wanted: string,
): Promise<Fingerprint> {
  if (wanted !== form) {
    throw new BackupError("not-found", `there is no form "${wanted}"`, {
      operation: "postgres.fingerprint",
      hint: `there is: ${form}`,
    });
  }
  await using access = await open(options, name, context);
  const { chosen } = chooseDatabases(await readDatabases(access.session), options);
  const dumped = await inParallel(chosen, options.parallel ?? defaultParallel, context.signal, (entry, signal) =>
    dumpDatabase(access, entry, { ...context, signal }, async (content) => {
      for await (const _ of content);
    }),
  );
  const { facts } = await readGlobalFacts(access.session);
  return Object.assign({}, facts, ...dumped.map((database) => database.facts)) as Fingerprint;
}
