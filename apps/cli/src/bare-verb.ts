import { toBackupError } from "@sutazai/backup-core";
import { exitCodeOfError, type ExitCode } from "./exit-codes.ts";
import { jsonPrinter } from "./printers/json.ts";
import { plainPrinter } from "./printers/plain.ts";
import type { Printer } from "./printers/printer.ts";
import { cancelOnSignals, type GlobalArguments } from "./session.ts";

/** What a verb has that must work where no configuration can be read. */
export interface BareSession {
  readonly printer: Printer;
  /** Aborted by the first Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
}

/** Runs a verb that does not begin with the system that is configured: it may be what is wrong, or not there yet. */
export async function runBareVerb(
  { json }: GlobalArguments,
  verb: (session: BareSession) => Promise<ExitCode>,
): Promise<ExitCode> {
  const printer = json === true ? jsonPrinter() : plainPrinter();
  using cancellation = cancelOnSignals(printer, false);
  try {
    return await verb({ printer, signal: cancellation.signal });
  } catch (thrown) {
    const error = toBackupError(thrown);
    printer.error(error.toJSON());
    return exitCodeOfError(error);
  } finally {
    await printer.close();
  }
}
