import {
  BackupError,
  formOf,
  toBackupError,
  type ArtifactSource,
  type DatabaseAdapter,
  type FormFacts,
  type Manifest,
  type OperationContext,
  type Probe,
  type RestoreMethod,
  type RestoreOptions as AdapterRestoreOptions,
} from "@sutazai/backup-core";
import type { LooseBackup } from "@sutazai/backup-store";
import { verifyStructure } from "@sutazai/backup-verifier";
import { withContainerAgain } from "./not-here.ts";
import { isRaw } from "./raw-form.ts";
import type { RestoreOptions } from "./restore.ts";

/** Reads the backup to its end, twice: digests, then formats. Throws `unsupported` for another kind, `corrupt` for what is damaged. */
export async function checkBackup(
  backup: LooseBackup,
  adapter: DatabaseAdapter,
  { signal, scratch }: Pick<OperationContext, "signal" | "scratch">,
): Promise<ArtifactSource> {
  const { source } = backup;
  const { id, kind, artifacts, forms, details } = source.manifest;
  if (kind !== adapter.kind) {
    throw new BackupError("unsupported", `backup ${id} holds a ${kind} database; ${adapter.name} is ${adapter.kind}`, {
      operation: "restore",
      hint: "choose a backup of the same kind (`sutazai-backup list`)",
    });
  }
  if (isRaw(forms)) {
    throw new BackupError("unsupported", `backup ${id} holds the raw files of a server that could not be dumped`, {
      operation: "restore",
      hint: "they are put back by hand: docs/format.md, `Raw files`",
    });
  }
  const integrity = await backup.checkIntegrity(signal);
  const readable = { artifacts, forms, details, read: (name: string) => source.read(name) };
  const structure = await verifyStructure(readable, adapter, signal, scratch);
  const problems = [...integrity.problems, ...structure.problems];
  if (problems.length > 0) {
    throw new BackupError("corrupt", `backup ${id} is damaged: ${problems.join("; ")}`, {
      operation: "restore.check",
      hint: "nothing was touched; choose another backup (`sutazai-backup list`)",
    });
  }
  return source;
}

/** What is to be told of a backup before it is restored. */
export function warningsOf({ id, status, empty, incomplete }: Manifest): string[] {
  return [
    ...(status === "partial" ? [`backup ${id} is partial: ${incomplete.join("; ")}`] : []),
    ...(empty ? [`backup ${id} is of an empty database`] : []),
  ];
}

/** Whether any method of the adapter restores any of these forms. */
export function canRestore(
  { capabilities }: Pick<DatabaseAdapter, "capabilities">,
  forms: readonly Pick<FormFacts, "name">[],
): boolean {
  return forms.some(({ name }) =>
    capabilities.restoreMethods.some((method) => method.forms === undefined || method.forms.includes(name)),
  );
}

/** A restore can only be taken back from what can be restored itself. Throws `unsupported`. */
export function assertRestorable(adapter: DatabaseAdapter, forms: readonly Pick<FormFacts, "name">[]): void {
  if (canRestore(adapter, forms)) return;
  const names = forms.map(({ name }) => name).join(", ");
  throw new BackupError("unsupported", `nothing restores the form ${names}, in which ${adapter.name} is backed up`, {
    operation: "restore.safety-backup",
    database: adapter.name,
    hint: "configure another method for its backups",
  });
}

/** The form and the method: those asked for, else the first that go together. Throws `unsupported`, `not-found` with what there is. */
export function chooseWay(
  { capabilities, name }: DatabaseAdapter,
  manifest: Manifest,
  options: RestoreOptions,
): AdapterRestoreOptions {
  const form = formOf(manifest, options.form).name;
  const methods = capabilities.restoreMethods.filter(({ forms }) => forms?.includes(form) ?? true);
  const known = methods.find((candidate) => (options.method ?? candidate.name) === candidate.name);
  if (known === undefined) {
    const what = options.method === undefined ? "" : ` by "${options.method}"`;
    throw new BackupError("unsupported", `${name} does not restore the form "${form}"${what}`, {
      operation: "restore",
      hint:
        methods.length === 0
          ? `it restores: ${capabilities.restoreMethods.flatMap(({ forms }) => forms ?? []).join(", ")}`
          : `its methods are: ${methods.map((candidate) => candidate.name).join(", ")}`,
    });
  }
  if (known.fence === "none" && options.unfenced !== true) {
    throw new BackupError("unsupported", `writers of ${name} cannot be kept out during a restore by "${known.name}"`, {
      operation: "restore",
      hint: "stop whatever writes to it and say --unfenced",
    });
  }
  if (options.only !== undefined && !capabilities.restoresPart) {
    throw new BackupError("unsupported", `a part of ${name} cannot be restored on its own`, {
      operation: "restore",
      hint: "restore the whole, or into another container (`--into`)",
    });
  }
  if (options.exact === true) assertExact(name, known, options.only);
  return { form, method: known.name, only: options.only, ...(options.exact === true && { exact: true }) };
}

function assertExact(database: string, { name, removesOthers }: RestoreMethod, only: string | undefined): void {
  const refuse = (message: string, hint: string) =>
    new BackupError("unsupported", message, { operation: "restore", hint });
  if (only !== undefined) {
    throw refuse("a part is restored on its own, or all and nothing else: not both", "leave out --exact, or --only");
  }
  if (removesOthers !== undefined) return;
  throw refuse(
    `a restore of ${database} by "${name}" removes nothing that the backup does not have`,
    "leave out --exact, and remove by hand what is too much; --dry-run names what is left alone",
  );
}

/**
 * Looks at the server to be restored into. One whose container does not run is seen from outside: whether it can be restored all the same is
 * for the adapter to say when it plans.
 */
export async function lookAt(adapter: DatabaseAdapter, context: OperationContext): Promise<Probe> {
  try {
    return await adapter.probe(context);
  } catch (thrown) {
    const error = withContainerAgain(toBackupError(thrown, { database: adapter.name }));
    const { container: reference, state } = error.details;
    if (typeof reference !== "string") throw error;
    if (state === "restarting") {
      throw new BackupError(error.reason, error.message, {
        ...error.toJSON(),
        hint: `stop it (docker stop ${reference}), then restore: where its kind is restored on its files, it need not start`,
        cause: error,
      });
    }
    if (state !== "exited" && state !== "created") throw error;
    const container = await context.containers.inspect(reference);
    return {
      version: "not known: it does not run",
      resource: container.id,
      container,
      sizeEstimate: undefined,
      warnings: [`container ${container.name} does not run; it is started by the restore, and left running`],
    };
  }
}

/** What an adapter that needs its server answers to a plan while that does not run, with the way out. */
export function withWayOut(thrown: unknown, { container }: Probe): unknown {
  const error = toBackupError(thrown);
  if (container === undefined || container.state === "running" || error.reason !== "connection") return thrown;
  return new BackupError(error.reason, `${error.message}, and it can only be restored through its running server`, {
    ...error.toJSON(),
    hint: `start it: docker start ${container.name}; where it does not stay up, make a new container with an empty volume and restore into that (--into <container>)`,
    cause: error,
  });
}
