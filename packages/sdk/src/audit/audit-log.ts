import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { hostname, userInfo } from "node:os";
import { dirname, join } from "node:path";
import {
  ChainedLog,
  emptyHead,
  jsonSchema,
  writeDurably,
  type ChainedLine,
  type Json,
  type Linked,
  type Outcome,
  type Said,
} from "@sutazai/backup-core";
import { LockDirectory } from "@sutazai/backup-store";
import { z } from "zod";

/** What is audited. `settings`: they are not what they were when this user last did something. */
export const auditedActions = [
  "backup",
  "restore",
  "recover",
  "verify",
  "drill",
  "prune",
  "pin",
  "unpin",
  "unlock",
  "schedule",
  "settings",
] as const;
export type AuditedAction = (typeof auditedActions)[number];

/** Who did what, and how it ended: a line when it begins, a line when it has ended. */
export interface AuditEntry extends ChainedLine {
  readonly user: string;
  /** Who had become that user by `sudo`. */
  readonly loginUser: string | null;
  readonly host: string;
  readonly process: number;
  readonly action: AuditedAction;
  /** As it was typed; `library` where a program called. */
  readonly command: string;
  /** Names; empty where it is not about databases, or about all that there are. */
  readonly databases: readonly string[];
  readonly outcome: "begun" | Outcome;
  readonly runId: string;
  /** Ids, counts, errors; never a secret. */
  readonly details: Json;
}

/** What differs from entry to entry of a process. */
export type AuditFacts = Pick<AuditEntry, "action" | "databases" | "outcome" | "runId" | "details">;

const schema: z.ZodType<AuditEntry> = z.strictObject({
  sequence: z.int().positive(),
  at: z.string(),
  user: z.string(),
  loginUser: z.string().nullable(),
  host: z.string(),
  process: z.int().positive(),
  action: z.enum(auditedActions),
  command: z.string(),
  databases: z.array(z.string()),
  outcome: z.enum(["begun", "ok", "partial", "failed", "cancelled"]),
  runId: z.string(),
  details: jsonSchema,
  previous: z.string(),
});

export interface AuditLogOptions {
  readonly path: string;
  /** Where its lock is kept: the same for every process of this host. */
  readonly stateDirectory: string;
  /** What was asked for, as typed. Never with a secret: the command line takes none. */
  readonly command?: string | undefined;
  readonly now?: () => Date;
}

const mutexPatience = 30_000;

/**
 * The audit log: lines that are only ever added, on disk before what they announce is begun, chained like the store's log. It shows what was
 * changed in it by accident or in part; who may write it may write it anew, which shows only against a head kept elsewhere.
 */
export class AuditLog {
  readonly path: string;
  readonly #log: ChainedLog<AuditEntry>;
  readonly #command: string;
  /** A digest of what was noted last, for each user: so that the log need not be searched. */
  readonly #settingsDirectory: string;

  constructor({ path, stateDirectory, command = "library", now = () => new Date() }: AuditLogOptions) {
    this.path = path;
    this.#command = command;
    this.#settingsDirectory = join(stateDirectory, "audited-settings");
    const locks = join(stateDirectory, "locks", "audit");
    const mutex = new LockDirectory(locks, `the audit log ${path}`, now);
    this.#log = new ChainedLog({
      path,
      schema,
      exclusive: async () => {
        for (const directory of [locks, dirname(path)]) await mkdir(directory, { recursive: true, mode: 0o700 });
        return mutex.acquire("exclusive", { patience: mutexPatience });
      },
      now,
      operation: "audit",
      hint: "keep the file as evidence, and move it away: what is done next begins a new one",
    });
  }

  async append(facts: AuditFacts): Promise<void> {
    await this.#log.change((log) => log.append(this.#saidOf(facts)));
  }

  /** Notes the settings where they are not those that this user last worked with. */
  async appendSettings(settings: Json, runId: string): Promise<void> {
    const digest = createHash("sha256").update(JSON.stringify(settings)).digest("hex");
    const known = join(this.#settingsDirectory, encodeURIComponent(userName()));
    if ((await readFile(known, "utf8").catch(() => "")) === digest) return;
    await this.append({ action: "settings", databases: [], outcome: "ok", runId, details: settings });
    await mkdir(this.#settingsDirectory, { recursive: true, mode: 0o700 });
    await writeDurably(known, digest);
  }

  /** Follows the chain from end to end; throws `corrupt`. */
  read(): Promise<Linked<AuditEntry>[]> {
    return this.#log.read();
  }

  #saidOf({ action, databases, outcome, runId, details }: AuditFacts): Said<AuditEntry> {
    return { ...this.#who(), action, command: this.#command, databases, outcome, runId, details };
  }

  #who(): Pick<AuditEntry, "user" | "loginUser" | "host" | "process"> {
    return { user: userName(), loginUser: process.env["SUDO_USER"] ?? null, host: hostname(), process: process.pid };
  }
}

/** A user without a name (in a container, say) is told by his number. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? "unknown");
  }
}

export function auditHead(entries: readonly Linked<AuditEntry>[]): string {
  return entries.at(-1)?.head ?? emptyHead;
}
