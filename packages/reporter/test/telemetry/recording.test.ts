import type { BackupEvent } from "@sutazai/backup-core";
import { expect, test } from "vitest";
import { RunRecording } from "../../src/telemetry/recording.ts";

const begun = Date.parse("2026-11-23T13:00:00Z");
const at = (seconds: number) => new Date(begun + seconds * 1000).toISOString();
const second = (number: number) => begun + number * 1000;

function recorded(...events: readonly BackupEvent[]) {
  const recording = new RunRecording("backup", begun);
  for (const event of events) recording.event(event);
  return recording.end("failed", { reason: "no-space", message: "the disk is full" }, second(99));
}

const step = (seconds: number, name: string, bytes?: number): BackupEvent => ({
  type: "progress",
  at: at(seconds),
  database: "one",
  step: name,
  ...(bytes !== undefined && { bytes }),
});
const databaseEnd = (seconds: number): BackupEvent => ({
  type: "database-end",
  at: at(seconds),
  database: "one",
  status: "ok",
  durationMs: seconds * 1000,
});

test("a step lasts until another follows its last sign of life: several may go on at once", () => {
  const [run] = recorded(
    { type: "database-start", at: at(0), database: "one", kind: "redis" },
    step(1, "looking"),
    step(2, "reading a", 10),
    step(3, "reading b"),
    step(4, "reading a", 30),
    step(6, "reading b", 5),
    databaseEnd(7),
  );
  expect(run?.databases).toMatchObject([{ database: "one", kind: "redis", startedAt: begun, endedAt: second(7) }]);
  expect(run?.databases[0]?.steps).toEqual([
    { step: "looking", startedAt: second(1), endedAt: second(2) },
    { step: "reading a", startedAt: second(2), endedAt: second(6), bytes: 30 },
    { step: "reading b", startedAt: second(3), endedAt: second(7), bytes: 5 },
  ]);
});

test("steps without end do not fill the memory: those beyond are counted", () => {
  const [run] = recorded(
    ...Array.from({ length: 1000 }, (_, index) => step(index, `reading ${index}`)),
    databaseEnd(1000),
  );
  expect(run?.databases[0]?.steps).toHaveLength(128);
  expect(run?.databases[0]).toMatchObject({ stepsLeftOut: 872 });
});

test("a run that said how it ended, and one that follows within it", () => {
  const runs = recorded(
    { type: "run-start", at: at(1), runId: "r1", command: "backup", databases: ["one"] },
    databaseEnd(2),
    { type: "run-end", at: at(3), runId: "r1", status: "ok", durationMs: 2000 },
    { type: "run-start", at: at(4), runId: "r2", command: "prune", databases: ["one"] },
    databaseEnd(5),
    { type: "run-end", at: at(6), runId: "r2", status: "ok", durationMs: 2000 },
  );
  expect(runs).toMatchObject([
    { command: "backup", runId: "r1", status: "ok", startedAt: begun, endedAt: second(3), databases: [{}] },
    { command: "prune", runId: "r2", status: "ok", startedAt: second(4), endedAt: second(6), databases: [{}] },
  ]);
  expect(runs.map(({ error }) => error)).toEqual([undefined, undefined]);
});

test("a run that could not be begun, or broke, has why", () => {
  const error = { reason: "no-space", message: "the disk is full" };
  const ended = { command: "backup", status: "failed", error, startedAt: begun, endedAt: second(99), databases: [] };
  expect(recorded()).toEqual([ended]);
  expect(recorded({ type: "run-start", at: at(1), runId: "r1", command: "backup", databases: [] })).toEqual([
    { ...ended, runId: "r1" },
  ]);
});
