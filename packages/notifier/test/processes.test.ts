// Several processes of one host share the notifier's state: a backup, the monitor, a drill.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect, test, vi } from "vitest";
import type { NotificationReport } from "../src/index.ts";
import { hangs, says, scratch, startReceiver, type ReceivedRequest } from "./support.ts";

// Real files and processes, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });

const program = fileURLToPath(new URL("notifying-process.ts", import.meta.url));

function start(stateDir: string, url: string, state: "firing" | "resolved" | "none"): ChildProcess {
  return spawn(process.execPath, [program, stateDir, url, state], { stdio: ["ignore", "pipe", "inherit"] });
}

async function reportOf(child: ChildProcess): Promise<NotificationReport> {
  const [output] = await Promise.all([text(child.stdout!), once(child, "exit")]);
  return JSON.parse(output) as NotificationReport;
}

function occasions(requests: readonly ReceivedRequest[]): unknown[] {
  return requests.map(({ body }) => (JSON.parse(body) as { occasion: string }).occasion);
}

test("four at once about one cause: it is told once", async () => {
  const stateDir = await scratch();
  // Slow enough for the others to come while it is under way.
  const { url, requests } = await startReceiver((response) => void setTimeout(() => response.end("ok"), 500));
  const reports = await Promise.all([1, 2, 3, 4].map(() => reportOf(start(stateDir, url, "firing"))));
  expect(requests.length).toBe(1);
  const outcomes = reports.flatMap(({ deliveries }) => deliveries.map(({ outcome }) => outcome));
  expect(outcomes.sort()).toStrictEqual(["delivered", "skipped", "skipped", "skipped"]);
  expect(reports.flatMap(({ warnings }) => warnings)).toStrictEqual([]);
});

test("an end that comes from another process while the beginning is under way is told after it", async () => {
  const stateDir = await scratch();
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  const { promise: go, resolve: letGo } = Promise.withResolvers<void>();
  const { url, requests } = await startReceiver(
    (response) => {
      ask();
      void go.then(() => response.end("ok"));
    },
    says(200, "ok"),
  );
  const beginning = reportOf(start(stateDir, url, "firing"));
  await asked;
  const end = await reportOf(start(stateDir, url, "resolved"));
  expect(end.deliveries).toMatchObject([{ outcome: "skipped", why: expect.stringContaining("at this moment") }]);
  letGo();
  expect((await beginning).deliveries).toMatchObject([
    { state: "firing", outcome: "delivered" },
    { state: "resolved", outcome: "delivered" },
  ]);
  expect(occasions(requests)).toStrictEqual(["first", "resolved"]);
});

test("what a killed process was sending is sent by the next one, at once", async () => {
  const stateDir = await scratch();
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  const { url, requests } = await startReceiver(
    (response, request) => {
      ask();
      hangs(response, request);
    },
    says(200, "ok"),
  );
  const killed = start(stateDir, url, "firing");
  await asked;
  killed.kill("SIGKILL");
  await once(killed, "exit");
  const { deliveries } = await reportOf(start(stateDir, url, "none"));
  expect(deliveries).toMatchObject([{ state: "firing", outcome: "delivered" }]);
  const ids = requests.map(({ body }) => (JSON.parse(body) as { id: string }).id);
  expect([ids.length, new Set(ids).size]).toStrictEqual([2, 1]);
});
