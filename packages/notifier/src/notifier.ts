import { hostname } from "node:os";
import { BackupError, newId, silentLogger, type Logger, type Secret } from "@sutazai/backup-core";
import type { Channel, NoticeChannel, Ping, PingChannel } from "./channel.ts";
import { admit, withoutOldEvents, type Ledger } from "./ledger.ts";
import type { Notice } from "./notice.ts";
import { Outbox } from "./outbox.ts";
import { redactNotice } from "./redaction.ts";
import type { Delivery, NotificationReport, PingDelivery, Standing } from "./report.ts";
import { defaultRetries, type RetryPolicy } from "./retry.ts";
import { whyNotFor } from "./routing.ts";
import { Sender } from "./sender.ts";
import { NotifierState } from "./state.ts";
import { testNotices } from "./test-notice.ts";
import { startTimeLimit, type TimeLimit } from "./time-limit.ts";

export interface NotifierOptions {
  /** Each under a name of its own. */
  readonly channels: readonly Channel[];
  /** Directory of its own for what was told and what is still owed; made where there is none. Several processes may share it. */
  readonly stateDir: string;
  /** What this installation is called in messages; the host's name unless given. Installations that share a pager need different ones. */
  readonly source?: string;
  /** Milliseconds after which what still holds is told again; a day unless given. */
  readonly reminderMs?: number;
  /** Milliseconds that one call may take; 30 s unless given. */
  readonly timeLimitMs?: number;
  readonly retries?: Partial<RetryPolicy>;
  /** Redacted in all that is said, besides the channels' own. */
  readonly secrets?: readonly Secret[];
  readonly logger?: Logger;
  readonly now?: () => Date;
}

const dayMs = 86_400_000;
const defaultTimeLimitMs = 30_000;
/**
 * Tells people what they should know: each cause once per channel, again when it becomes more urgent or when a reminder is due, and once
 * more when it has passed. What cannot be delivered is kept and tried with the next call. No method throws, whatever the channels do.
 */
export class Notifier {
  readonly #channels: readonly Channel[];
  readonly #state: NotifierState;
  readonly #outbox: Outbox;
  readonly #sender: Sender;
  readonly #reminderMs: number;
  readonly #timeLimitMs: number;
  readonly #secrets: readonly Secret[];
  readonly #logger: Logger;
  readonly #now: () => Date;

