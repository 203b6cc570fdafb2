import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { BackupError } from "@sutazai/backup-core";
import type { TaskStanding } from "./daemon.ts";

export interface HealthOptions {
  /** 127.0.0.1 unless given: there is no authentication. */
  readonly host?: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly standings: () => readonly TaskStanding[];
  /** What `/metrics` answers, in the text format of Prometheus; 404 unless given. */
  readonly metrics?: () => string | Promise<string>;
}

export interface HealthServer extends AsyncDisposable {
  readonly port: number;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Answers `/healthz` (503 as soon as a task is overdue) and `/metrics`. Throws `configuration` where the port is taken. */
export async function serveHealth(options: HealthOptions): Promise<HealthServer> {
  const server = createServer((request, response) => {
    void answer(request.method ?? "", request.url ?? "", options).then(({ status, type, body }) => {
      response.writeHead(status, { "content-type": type, "cache-control": "no-store" });
      response.end(request.method === "HEAD" ? undefined : body);
    });
  });
  await listening(server, options);
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      server.closeAllConnections();
      await promise;
    },
  };
}

async function answer(method: string, url: string, { standings, metrics }: HealthOptions): Promise<Answer> {
  if (method !== "GET" && method !== "HEAD") return plain(405, "only GET is answered\n");
  const path = url.split("?", 1)[0];
  if (path === "/healthz") {
    const tasks = standings();
    const isOverdue = tasks.some(({ overdueSince }) => overdueSince !== undefined);
    const body = `${JSON.stringify({ status: isOverdue ? "overdue" : "ok", tasks })}\n`;
    return { status: isOverdue ? 503 : 200, type: "application/json", body };
  }
  if (path === "/metrics" && metrics !== undefined) {
    try {
      return { status: 200, type: "text/plain; version=0.0.4; charset=utf-8", body: await metrics() };
    } catch {
      return plain(500, "the metrics could not be made\n");
    }
  }
  return plain(404, "there are /healthz and /metrics\n");
}

function plain(status: number, body: string): Answer {
  return { status, type: "text/plain; charset=utf-8", body };
}

async function listening(server: Server, { host = "127.0.0.1", port }: HealthOptions): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("listening", resolve);
  server.once("error", (cause) => {
    reject(
      new BackupError("configuration", `the health endpoint cannot listen on ${host}:${port}: ${cause.message}`, {
        operation: "daemon",
        hint: "choose another with --port and --host (BACKUP_DAEMON_PORT, BACKUP_DAEMON_HOST)",
        cause,
      }),
    );
  });
  server.listen(port, host);
  await promise;
}
