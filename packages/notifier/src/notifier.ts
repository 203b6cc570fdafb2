import { createHash } from "node:crypto";
import { hostname } from "node:os";
import {
  BackupError,
  currentProcess,
  livenessOf,
  newId,
  redact,
  silentLogger,
  toBackupError,
  type Logger,
  type Secret,
  type SerializedError,
} from "@sutazai/backup-core";
import {
  retryAfterOf,
  servedOf,
  type Channel,
  type Message,
  type NoticeChannel,
  type Occasion,
  type Ping,
  type PingChannel,
  type Receipt,
} from "./channel.ts";
import {
  admit,
  claim,
  mustWait,
  nextFor,
  settle,
  type Claim,
  type Ledger,
  type Pending,
  type Topic,
} from "./ledger.ts";
import type { Notice } from "./notice.ts";
import { inEveryForm, redactNotice } from "./redaction.ts";
import type { Delivery, NotificationReport, PingDelivery, Standing } from "./report.ts";
import { defaultRetries, withRetries, type RetryPolicy, type Tried } from "./retry.ts";
import { whyNotFor } from "./routing.ts";
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
/** How long after its time limit a call may still be recording what it did. */
const claimMarginMs = 10_000;

/**
 * Tells people what they should know: each cause once per channel, again when it becomes more urgent or when a reminder is due, and once
 * more when it has passed. What cannot be delivered is kept and tried with the next call. No method throws, whatever the channels do.
 */
export class Notifier {
  readonly #channels: readonly Channel[];
  readonly #state: NotifierState;
  readonly #source: string;
  readonly #reminderMs: number;
  readonly #timeLimitMs: number;
  readonly #retries: RetryPolicy;
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
    this.#source = options.source ?? hostname();
    this.#reminderMs = options.reminderMs ?? dayMs;
    this.#timeLimitMs = options.timeLimitMs ?? defaultTimeLimitMs;
    this.#retries = { ...defaultRetries, ...options.retries };
    this.#secrets = inEveryForm([...(options.secrets ?? []), ...options.channels.flatMap(({ secrets }) => secrets)]);
    this.#logger = options.logger ?? silentLogger;
    this.#now = options.now ?? (() => new Date());
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
    const sent = await Promise.all(this.#noticeChannels().map((channel) => this.#drain(channel, limit, warn)));
    return { deliveries: [...skipped, ...sent.flat()], warnings: [...warnings] };
  }

  /** Tells every dead man's switch how a run goes. Not recorded, and not tried again by later calls. */
  async ping(
    ping: Ping,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<readonly PingDelivery[]> {
    using limit = startTimeLimit(this.#timeLimitMs, signal);
    return await Promise.all(this.#pingChannels().map((channel) => this.#ping(channel, ping, limit)));
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
      Promise.all(this.#pingChannels().map((channel) => this.#ping(channel, { event: "log", runId: id, log }, limit))),
    ]);
    return { deliveries: deliveries.flat(), pings };
  }

  /** What is open or owed at present. A monitor resolves the causes in here that hold no longer. */
  async standing(): Promise<readonly Standing[]> {
    const { topics } = await this.#state.read((message) => this.#logger.warn({}, message));
    return topics.map(({ channel, cause, told, pending }) => ({
      channel,
      cause,
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
    let ledger = before;
    const result: Delivery[] = [];
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
          result.push({ channel: channel.name, cause, state, outcome: "skipped", why: admission.skipped });
        }
      }
    }
    return { ledger, result };
  }

  /** Sends one after the other what a channel is owed, each thing at most once, until nothing or no time is left. */
  async #drain(channel: NoticeChannel, limit: TimeLimit, warn: (message: string) => void): Promise<Delivery[]> {
    const tried = new Set<string>();
    const deliveries: Delivery[] = [];
    while (!limit.signal.aborted) {
      const topic = await this.#take(channel, tried, limit, warn);
      if (topic === undefined) break;
      tried.add(topic.pending.id);
      deliveries.push(await this.#deliver(channel, topic, limit, warn));
    }
    const { topics } = await this.#state.read(warn);
    for (const { pending, channel: name, sending, cause } of topics) {
      if (name !== channel.name || pending === null || tried.has(pending.id)) continue;
      deliveries.push({ channel: name, cause, state: pending.notice.state, ...untried(pending, sending, limit) });
    }
    return deliveries;
  }

  /** Claims what is to be sent next, so that no other process sends it as well. */
  async #take(
    channel: NoticeChannel,
    tried: ReadonlySet<string>,
    limit: TimeLimit,
    warn: (message: string) => void,
  ): Promise<(Topic & { readonly pending: Pending }) | undefined> {
    const longestMs = this.#timeLimitMs + claimMarginMs;
    const dead = await deadClaims(await this.#state.read(warn));
    const now = this.#now();
    const mine: Claim = {
      by: await currentProcess(),
      until: new Date(now.getTime() + limit.leftMs() + claimMarginMs).toISOString(),
    };
    const isFree = ({ sending, pending }: Topic): boolean => {
      if (pending === null || tried.has(pending.id) || mustWait(pending, now)) return false;
      if (sending === null || dead.has(JSON.stringify(sending))) return true;
      const leftMs = Date.parse(sending.until) - now.getTime();
      return leftMs <= 0 || leftMs > longestMs;
    };
    return await this.#state.update((ledger) => {
      const topic = nextFor(ledger, channel.name, isFree);
      return { ledger: topic === undefined ? ledger : claim(ledger, topic, mine), result: topic };
    }, warn);
  }

