import { createHash } from "node:crypto";
import { redact, toBackupError, type BackupError, type Logger, type Secret } from "@sutazai/backup-core";
import {
  servedOf,
  type Message,
  type NoticeChannel,
  type Occasion,
  type Ping,
  type PingChannel,
  type Receipt,
} from "./channel.ts";
import type { Notice } from "./notice.ts";
import { redactError } from "./redaction.ts";
import type { Delivery, PingDelivery } from "./report.ts";
import { withRetries, type RetryPolicy, type Tried } from "./retry.ts";
import type { TimeLimit } from "./time-limit.ts";

export interface SenderOptions {
  readonly source: string;
  readonly retries: RetryPolicy;
  readonly secrets: readonly Secret[];
  readonly logger: Logger;
}

/** A message, but for what is the same in all of this installation. */
export type Letter = Omit<Message, "key" | "source" | "served">;

/** Hands single messages to channels, with retries. Keeps nothing and never throws. */
export class Sender {
  readonly #source: string;
  readonly #retries: RetryPolicy;
  readonly #secrets: readonly Secret[];
  readonly #logger: Logger;

  constructor({ source, retries, secrets, logger }: SenderOptions) {
    this.#source = source;
    this.#retries = retries;
    this.#secrets = secrets;
    this.#logger = logger;
  }

  /** Recipients that have it are added to `served`, and left out from then on. `attempts`: fewer than usual. */
  async send(
    channel: NoticeChannel,
    letter: Letter,
    limit: TimeLimit,
    { served = new Set<string>(), attempts = this.#retries.attempts }: { served?: Set<string>; attempts?: number } = {},
  ): Promise<Tried<Receipt>> {
    const key = keyOf(this.#source, letter.notice.cause);
    const attempt = async (signal: AbortSignal): Promise<Receipt> => {
      try {
        return await channel.deliver({ ...letter, key, source: this.#source, served: [...served] }, { signal });
      } catch (error) {
        const failure = toBackupError(error, { operation: "notify" });
        for (const recipient of servedOf(failure)) served.add(recipient);
        throw failure;
      }
    };
    return this.#clean(await withRetries(attempt, { ...this.#retries, attempts }, limit));
  }

  async ping(channel: PingChannel, { log, ...ping }: Ping, limit: TimeLimit): Promise<PingDelivery> {
    const clean: Ping = { ...ping, ...(log !== undefined && { log: redact(log, this.#secrets) }) };
    const tried = this.#clean(await withRetries((signal) => channel.ping(clean, { signal }), this.#retries, limit));
    const common = { channel: channel.name, event: ping.event, attempts: tried.attempts };
    if (!("error" in tried)) return { ...common, outcome: "delivered" };
    return { ...common, outcome: "failed", error: this.#logged(tried.error, channel.name).toJSON() };
  }

  deliveryOf(channel: NoticeChannel, notice: Notice, occasion: Occasion, tried: Tried<Receipt>): Delivery {
    const { cause, state } = notice;
    const common = { channel: channel.name, cause, state, occasion, attempts: tried.attempts };
    if (!("error" in tried)) {
      const problems = (tried.value.problems ?? []).map((problem) => redact(problem, this.#secrets));
      return { ...common, outcome: "delivered", problems };
    }
    return { ...common, outcome: "failed", error: this.#logged(tried.error, channel.name, cause).toJSON() };
  }

  #logged(error: BackupError, channel: string, cause?: string): BackupError {
    this.#logger.warn(
      { channel, ...(cause !== undefined && { cause }), error: error.toJSON() },
      `${channel} could not be told`,
    );
    return error;
  }

  #clean<T>(tried: Tried<T>): Tried<T> {
    return "error" in tried ? { ...tried, error: redactError(tried.error, this.#secrets) } : tried;
  }
}

const longestKey = 255;

/** What pagers and ticket systems know a cause by. They allow 255 characters. */
function keyOf(source: string, cause: string): string {
  const key = `${source}/${cause}`;
  if (key.length <= longestKey) return key;
  return `${key.slice(0, 190)}~${createHash("sha256").update(key).digest("hex").slice(0, 32)}`;
}
