import { BackupError, type BackupErrorOptions, type BackupErrorReason, type Secret } from "@sutazai/backup-core";
import type { Notice } from "./notice.ts";
import type { Routing } from "./routing.ts";

/** Why a notice is sent now: for the first time, because it still holds, because it became more urgent, because it has passed; or an event. */
export type Occasion = "first" | "reminder" | "escalation" | "resolved" | "event";

/** A notice on its way to one channel. */
export interface Message {
  /** The same for every attempt at this message, so that a receiver can tell a second copy. */
  readonly id: string;
  /** The same for everything about this cause from its beginning to its end. */
  readonly incident: string;
  /** Names the cause across all installations: `<source>/<cause>`, at most 255 characters. */
  readonly key: string;
  /** Where it comes from: a host's name. */
  readonly source: string;
  readonly occasion: Occasion;
  readonly notice: Notice;
  /** What the receiver called the incident when it was opened (a ticket's number). */
  readonly reference?: string;
  /** Recipients that have this message already. */
  readonly served: readonly string[];
}

export interface AttemptContext {
  /** Ends the attempt at once. */
  readonly signal: AbortSignal;
}

/** What a channel says of a message that arrived. */
export interface Receipt {
  /** What the receiver calls the incident; handed back when it is to be closed. */
  readonly reference?: string;
  /** What a person should know although it arrived: a recipient that was refused for good. */
  readonly problems?: readonly string[];
}

/**
 * A way to tell people. Constructing does no I/O. `deliver` makes one attempt: it resolves only when the other side has taken the message,
 * and otherwise throws a `BackupError` (see {@link deliveryFailure}), which is tried again where it is retryable. It keeps no state:
 * whether, when and how often something is sent is the notifier's.
 */
export interface NoticeChannel {
  readonly accepts: "notices";
  /** Its configured name; the notifier's state goes by it. */
  readonly name: string;
  readonly kind: string;
  readonly routing: Routing;
  /** What it is not told besides the first notice of a cause. `again`: reminders and escalations. */
  readonly takes: { readonly again: boolean; readonly resolved: boolean; readonly event: boolean };
  /** Redacted in whatever it is given to say, and in its errors. */
  readonly secrets: readonly Secret[];
  deliver(message: Message, context: AttemptContext): Promise<Receipt>;
}

/** What a run says of itself to a dead man's switch. `log` records without changing what is known. */
export interface Ping {
  readonly event: "start" | "success" | "fail" | "log";
  readonly runId: string;
  /** The end of the log, or a summary; only its last part is sent where it is too long. */
  readonly log?: string;
}

/** A dead man's switch: it raises the alarm where no `success` comes in time. As a channel in everything else. */
export interface PingChannel {
  readonly accepts: "pings";
  readonly name: string;
  readonly kind: string;
  readonly secrets: readonly Secret[];
  ping(ping: Ping, context: AttemptContext): Promise<Receipt>;
}

export type Channel = NoticeChannel | PingChannel;

export interface DeliveryFailureOptions extends BackupErrorOptions {
  /** Milliseconds that the other side asks to wait. */
  readonly retryAfterMs?: number | undefined;
  /** Recipients that did get it. */
  readonly served?: readonly string[];
}

/** The error of a channel. Only `connection`, `timeout` and `locked` are tried again at once; everything is with the next call. */
export function deliveryFailure(
  reason: BackupErrorReason,
  message: string,
  { retryAfterMs, served, details, ...options }: DeliveryFailureOptions = {},
): BackupError {
  return new BackupError(reason, message, {
    ...options,
    details: {
      ...details,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
      ...(served !== undefined && { served }),
    },
  });
}

export function retryAfterOf(error: BackupError): number | undefined {
  const value = error.details["retryAfterMs"];
  return typeof value === "number" && value >= 0 ? value : undefined;
}

export function servedOf(error: BackupError): readonly string[] {
  const value = error.details["served"];
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
