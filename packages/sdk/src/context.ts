import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type {
  ContainerRuntime,
  DatabaseAdapter,
  EventListener,
  Journal,
  JournalRecord,
  Logger,
  RecoveryContext,
  Recoverer,
  Store,
} from "@sutazai/backup-core";
import { BackupError, newId } from "@sutazai/backup-core";
import { Staging } from "@sutazai/backup-store";
import type { Discovered } from "./config/load.ts";
import { targetNamed, type AdapterIn } from "./restore/into.ts";
import type { RetentionConfig } from "./prune/policy.ts";
import { givenBack } from "./warn.ts";

/** What every operation of a system works with. */
export interface SystemParts {
  readonly databases: ReadonlyMap<string, DatabaseAdapter>;
  readonly store: Store;
  readonly containers: ContainerRuntime;
  readonly journal: Journal;
  readonly stateDirectory: string;
  readonly parallel: number;
  readonly timeoutMs: number;
  readonly drill: DrillSettings;
  readonly retention: RetentionConfig;
  /** Days that a prune keeps the reports of runs. */
  readonly reportDays: number;
  /** Names; those first when all are restored. */
  readonly restoreOrder: readonly string[];
  readonly adapterIn: AdapterIn | undefined;
  /** Undefined where whoever made the system named all databases. */
  readonly discovery: Discovered | undefined;
  readonly emit: EventListener;
  readonly logger: Logger;
}

/** How backups are drilled. */
export interface DrillSettings {
  /** Bytes of memory that a throwaway server may use. */
  readonly memory: number;
  /** By database: an image instead of the one in the manifest. */
  readonly images: Readonly<Record<string, string>>;
}

/** A recovery context with a scratch directory of its own, removed on disposal; or, where this process dies, by the next one's `removeOrphans`. */
export async function openContext(parts: SystemParts): Promise<RecoveryContext & AsyncDisposable> {
  const path = scratchPath(parts);
  await mkdir(path, { recursive: true, mode: 0o700 });
  const place = await new Staging(path).make(newId());
  return {
    logger: parts.logger,
    containers: parts.containers,
    scratch: place.content,
    ...givenBack(parts, `the scratch directory ${place.content}`, place),
  };
}

export function scratchPath({ stateDirectory }: Pick<SystemParts, "stateDirectory">): string {
  return join(stateDirectory, "scratch");
}

/** Who settles a journal record: the container runtime, or the adapter of the database (or of the other container) that it names. */
export function recovererOf(parts: SystemParts, { part }: JournalRecord): Recoverer {
  if (part === "containers") return parts.containers;
  return { recover: async (...given) => (await adapterNamed(parts, part)).recover(...given) };
}

/** The adapter of the database, or of the other container, that the journal names. Throws `not-found`. */
export async function adapterNamed(parts: SystemParts, name: string): Promise<DatabaseAdapter> {
  const adapter = parts.databases.get(name) ?? (await targetNamed(parts, name));
  if (adapter !== undefined) return adapter;
  throw new BackupError("not-found", `the journal names the database "${name}", which is not configured`, {
    operation: "recover",
    database: name,
    hint: "configure it again as it was, then run `sutazai-backup recover`",
  });
}

/** The databases of the given names, or all; an unknown name is an error that lists the known ones. */
export function selectDatabases(parts: SystemParts, names: readonly string[] | undefined): DatabaseAdapter[] {
  const known = [...parts.databases.keys()];
  const { error } = parts.discovery ?? {};
  if (error !== undefined && (known.length === 0 || names?.some((name) => !known.includes(name)) === true)) throw error;
  if (known.length === 0) {
    throw new BackupError("configuration", "no database is known", {
      operation: "select",
      hint: "name containers sutazai-<kind>, label them sutazai.backup=<kind>, or list databases in sutazai-backup.config.yaml",
    });
  }
  if (names === undefined || names.length === 0) return [...parts.databases.values()];
  return [...new Set(names)].map((name) => {
    const adapter = parts.databases.get(name);
    if (adapter === undefined) {
      throw new BackupError("configuration", `there is no database "${name}"`, {
        operation: "select",
        hint: `known: ${known.join(", ")}`,
      });
    }
    return adapter;
  });
}
