import type { BackupEvent, SerializedError } from "@sutazai/backup-core";

/** How a command shows what happens and what came of it. Results go to standard output, everything else to standard error. */
export interface Printer {
  event(event: BackupEvent): void;
  /** What a command found: as text for people, as one JSON object for programs. */
  result(type: string, value: object, text: () => string): void;
  warning(message: string): void;
  error(error: SerializedError): void;
  /** Waits until everything is shown. */
  close(): Promise<void>;
}
