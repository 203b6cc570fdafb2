import { newId, type ProcessIdentity, type SerializedError } from "@sutazai/backup-core";
import type { NoticeChannel, Occasion, Receipt } from "./channel.ts";
import { isMoreSevere, severities, type Notice, type Severity } from "./notice.ts";
import type { Delivery } from "./report.ts";

/** What every channel has been told, and what it is still owed. Plain data; the functions here are pure. */
export interface Ledger {
  readonly topics: readonly Topic[];
}

/** One cause on one channel, from the first notice until its end was told. */
export interface Topic {
  readonly channel: string;
  readonly cause: string;
  readonly incident: string;
  /** What the channel knows: when it was last told that this holds, and how urgent it was; null before the first delivery. */
  readonly told: Told | null;
  /** What it is owed. A newer notice takes the place of an older one. */
  readonly pending: Pending | null;
  /** Whoever delivers it at present. */
  readonly sending: Claim | null;
}

export interface Told {
  readonly at: string;
  readonly severity: Severity;
  readonly reference?: string | undefined;
}

export interface Pending {
  readonly id: string;
  readonly notice: Notice;
  readonly occasion: Occasion;
  readonly since: string;
  readonly attempts: number;
  readonly served: readonly string[];
  readonly notBefore?: string | undefined;
  readonly lastError?: SerializedError | undefined;
}

export interface Claim {
  readonly by: ProcessIdentity;
  readonly until: string;
}

/** A topic with something to send. */
export type Owed = Topic & { readonly pending: Pending };

export const emptyLedger: Ledger = { topics: [] };

/** How long a receiver's wish to be left alone is heeded, at most. */
const longestWaitMs = 3_600_000;

/** A reminder is due a little early rather than a whole round late: a daily run never comes exactly a day after the last. */
const reminderTolerance = 0.95;

export interface Admission {
  readonly ledger: Ledger;
  /** Why there is nothing to send; undefined where there is. */
  readonly skipped?: string;
}

/** Takes in a notice for a channel, and decides whether it is owed to it. */
export function admit(
  ledger: Ledger,
  channel: Pick<NoticeChannel, "name" | "takes">,
  notice: Notice,
  { now, reminderMs }: { readonly now: Date; readonly reminderMs: number },
): Admission {
  const topic = find(ledger, channel.name, notice.cause);
  const owe = (occasion: Occasion, over?: Partial<Pending>): Admission => ({
    ledger: withTopic(ledger, {
      channel: channel.name,
      cause: notice.cause,
      incident: topic?.incident ?? newId(now),
      told: topic?.told ?? null,
      sending: topic?.sending ?? null,
      pending: { id: newId(now), notice, occasion, since: now.toISOString(), attempts: 0, served: [], ...over },
    }),
  });
  const skip = (skipped: string): Admission => ({ ledger, skipped });

  if (notice.state === "event") {
    if (!channel.takes.event) return skip("this channel is for incidents only");
    return topic === undefined ? owe("event") : skip("something of the same cause is still open here");
  }
  if (notice.state === "resolved") {
    if (topic === undefined || topic.pending?.occasion === "event") return skip("it is not open here");
    if (channel.takes.resolved) return owe("resolved");
    return { ledger: withoutTopic(ledger, topic), skipped: "this channel is not told of recoveries" };
  }
  if (topic === undefined) return owe("first");
  const { told, pending } = topic;
  if (pending?.notice.state === "firing") {
    // Those who have it already are told again when it became more urgent, or when a reminder would be due.
    const isNews = isMoreSevere(notice.severity, pending.notice.severity) || elapsed(pending.since, reminderMs, now);
    const { attempts, since, served, notBefore } = pending;
    const occasion = told !== null && isMoreSevere(notice.severity, told.severity) ? "escalation" : pending.occasion;
    return owe(occasion, { attempts, notBefore, ...(isNews ? {} : { since, served }) });
  }
  // It was to be told that this is over, or it was an event; whether that arrived is not certain, so this is told at once.
  if (pending !== null || told === null) return owe("first");
  if (isMoreSevere(notice.severity, told.severity)) {
    return channel.takes.again ? owe("escalation") : skip("it is open here already");
  }
  if (!channel.takes.again) return skip("it is open here already");
  return elapsed(told.at, reminderMs, now) ? owe("reminder") : skip(`told at ${told.at}; not yet time for a reminder`);
}

/** An event that could not be told within a week is news to nobody. What is wrong is owed for as long as it is. */
const longestEventMs = 7 * 86_400_000;