  async #deliver(
    channel: NoticeChannel,
    { cause, incident, told, pending }: Topic & { readonly pending: Pending },
    limit: TimeLimit,
    warn: (message: string) => void,
  ): Promise<Delivery> {
    const { id, notice, occasion } = pending;
    const served = new Set(pending.served);
    const { reference } = told ?? {};
    const message = { id, incident, occasion, notice, ...(reference !== undefined && { reference }) };
    const tried = await this.#send(channel, message, served, limit);
    const settled =
      "error" in tried
        ? {
            error: tried.error.toJSON(),
            attempts: tried.attempts,
            served: [...served],
            retryAfterMs: retryAfterOf(tried.error),
          }
        : { delivered: tried.value, notice };
    const sent = { channel: channel.name, cause, id };
    await this.#state.update(
      (ledger) => ({ ledger: settle(ledger, sent, settled, this.#now()), result: undefined }),
      warn,
    );
    return this.#deliveryOf(channel, notice, occasion, tried);
  }

  /** One message with its retries. Recipients that have it are added to `served`, and left out from then on. */
  #send(
    channel: NoticeChannel,
    message: Omit<Message, "key" | "source" | "served">,
    served: Set<string>,
    limit: TimeLimit,
  ): Promise<Tried<Receipt>> {
    const key = keyOf(this.#source, message.notice.cause);
    return withRetries(
      async (signal) => {
        try {
          return await channel.deliver({ ...message, key, source: this.#source, served: [...served] }, { signal });
        } catch (error) {
          const failure = toBackupError(error, { operation: "notify" });
          for (const recipient of servedOf(failure)) served.add(recipient);
          throw failure;
        }
      },
      this.#retries,
      limit,
    );
  }

  async #test(channel: NoticeChannel, id: string, limit: TimeLimit): Promise<Delivery[]> {
    const { firing, resolved } = testNotices(id, this.#now());
    const message = { id, incident: id, occasion: "first", notice: firing } as const;
    const opened = await this.#send(channel, message, new Set(), limit);
    const first = this.#deliveryOf(channel, firing, "first", opened);
    if ("error" in opened || !channel.takes.resolved) return [first];
    const { reference } = opened.value;
    const end = { id: newId(), incident: id, occasion: "resolved", notice: resolved } as const;
    const closed = await this.#send(
      channel,
      { ...end, ...(reference !== undefined && { reference }) },
      new Set(),
      limit,
    );
    return [first, this.#deliveryOf(channel, resolved, "resolved", closed)];
  }

  async #ping(channel: PingChannel, ping: Ping, limit: TimeLimit): Promise<PingDelivery> {
    const told = await withRetries((signal) => channel.ping(this.#clean(ping), { signal }), this.#retries, limit);
    const { attempts } = told;
    const common = { channel: channel.name, event: ping.event, attempts };
    if (!("error" in told)) return { ...common, outcome: "delivered" };
    this.#logger.warn({ channel: channel.name, error: told.error.toJSON() }, `the ping to ${channel.name} failed`);
    return { ...common, outcome: "failed", error: told.error.toJSON() };
  }

  #clean({ log, ...ping }: Ping): Ping {
    return { ...ping, ...(log !== undefined && { log: redact(log, this.#secrets) }) };
  }

  #deliveryOf(channel: NoticeChannel, notice: Notice, occasion: Occasion, tried: Tried<Receipt>): Delivery {
    const { attempts } = tried;
    const common = { channel: channel.name, cause: notice.cause, state: notice.state, occasion, attempts };
    if ("error" in tried) {
      const error = tried.error.toJSON();
      this.#logger.warn({ channel: channel.name, cause: notice.cause, error }, `${channel.name} could not be told`);
      return { ...common, outcome: "failed", error };
    }
    return { ...common, outcome: "delivered", problems: tried.value.problems ?? [] };
  }
}

/** What is owed and was not tried in this call. */
function untried(
  { occasion, attempts, notBefore, lastError }: Pending,
  sending: Claim | null,
  limit: TimeLimit,
):
  | { readonly outcome: "skipped"; readonly why: string }
  | {
      readonly outcome: "failed";
      readonly occasion: Occasion;
      readonly attempts: number;
      readonly error: SerializedError;
    } {
  if (sending !== null) return { outcome: "skipped", why: "another process is telling it at this moment" };
  const error = limit.signal.aborted
    ? toBackupError(limit.signal.reason, { operation: "notify" })
    : new BackupError(lastError?.reason ?? "connection", `the receiver has asked to wait until ${notBefore}`, {
        operation: "notify",
        hint: "nothing: it is tried again with the first call after that",
        details: { attempts },
      });
  return { outcome: "failed", occasion, attempts: 0, error: error.toJSON() };
}

/** Claims of processes that have ended. */
async function deadClaims({ topics }: Ledger): Promise<ReadonlySet<string>> {
  const claims = topics.map(({ sending }) => sending).filter((sending) => sending !== null);
  const dead = await Promise.all(claims.map(async (sending) => (await livenessOf(sending.by)) === "dead"));
  return new Set(claims.filter((_, index) => dead[index]).map((sending) => JSON.stringify(sending)));
}

const longestKey = 255;

/** What pagers and ticket systems know a cause by. They allow 255 characters. */
function keyOf(source: string, cause: string): string {
  const key = `${source}/${cause}`;
  if (key.length <= longestKey) return key;
  return `${key.slice(0, 190)}~${createHash("sha256").update(key).digest("hex").slice(0, 32)}`;
}
