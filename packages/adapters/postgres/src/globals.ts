import { Readable } from "node:stream";
import { BackupError } from "@sutazai/backup-core";
import { readGlobalFacts, readSettingsOfAllRoles, type GlobalFacts } from "./catalog.ts";
import { readDump } from "./dump/observe.ts";
import { quoteName, quoteText, type Session } from "./session.ts";
import type { Tools } from "./tools.ts";

const attempts = 5;

/** What belongs to no database, and facts that are sure to be of the same moment. */
export interface Globals extends GlobalFacts {
  readonly dump: Buffer;
}

/** Dumps roles, memberships and tablespaces; again where they changed meanwhile, for pg_dumpall takes no snapshot. */
export async function captureGlobals(session: Session, tools: Tools, signal: AbortSignal): Promise<Globals> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const before = await readGlobalFacts(session);
    const dump = await tools.dumpGlobals(signal);
    // One that ends early may do so without an error; its last line tells.
    await readDump(Readable.from([dump]), () => undefined);
    const rest = await readSettingsOfAllRoles(session);
    const after = await readGlobalFacts(session);
    if (JSON.stringify(before) === JSON.stringify(after)) return { ...after, dump: withSettingsOfAllRoles(dump, rest) };
  }
  throw new BackupError("incomplete", `roles changed during each of ${attempts} attempts to dump them`, {
    operation: "postgres.dump-globals",
    hint: "back up when roles are not being changed all the time",
  });
}

function withSettingsOfAllRoles(dump: Buffer, settings: readonly string[]): Buffer {
  const statements = settings.map((setting) => {
    const at = setting.indexOf("=");
    const name = quoteName(setting.slice(0, at));
    return `ALTER ROLE ALL SET ${name} TO ${settingValue(setting.slice(0, at), setting.slice(at + 1))};\n`;
  });
  if (statements.length === 0) return dump;
  const end = dump.lastIndexOf("--\n-- PostgreSQL database cluster dump complete");
  const added = `--\n-- Settings of all roles, which pg_dumpall leaves out\n--\n\n${statements.join("")}\n`;
  return Buffer.concat([dump.subarray(0, end), Buffer.from(added), dump.subarray(end)]);
}

// Kept as lists of identifiers, quoted already (variable_is_guc_list_quote in pg_dump's sources).
const lists: ReadonlySet<string> = new Set([
  "local_preload_libraries",
  "search_path",
  "session_preload_libraries",
  "shared_preload_libraries",
  "temp_tablespaces",
  "unix_socket_directories",
]);

function settingValue(name: string, value: string): string {
  if (!lists.has(name.toLowerCase())) return quoteText(value);
  const parts = value.match(/"(?:[^"]|"")*"|[^,\s]+/g) ?? [];
  return parts.length === 0
    ? "''"
    : parts.map((part) => quoteText(part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part)).join(", ");
}
