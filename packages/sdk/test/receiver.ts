import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Secret } from "@sutazai/backup-core";
import { onTestFinished } from "vitest";
import { healthcheckChannel, Notifier, webhookChannel } from "../src/index.ts";

export interface Received {
  readonly path: string;
  readonly body: string;
}

/** A real HTTP server that takes everything, or answers with `status`. */
export async function startReceiver(): Promise<{
  readonly url: string;
  readonly requests: Received[];
  status: number;
}> {
  const requests: Received[] = [];
  const receiver = { url: "", requests, status: 200 };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      requests.push({ path: request.url ?? "", body: Buffer.concat(chunks).toString("utf8") });
      response.writeHead(receiver.status).end("OK");
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => void server.close(() => resolve()));
  });
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return receiver;
}

type Receiver = Pick<Awaited<ReturnType<typeof startReceiver>>, "url">;

/** Tells a webhook and a dead man's switch, once. */
export function notifierTo(hook: Receiver, check: Receiver, stateDir: string): Notifier {
  return new Notifier({
    channels: [
      webhookChannel({ url: new Secret(hook.url) }),
      healthcheckChannel({ check: new Secret(`${check.url}/ping`) }),
    ],
    stateDir,
    retries: { attempts: 1 },
  });
}

/** What a webhook was told: `first docker`. */
export function toldIn(requests: readonly Received[]): string[] {
  return requests.map(({ body }) => {
    const { occasion, notice } = JSON.parse(body) as { occasion: string; notice: { cause: string } };
    return `${occasion} ${notice.cause}`;
  });
}
