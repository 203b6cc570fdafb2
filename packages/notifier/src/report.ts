import type { SerializedError } from "@sutazai/backup-core";
import type { Occasion, Ping } from "./channel.ts";
import type { NoticeState } from "./notice.ts";

/** What one call came to. Data, for the report of the run. */
export interface NotificationReport {
  /** For each notice and channel, and for what was still owed from earlier. */
  readonly deliveries: readonly Delivery[];
  /** What went wrong with the notifier's own state. Nothing was left unsent for it. */
  readonly warnings: readonly string[];
}

export type Delivery = {
  readonly channel: string;
  readonly cause: string;
  readonly state: NoticeState;
} & (
  | {
      readonly outcome: "delivered";
      readonly occasion: Occasion;
      /** In this call. */
      readonly attempts: number;
      /** What should be looked at although it arrived: recipients refused for good. */
      readonly problems: readonly string[];
    }
  /** It is owed still, and tried again with the next call. */
  | {
      readonly outcome: "failed";
      readonly occasion: Occasion;
      readonly attempts: number;
      readonly error: SerializedError;
    }
  | { readonly outcome: "skipped"; readonly why: string }
);

/** What became of a ping at one channel. What failed is not tried again later: by then it would say the wrong thing, and the switch raises the alarm by itself. */
export type PingDelivery = { readonly channel: string; readonly event: Ping["event"] } & (
  | { readonly outcome: "delivered"; readonly attempts: number }
  | { readonly outcome: "failed"; readonly attempts: number; readonly error: SerializedError }
);

/** One cause on one channel: open, owed, or both. */
export interface Standing {
  readonly channel: string;
  readonly cause: string;
  /** When it was first heard of. */
  readonly since: string;
  /** When the channel was last told that it holds; absent where it never was. */
  readonly toldAt?: string;
  /** What it is owed. */
  readonly undelivered?: {
    readonly state: NoticeState;
    readonly title: string;
    readonly since: string;
    readonly attempts: number;
    readonly lastError?: SerializedError;
  };
}
