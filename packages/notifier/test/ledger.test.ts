// The state machine against a model of what people expect: whatever comes in whatever order, they are told of every beginning and every end, and of nothing twice.
import { currentProcess } from "@sutazai/backup-core";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Severity } from "../src/index.ts";
import { admit, claim, emptyLedger, nextFor, settle, type Ledger, type Pending, type Topic } from "../src/ledger.ts";
import { notice, recordingChannel } from "./support.ts";

const reminderMs = 86_400_000;
const channel = recordingChannel();
const by = await currentProcess();

type Step =
  | { readonly do: "fire"; readonly cause: string; readonly severity: Severity }
  | { readonly do: "resolve"; readonly cause: string }
  | { readonly do: "take" }
  | { readonly do: "arrive"; readonly ok: boolean }
  | { readonly do: "wait"; readonly ms: number };

const cause = fc.constantFrom("a", "b");
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant("fire" as const),
    cause,
    severity: fc.constantFrom<Severity>("warning", "critical"),
  }),
  fc.record({ do: fc.constant("resolve" as const), cause }),
  fc.record({ do: fc.constant("take" as const) }),
  fc.record({ do: fc.constant("arrive" as const), ok: fc.boolean() }),
  fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(60_000, reminderMs) }),
);

type Owed = Topic & { readonly pending: Pending };

/** Runs steps as two processes would: what was taken is on its way while other things happen. */
function run(steps: readonly Step[]) {
  let ledger: Ledger = emptyLedger;
  let ms = Date.parse("2026-11-23T03:00:00.000Z");
  const underWay: Owed[] = [];
  const arrived: { readonly at: number; readonly topic: Owed }[] = [];
  const holds = new Map<string, Severity | undefined>();
  const take = (): void => {
    const topic = nextFor(ledger, channel.name, ({ sending }) => sending === null);
    if (topic === undefined) return;
    ledger = claim(ledger, topic, { by, until: new Date(ms + 1000).toISOString() });
    underWay.push(topic);
  };
  const arrive = (ok: boolean): void => {
    const topic = underWay.shift();
    if (topic === undefined) return;
    if (ok) arrived.push({ at: ms, topic });
    const sent = { channel: channel.name, cause: topic.cause, id: topic.pending.id };
    const outcome = ok
      ? { delivered: {}, notice: topic.pending.notice }
      : { error: { reason: "connection" as const, message: "no" }, attempts: 1, served: [] };
    ledger = settle(ledger, sent, outcome, new Date(ms));
  };
  const put = (name: string, severity: Severity | undefined): void => {
    holds.set(name, severity);
    const given = {
      ...notice,
      cause: name,
      severity: severity ?? "critical",
      state: severity === undefined ? "resolved" : "firing",
    } as const;
    ({ ledger } = admit(ledger, channel, given, { now: new Date(ms), reminderMs }));
  };
  const execute = (one: Step): void => {
    // Ids and times tell steps apart.
    ms += 1;
    if (one.do === "fire") put(one.cause, one.severity);
    if (one.do === "resolve") put(one.cause, undefined);
    if (one.do === "take") take();
    if (one.do === "arrive") arrive(one.ok);
    if (one.do === "wait") ms += one.ms;
  };
  for (const one of steps) execute(one);
  /** The network works again, and everything that is owed goes out. */
  const finish = (): void => {
    for (let round = 0; round < 20; round += 1) {
      arrive(true);
      take();
    }
  };
  return { finish, arrived, holds, ledger: () => ledger };
}

test("in the end everybody knows how things stand, and nothing is left", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { finish, arrived, holds, ledger } = run(steps);
      finish();
      for (const [name, severity] of holds) {
        const last = arrived.findLast(({ topic }) => topic.cause === name)?.topic.pending.notice.state;
        const topic = ledger().topics.find((one) => one.cause === name);
        // Whoever was never told of a beginning need not be told of its end.
        const expected =
          severity === undefined
            ? { last: last === undefined ? undefined : "resolved", isOpen: false }
            : { last: "firing", isOpen: true };
        expect({ last, isOpen: topic !== undefined }).toStrictEqual(expected);
        expect([topic?.pending ?? null, topic?.sending ?? null]).toStrictEqual([null, null]);
      }
    }),
    { numRuns: 500 },
  );
});

test("nobody is told the same twice within the reminder interval, unless it became more urgent", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { finish, arrived } = run(steps);
      finish();
      for (const name of ["a", "b"]) {
        const told = arrived.filter(({ topic }) => topic.cause === name);
        for (const [index, { at, topic }] of told.entries()) {
          const before = told[index - 1];
          if (before === undefined || before.topic.pending.notice.state !== topic.pending.notice.state) continue;
          // An end that was taken back before it was delivered is told of as a beginning again.
          if (topic.pending.occasion === "first") continue;
          const { notice: said, occasion } = topic.pending;
          const isNews = occasion === "escalation" || at - before.at >= reminderMs * 0.95;
          expect([said.state, isNews]).toStrictEqual(["firing", true]);
        }
      }
    }),
    { numRuns: 500 },
  );
});

test("one thing at a time is under way for a cause, so that an end never overtakes its beginning", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { arrived, finish } = run(steps);
      finish();
      for (const name of ["a", "b"]) {
        const times = arrived
          .filter(({ topic }) => topic.cause === name)
          .map(({ topic }) => Date.parse(topic.pending.since));
        expect(times).toStrictEqual(times.toSorted((one, other) => one - other));
      }
    }),
    { numRuns: 300 },
  );
});