/** Gives up events that nobody would want to hear of any more. */
export function withoutOldEvents(ledger: Ledger, now: Date): { readonly ledger: Ledger; readonly result: Delivery[] } {
  const isOld = ({ pending }: Topic): boolean =>
    pending?.occasion === "event" && now.getTime() - Date.parse(pending.since) > longestEventMs;
  const old = ledger.topics.filter(isOld);
  if (old.length === 0) return { ledger, result: [] };
  return {
    ledger: { topics: ledger.topics.filter((topic) => !isOld(topic)) },
    result: old.map(({ channel, cause }) => ({
      channel,
      cause,
      state: "event",
      outcome: "skipped",
      why: "given up: it could not be told within a week",
    })),
  };
}

/** What is to be sent next on a channel: what was never tried before what was, the urgent before the rest. */
export function nextFor(ledger: Ledger, channel: string, isFree: (topic: Owed) => boolean): Owed | undefined {
  const rank = ({ pending }: Owed): readonly number[] => [
    pending.attempts,
    -severities.indexOf(pending.notice.severity),
    Date.parse(pending.since),
  ];
  return ledger.topics
    .filter((topic) => topic.channel === channel)
    .filter(isOwed)
    .filter(isFree)
    .sort((one, other) => compare(rank(one), rank(other)))[0];
}

/** Whether the receiver has asked to be left alone still. Waits that no receiver would ask for come from a clock that was set. */
export function mustWait({ notBefore }: Pending, now: Date): boolean {
  if (notBefore === undefined) return false;
  const left = Date.parse(notBefore) - now.getTime();
  return left > 0 && left <= longestWaitMs;
}

export function claim(ledger: Ledger, topic: Topic, sending: Claim): Ledger {
  return withTopic(ledger, { ...topic, sending });
}

/** What came of sending the message of that id. */
export type Outcome =
  | { readonly delivered: Receipt; readonly notice: Notice }
  | {
      readonly error: SerializedError;
      readonly attempts: number;
      readonly served: readonly string[];
      readonly retryAfterMs?: number | undefined;
    };

/** Records an outcome. What was taken in meanwhile stays owed. */
export function settle(
  ledger: Ledger,
  sent: { readonly channel: string; readonly cause: string; readonly id: string },
  outcome: Outcome,
  now: Date,
): Ledger {
  const topic = find(ledger, sent.channel, sent.cause);
  if (topic === undefined) return ledger;
  const isCurrent = topic.pending?.id === sent.id;
  if ("error" in outcome) {
    const { error, attempts, served, retryAfterMs } = outcome;
    const pending =
      topic.pending === null || !isCurrent
        ? topic.pending
        : {
            ...topic.pending,
            attempts: topic.pending.attempts + attempts,
            served: [...new Set([...topic.pending.served, ...served])],
            lastError: error,
            notBefore:
              retryAfterMs === undefined
                ? undefined
                : new Date(now.getTime() + Math.min(retryAfterMs, longestWaitMs)).toISOString(),
          };
    return withTopic(ledger, { ...topic, pending, sending: null });
  }
  const { notice, delivered } = outcome;
  const pending = isCurrent || saysNothingNew(topic.pending, notice) ? null : topic.pending;
  if (notice.state !== "firing") {
    return pending === null
      ? withoutTopic(ledger, topic)
      : withTopic(ledger, { ...topic, told: null, pending, sending: null });
  }
  const reference = delivered.reference ?? topic.told?.reference;
  const told: Told = {
    at: now.toISOString(),
    severity: notice.severity,
    ...(reference !== undefined && { reference }),
  };
  return withTopic(ledger, { ...topic, told, pending, sending: null });
}

/** Whether what was taken in while a notice was sent only says the same. */
function saysNothingNew(pending: Pending | null, sent: Notice): boolean {
  return pending?.notice.state === sent.state && !isMoreSevere(pending.notice.severity, sent.severity);
}

function find(ledger: Ledger, channel: string, cause: string): Topic | undefined {
  return ledger.topics.find((topic) => topic.channel === channel && topic.cause === cause);
}

/** A time in the future is one from before the clock was set back: better told once too often than not at all. */
function elapsed(since: string, reminderMs: number, now: Date): boolean {
  const age = now.getTime() - Date.parse(since);
  return age < 0 || age >= reminderMs * reminderTolerance;
}

function isOwed(topic: Topic): topic is Owed {
  return topic.pending !== null;
}

function compare(one: readonly number[], other: readonly number[]): number {
  return one.map((value, index) => value - (other[index] ?? 0)).find((difference) => difference !== 0) ?? 0;
}

function withTopic(ledger: Ledger, topic: Topic): Ledger {
  const isIt = (other: Topic): boolean => other.channel === topic.channel && other.cause === topic.cause;
  if (!ledger.topics.some(isIt)) return { topics: [...ledger.topics, topic] };
  return { topics: ledger.topics.map((other) => (isIt(other) ? topic : other)) };
}

function withoutTopic(ledger: Ledger, topic: Topic): Ledger {
  return {
    topics: ledger.topics.filter(({ channel, cause }) => channel !== topic.channel || cause !== topic.cause),
  };
}
