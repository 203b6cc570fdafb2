import {
  BackupError,
  isBackupError,
  toBackupError,
  type ContainerRuntime,
  type DatabaseKind,
  type Probe,
  type SerializedError,
} from "@sutazai/backup-core";
import { moduleOf } from "../adapters.ts";
import { wrapSecrets } from "../config/secrets.ts";
import { mergeLayers } from "../config/layers.ts";
import { discover } from "../discover.ts";
import { lookingContext } from "./looking-context.ts";

/** A container that could be backed up. */
export interface ProposedDatabase {
  /** Unique among all that are proposed. */
  readonly name: string;
  readonly kind: DatabaseKind;
  readonly container: string;
  /** `image`: it only looks like a database; somebody must want it. */
  readonly by: "name" | "label" | "image";
}

/** What a first connection came to. */
export type TriedDatabase = ProposedDatabase &
  (
    | { readonly probe: Probe; readonly error?: undefined }
    | { readonly probe?: undefined; readonly error: SerializedError }
  );

/** The containers that are databases or look like one; those that say so themselves come first. Asks Docker only. */
export async function proposeDatabases(containers: ContainerRuntime): Promise<ProposedDatabase[]> {
  const { databases, candidates } = await discover(containers);
  const proposed: ProposedDatabase[] = [...databases];
  for (const { kind, container } of candidates) {
    const isTaken = (name: string) => proposed.some((other) => other.name === name);
    const name = [kind, container].find((each) => !isTaken(each));
    if (name !== undefined) proposed.push({ name, kind, container, by: "image" });
  }
  return proposed;
}

const patienceMs = 20_000;

/** Connects with what the container tells and what is given (`passwordFile`); changes nothing, and never throws for what it finds. */
export async function tryDatabase(
  containers: ContainerRuntime,
  proposed: ProposedDatabase,
  options: Readonly<Record<string, string>> = {},
  signal?: AbortSignal,
): Promise<TriedDatabase> {
  const limit = AbortSignal.timeout(patienceMs);
  try {
    const module = moduleOf(proposed.kind);
    if (module === undefined) throw new BackupError("unsupported", `no adapter for ${proposed.kind}`);
    const { name, container } = proposed;
    const wrapped = await wrapSecrets(["databases", name], options, module.secrets, mergeLayers([]));
    const adapter = module.create(module.optionsSchema.parse({ ...wrapped, name, container }) as never);
    const either = signal === undefined ? limit : AbortSignal.any([limit, signal]);
    return { ...proposed, probe: await adapter.probe(lookingContext(containers, either)) };
  } catch (thrown) {
    if (signal?.aborted === true) throw thrown;
    const error = toBackupError(thrown, { database: proposed.name, operation: "init" });
    const late = limit.aborted && isBackupError(thrown) && error.reason === "cancelled";
    if (!late) return { ...proposed, error: error.toJSON() };
    const message = `it did not answer within ${patienceMs / 1000} s`;
    return { ...proposed, error: new BackupError("timeout", message, { database: proposed.name }).toJSON() };
  }
}

/** Options of a kind that are secrets; each has a `…File` form. */
export function secretOptions(kind: DatabaseKind): readonly string[] {
  return moduleOf(kind)?.secrets ?? [];
}
