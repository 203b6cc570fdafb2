import { toBackupError, type StoreLogEntry } from "@sutazai/backup-core";
import type { Problem } from "@sutazai/backup-reporter";
import type { SystemParts } from "../context.ts";
import { holds, isEmpty, keptHead, mountIt, type KeptHead } from "../verify/log-head.ts";
import { goneFrom } from "../verify/verify-log.ts";

/** The store against what is known of it: the head of its log that is kept on this host, and what the log says was published. */
export interface KeptStore {
  /** Null where it could not be read. */
  readonly log: readonly StoreLogEntry[] | null;
  /** False where the kept head could not be read, or there is no log to compare it with. */
  readonly isCompared: boolean;
  readonly problems: readonly Problem[];
}

type Looking = Pick<SystemParts, "stateDirectory" | "store">;

/** Takes no lock, changes nothing, and does not throw. */
export async function lookAtKeptStore(parts: Looking, at: string): Promise<KeptStore> {
  // A broken chain is told by the report, a store that cannot be read likewise.
  const log = await parts.store.log().catch(() => null);
  let kept: KeptHead | undefined;
  try {
    kept = await keptHead(parts);
  } catch (thrown) {
    return { log, isCompared: false, problems: [unreadableHead(toBackupError(thrown), at)] };
  }
  if (log === null) return { log, isCompared: false, problems: [] };
  if (kept !== undefined && !holds(log, kept.head)) {
    const problem = lostStore(kept, await isEmpty(parts.store).catch(() => false), at);
    // What is not even in the log any more cannot be missed one by one.
    return { log, isCompared: true, problems: [problem] };
  }
  const gone = await goneUnasked(parts, log, kept?.accepted).catch(() => null);
  if (gone === null) return { log, isCompared: false, problems: [] };
  const byDatabase = Map.groupBy(gone, ({ database }) => database);
  return {
    log,
    isCompared: true,
    problems: [...byDatabase].map(([database, lost]) => goneBackups(database, lost, at)),
  };
}

/**
 * What was published and is gone without having been deleted. Without a lock, so one that is being published or deleted at this moment must not be taken
 * for it: looked at again, the log last, and not while somebody deletes. Null where that is the case.
 */
async function goneUnasked(
  { store }: Looking,
  log: readonly StoreLogEntry[],
  accepted: number | undefined,
): Promise<readonly StoreLogEntry[] | null> {
  const missing = goneFrom(log, await presentIn(store), accepted);
  if (missing.length === 0) return [];
  const present = await presentIn(store);
  if ((await store.lockHolders()).some(({ mode }) => mode === "exclusive")) return null;
  const still = new Set(goneFrom(await store.log(), present, accepted).map(({ backup }) => backup));
  return missing.filter(({ backup }) => still.has(backup));
}

async function presentIn(store: Looking["store"]): Promise<ReadonlySet<string>> {
  return new Set((await store.list()).map(({ id }) => id));
}

const onPurpose = "where it was done on purpose, `sutazai-backup verify --log --accept` takes it as it is";

function lostStore({ store, at: keptAt, entries }: KeptHead, empty: boolean, at: string): Problem {
  return {
    cause: "store-lost",
    severity: "critical",
    database: null,
    since: at,
    title: empty ? "The store is empty, and was not" : "The store is not what it was",
    what: empty
      ? `${store} holds nothing. When it was last seen, at ${keptAt}, its log had ${entries} entries. Nothing is backed up into it.`
      : `The log in ${store} does not hold what it held at ${keptAt}: it was rolled back to an older state, cut short or written anew, or it is another store.`,
    action: `${capital(mountIt)}; ${onPurpose}.`,
  };
}

function goneBackups(database: string, lost: readonly StoreLogEntry[], at: string): Problem {
  const [first] = lost;
  return {
    cause: `gone:${database}`,
    severity: "critical",
    database,
    since: at,
    title: lost.length === 1 ? `A backup of ${database} is gone` : `${lost.length} backups of ${database} are gone`,
    what: `Published, and not deleted by this software: ${first?.backup ?? ""}${lost.length === 1 ? "" : ` and ${lost.length - 1} more`}.`,
    action: `Find out who removed it (\`sutazai-backup verify --log\` names all); ${onPurpose}.`,
  };
}

function unreadableHead(
  { message, hint = "" }: { readonly message: string; readonly hint?: string | undefined },
  at: string,
): Problem {
  return {
    cause: "log-head",
    severity: "warning",
    database: null,
    since: at,
    title: "Whether the store is what it was cannot be told",
    what: message,
    action: `${capital(hint)}.`,
  };
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
