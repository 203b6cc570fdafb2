import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Message, NoticeChannel, NotifierOptions } from "../src/index.ts";
import { Notifier } from "../src/index.ts";
import { notice, resolved } from "./samples.ts";

export { notice, resolved };

export const never: AbortSignal = new AbortController().signal;

export async function scratch(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "notifier-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

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
