import { BackupError, currentProcess, livenessOf, toBackupError, type SerializedError } from "@sutazai/backup-core";
import { retryAfterOf, type NoticeChannel, type Occasion, type Receipt } from "./channel.ts";
import { claim, mustWait, nextFor, settle, type Claim, type Ledger, type Outcome, type Owed } from "./ledger.ts";
import type { Delivery } from "./report.ts";
import type { Tried } from "./retry.ts";
import type { Sender } from "./sender.ts";
import type { NotifierState } from "./state.ts";
import type { TimeLimit } from "./time-limit.ts";

/** How long after its time limit a call may still be recording what it did. */
const claimMarginMs = 10_000;

export interface OutboxOptions {
  readonly state: NotifierState;
  readonly sender: Sender;
  readonly timeLimitMs: number;
  readonly now: () => Date;
}

/** Sends what channels are owed, each thing by one process at a time. */
export class Outbox {
  readonly #state: NotifierState;
  readonly #sender: Sender;
  readonly #timeLimitMs: number;
  readonly #now: () => Date;

  constructor({ state, sender, timeLimitMs, now }: OutboxOptions) {
    this.#state = state;
    this.#sender = sender;
    this.#timeLimitMs = timeLimitMs;
    this.#now = now;
  }

  /** One after the other, each at most once, until nothing or no time is left. What is owed still is reported too. */
  async drain(channel: NoticeChannel, limit: TimeLimit, warn: (message: string) => void): Promise<Delivery[]> {
    const tried = new Set<string>();
    const deliveries: Delivery[] = [];
    let isDown = false;
    while (!limit.signal.aborted) {
      const topic = await this.#take(channel, tried, limit, warn);
      if (topic === undefined) break;
      const { id, notice, occasion } = topic.pending;
      tried.add(id);
      const outcome = await this.#deliver(channel, topic, limit, isDown);
      // Where one message could not be brought to it, others need not be tried as hard.
      isDown ||= "error" in outcome.tried && outcome.tried.error.isRetryable;
      await this.#settle(topic, outcome, warn);
      deliveries.push(this.#sender.deliveryOf(channel, notice, occasion, outcome.tried));
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
  ): Promise<Owed | undefined> {
    const longestMs = this.#timeLimitMs + claimMarginMs;
    const dead = await deadClaims(await this.#state.read(warn));
    const now = this.#now();
    const mine: Claim = {
      by: await currentProcess(),
      until: new Date(now.getTime() + limit.leftMs() + claimMarginMs).toISOString(),
    };
    const isFree = ({ sending, pending }: Owed): boolean => {
      if (tried.has(pending.id) || mustWait(pending, now)) return false;
      if (sending === null || dead.has(JSON.stringify(sending))) return true;
      // Its time is up, or it is from before the clock was set back.
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
    { incident, told, pending }: Owed,
    limit: TimeLimit,
    isDown: boolean,
  ): Promise<{ readonly tried: Tried<Receipt>; readonly served: ReadonlySet<string> }> {
    const { id, notice, occasion } = pending;
    const { reference } = told ?? {};
    const served = new Set(pending.served);
    const letter = { id, incident, occasion, notice, ...(reference !== undefined && { reference }) };
    const tried = await this.#sender.send(channel, letter, limit, { served, ...(isDown && { attempts: 1 }) });
    return { tried, served };
  }

  async #settle(
    { channel, cause, pending }: Owed,
    { tried, served }: { readonly tried: Tried<Receipt>; readonly served: ReadonlySet<string> },
    warn: (message: string) => void,
  ): Promise<void> {
    const outcome: Outcome =
      "error" in tried
        ? {
            error: tried.error.toJSON(),
            attempts: tried.attempts,
            served: [...served],
            retryAfterMs: retryAfterOf(tried.error),
          }
        : { delivered: tried.value, notice: pending.notice };
    await this.#state.update(
      (ledger) => ({
        ledger: settle(ledger, { channel, cause, id: pending.id }, outcome, this.#now()),
        result: undefined,
      }),
      warn,
    );
  }
}

/** What is owed and was not tried in this call. */
function untried(
  { occasion, attempts, notBefore, lastError }: Owed["pending"],
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
  if (sending !== null) return { outcome: "skipped", why: "it is being told at this moment by another process" };
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
