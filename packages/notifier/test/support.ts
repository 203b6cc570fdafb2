import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Message, Notice, NoticeChannel, NotifierOptions } from "../src/index.ts";
import { Notifier } from "../src/index.ts";

export const never: AbortSignal = new AbortController().signal;

export async function scratch(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "notifier-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

export const notice: Notice = {
  cause: "backup-failed:postgres",
  severity: "critical",
  state: "firing",
  title: "Backup of postgres failed",
  databases: ["postgres"],
  what: "pg_dumpall ended with exit code 1: could not connect",
  since: "2026-11-21T03:00:12.000Z",
  at: "2026-11-23T03:00:40.000Z",
  safe: [
    {
      database: "postgres",
      backup: {
        id: "20261120T030000.000Z-abcdef",
        at: "2026-11-20T03:00:00.000Z",
        proven: { level: "restore", at: "2026-11-20T04:00:00.000Z" },
      },
    },
  ],
  action: "Run `sutazai-backup backup postgres` and read what it says.",
  facts: {
    columns: ["database", "status", "last good backup"],
    rows: [
      ["postgres", "failed", "20261120T030000.000Z-abcdef"],
      ["redis", "ok", "20261123T030000.000Z-ghjkmn"],
    ],
  },
  runId: "20261123T030000.000Z-rrrrrr",
  report: "https://backups.example.org/report.html",
  logHead: "c0ffee",
};

export const resolved: Notice = {
  ...notice,
  state: "resolved",
  title: "Backup of postgres succeeds again",
  at: "2026-11-24T03:00:40.000Z",
};

export function messageOf(given: Partial<Message> = {}): Message {
  return {
    id: "20261123T030041.000Z-mmmmmm",
    incident: "20261121T030041.000Z-nnnnnn",
    key: "host-1/backup-failed:postgres",
    source: "host-1",
    occasion: "first",
    notice,
    served: [],
    ...given,
  };
}

/** No test waits for long pauses. */
export const quickly = { attempts: 3, firstPauseMs: 5, longestPauseMs: 20 };

export async function notifierWith(
  channels: NotifierOptions["channels"],
  options: Partial<NotifierOptions> = {},
): Promise<Notifier> {
  return new Notifier({ channels, stateDir: await scratch(), source: "host-1", retries: quickly, ...options });
}

/** A channel of this process: for the notifier's own logic, not in a server's place. */
export function recordingChannel(given: Partial<NoticeChannel> = {}): NoticeChannel & { readonly messages: Message[] } {
  const messages: Message[] = [];
  return {
    accepts: "notices",
    name: "recorder",
    kind: "recorder",
    routing: {},
    takes: { again: true, resolved: true, event: true },
    secrets: [],
    messages,
    ...given,
    async deliver(message, context) {
      messages.push(message);
      return (await given.deliver?.(message, context)) ?? {};
    },
  };
}

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type Answer = (response: ServerResponse, request: ReceivedRequest) => void;

/** A real HTTP server. Answers are used up one by one; the last one stays. */
export async function startReceiver(
  ...answers: readonly Answer[]
): Promise<{ readonly url: string; readonly requests: ReceivedRequest[] }> {
  const requests: ReceivedRequest[] = [];
  const left = [...answers];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      const received = { method, path: url, headers, body: Buffer.concat(chunks).toString("utf8") };
      requests.push(received);
      const answer = (left.length > 1 ? left.shift() : left[0]) ?? says(200, "ok");
      answer(response, received);
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => void server.close(() => resolve()));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

export function says(status: number, body: string, headers: Record<string, string> = {}): Answer {
  return (response) => void response.writeHead(status, headers).end(body);
}

export const hangs: Answer = () => undefined;
export const breaksOff: Answer = (response) => void response.destroy();

export function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
}
