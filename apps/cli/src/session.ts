import { toBackupError } from "@sutazai/backup-core";
import {
  describeOperation,
  openBackupSystem,
  type BackupConfig,
  type BackupSystem,
  type LoadOptions,
  type LogLevel,
  type OpenedBackupSystem,
} from "@sutazai/backup-sdk";
import { exitCodeOfError, type ExitCode } from "./exit-codes.ts";
import { jsonPrinter } from "./printers/json.ts";
import { livePrinter } from "./printers/live.ts";
import { plainPrinter } from "./printers/plain.ts";
import type { Printer } from "./printers/printer.ts";

/** The options that every verb takes. */
export interface GlobalArguments {
  readonly config?: string | undefined;
  readonly dir?: string | undefined;
  readonly json?: boolean | undefined;
  readonly logLevel?: LogLevel | undefined;
}

export interface Session extends OpenedBackupSystem {
  readonly printer: Printer;
  /** Aborted by the first Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
  /** Opens the system once more, from what is configured by then. */
  readonly reopen: (needs: Pick<Needs, "storeOnly" | "log">) => Promise<OpenedBackupSystem>;
}

export interface Needs {
  /** Settings that this verb's own options set. */
  readonly flags?: BackupConfig;
  /** It works on the store alone: neither Docker nor a database need be there. */
  readonly storeOnly?: boolean;
  /** It settles nothing: what a process that died has left is only told. */
  readonly onlyLooks?: boolean;
  /** It goes on for long, and does many things: told line by line. */
  readonly isLong?: boolean;
  /** Keeps a log of it, under this name. */
  readonly log?: string;
  /** What is done where the system cannot be opened, besides telling whoever called. Returns what goes wrong with that. */
  readonly notOpened?: (error: unknown, options: LoadOptions) => Promise<readonly string[]>;
  /** A file with variables that are set before anything is read, unless they are set already. Need not be there. */
  readonly environmentFile?: string;
}

/**
 * Runs one verb: opens the system that the configuration describes, turns whatever is thrown into an error message and
 * an exit code, and a Ctrl-C into a cancellation that undoes what was begun.
 */
export async function runVerb(
  args: GlobalArguments,
  needs: Needs,
  verb: (session: Session) => Promise<ExitCode>,
): Promise<ExitCode> {
  const printer =
    args.json === true ? jsonPrinter() : process.stderr.isTTY && needs.isLong !== true ? livePrinter() : plainPrinter();
  using cancellation = cancelOnSignals(printer, needs.isLong ?? false);
  // No option takes a secret, so what was typed may be kept.
  const command = process.argv.slice(2).join(" ");
  const configured = {
    configFile: args.config,
    flags: { ...(args.dir !== undefined && { dir: args.dir }), ...needs.flags },
  };
  const reopen: Session["reopen"] = ({ storeOnly = false, log: name }) =>
    openBackupSystem({
      ...configured,
      storeOnly,
      onEvent: (event) => printer.event(event),
      command,
      // What goes on for long does many things of its own accord.
      traceparent: needs.isLong === true ? undefined : process.env["TRACEPARENT"],
      log: name === undefined ? undefined : { name, level: args.logLevel ?? "warn", command },
    });
  let log: OpenedBackupSystem["log"];
  try {
    if (needs.environmentFile !== undefined) loadEnvironment(needs.environmentFile);
    const opened = await reopen(needs).catch(async (thrown: unknown) => {
      const problems = await needs.notOpened?.(thrown, configured);
      for (const problem of problems ?? []) printer.warning(problem);
      throw thrown;
    });
    log = opened.log;
    for (const warning of opened.config.warnings) printer.warning(warning);
    if (needs.onlyLooks === true) await tellUnfinished(opened.system, printer);
    const code = await verb({ ...opened, printer, signal: cancellation.signal, reopen });
    await log?.close({ exitCode: code });
    return code;
  } catch (thrown) {
    const error = toBackupError(thrown);
    await printer.close();
    printer.error(error.toJSON());
    const code = exitCodeOfError(error);
    await log?.close({ exitCode: code, error });
    return code;
  } finally {
    await printer.close();
  }
}

function loadEnvironment(file: string): void {
  try {
    process.loadEnvFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

/** What stands in the journal. One that cannot be read is for `recover` to fail at. */
async function tellUnfinished(system: BackupSystem, printer: Printer): Promise<void> {
  try {
    for (const operation of await system.pending()) {
      const hint = operation.liveness === "dead" ? ": run `sutazai-backup recover`" : "";
      printer.warning(`${describeOperation(operation)}${hint}`);
    }
  } catch (error) {
    printer.warning(toBackupError(error).message);
  }
}

export function cancelOnSignals(printer: Printer, isLong: boolean): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const cancel = () => {
    if (controller.signal.aborted) return;
    printer.warning(
      isLong
        ? "ending: what runs is brought to its end, or cancelled after its grace"
        : "cancelling: undoing what was begun; this runs to its end",
    );
    controller.abort();
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, cancel);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const signal of signals) process.off(signal, cancel);
    },
  };
}