  /** Does no I/O. Throws `configuration` for two channels of one name. */
  constructor(options: NotifierOptions) {
    const names = options.channels.map(({ name }) => name);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) {
      throw new BackupError("configuration", `two channels are called ${twice}`, {
        operation: "notify",
        hint: "give each a name of its own",
      });
    }
    this.#channels = options.channels;
    this.#state = new NotifierState(options.stateDir);
    this.#reminderMs = options.reminderMs ?? dayMs;
    this.#timeLimitMs = options.timeLimitMs ?? defaultTimeLimitMs;
    this.#secrets = [...(options.secrets ?? []), ...options.channels.flatMap(({ secrets }) => secrets)];
    this.#logger = options.logger ?? silentLogger;
    this.#now = options.now ?? (() => new Date());
    this.#sender = new Sender({
      source: options.source ?? hostname(),
      retries: { ...defaultRetries, ...options.retries },
      secrets: this.#secrets,
      logger: this.#logger,
    });
    this.#outbox = new Outbox({
      state: this.#state,
      sender: this.#sender,
      timeLimitMs: this.#timeLimitMs,
      now: this.#now,
    });
  }

  /**
   * Tells the notices to the channels that they are for, and what is owed from earlier calls; `notify([])` does only that. They are recorded before
   * anything is sent: what a killed process leaves is sent by the next.
   */
  async notify(
    notices: readonly Notice[],
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<NotificationReport> {
    using limit = startTimeLimit(this.#timeLimitMs, signal);
    const warnings = new Set<string>();
    const warn = (message: string): void => {
      if (!warnings.has(message)) this.#logger.warn({}, message);
      warnings.add(message);
    };
    const clean = notices.map((notice) => redactNotice(notice, this.#secrets));
    const skipped = await this.#state.update((ledger) => this.#admitAll(ledger, clean), warn);
    const sent = await Promise.all(this.#noticeChannels().map((channel) => this.#outbox.drain(channel, limit, warn)));
    return { deliveries: [...skipped, ...sent.flat()], warnings: [...warnings] };
  }

  /** Tells every dead man's switch how a run goes. Not recorded, and not tried again by later calls. */
  async ping(
    ping: Ping,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<readonly PingDelivery[]> {
    using limit = startTimeLimit(this.#timeLimitMs, signal);
    return await Promise.all(this.#pingChannels().map((channel) => this.#sender.ping(channel, ping, limit)));
  }

  /**
   * Sends to every channel one message that says it is a test, whatever the channel is for, and closes what that opened. A dead man's switch gets a line
   * for its log, which changes nothing of what it knows. Nothing is recorded.
   */
  async test({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<{
    readonly deliveries: readonly Delivery[];
    readonly pings: readonly PingDelivery[];
  }> {
    using limit = startTimeLimit(this.#timeLimitMs, signal);
    const id = newId(this.#now());
    const log = "This is a test of the notifications. Nothing is wrong.";
    const [deliveries, pings] = await Promise.all([
      Promise.all(this.#noticeChannels().map((channel) => this.#test(channel, id, limit))),
      Promise.all(
        this.#pingChannels().map((channel) => this.#sender.ping(channel, { event: "log", runId: id, log }, limit)),
      ),
    ]);
    return { deliveries: deliveries.flat(), pings };
  }

  /** What is open or owed at present on these channels. A monitor resolves the causes in here that hold no longer. */
  async standing(): Promise<readonly Standing[]> {
    const { topics } = await this.#state.read((message) => this.#logger.warn({}, message));
    const names = new Set(this.#channels.map(({ name }) => name));
    return topics
      .filter(({ channel }) => names.has(channel))
      .map(({ channel, cause, incident, told, pending }) => ({
        channel,
        cause,
        since: timeOf(incident),
        ...(told !== null && { toldAt: told.at }),
        ...(pending !== null && {
          undelivered: {
            state: pending.notice.state,
            title: pending.notice.title,
            since: pending.since,
            attempts: pending.attempts,
            ...(pending.lastError !== undefined && { lastError: pending.lastError }),
          },
        }),
      }));
  }

  #noticeChannels(): readonly NoticeChannel[] {
    return this.#channels.filter((channel) => channel.accepts === "notices");
  }

  #pingChannels(): readonly PingChannel[] {
    return this.#channels.filter((channel) => channel.accepts === "pings");
  }

  #admitAll(before: Ledger, notices: readonly Notice[]): { ledger: Ledger; result: Delivery[] } {
    let { ledger, result } = withoutOldEvents(before, this.#now());
    for (const notice of notices) {
      for (const channel of this.#noticeChannels()) {
        const { cause, state } = notice;
        // What a channel was told of, it is told the end of, however it is routed.
        const unwanted = state === "resolved" ? undefined : whyNotFor(notice, channel.routing);
        const admission =
          unwanted === undefined
            ? admit(ledger, channel, notice, { now: this.#now(), reminderMs: this.#reminderMs })
            : { ledger, skipped: unwanted };
        ledger = admission.ledger;
        if (admission.skipped !== undefined) {
          result = [...result, { channel: channel.name, cause, state, outcome: "skipped", why: admission.skipped }];
        }
      }
    }
    return { ledger, result };
  }

  async #test(channel: NoticeChannel, id: string, limit: TimeLimit): Promise<Delivery[]> {
    const { firing, resolved } = testNotices(id, this.#now());
    const opened = await this.#sender.send(channel, { id, incident: id, occasion: "first", notice: firing }, limit);
    const first = this.#sender.deliveryOf(channel, firing, "first", opened);
    if ("error" in opened || !channel.takes.resolved) return [first];
    const { reference } = opened.value;
    const end = { id: newId(), incident: id, occasion: "resolved", notice: resolved } as const;
    const closed = await this.#sender.send(channel, { ...end, ...(reference !== undefined && { reference }) }, limit);
    return [first, this.#sender.deliveryOf(channel, resolved, "resolved", closed)];
  }
}

/** Ids begin with the time at which they were made: `20261123T030041.000Z-…`. */
function timeOf(id: string): string {
  return id.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d\.\d{3}Z).*$/, "$1-$2-$3T$4:$5:$6");
}
