import { BackupError } from "@sutazai/backup-core";
import { oneConnection, type ServerAddress, type ServerKind } from "./server-kind.ts";

export const chromadbKind: ServerKind = {
  official: "docker.io/chromadb/chroma:1.5.9",
  standIn: "1.5",
  standInIs: "the real server, built here from its PyPI wheel",
  port: 8000,
  dataDirectory: "/data",
  user: "",
  environment: () => ({}),
  command: () => ["run", "/config.yaml"],
  async ask(address) {
    await askChromadb(address, "GET", "/heartbeat");
    await askChromadb(address, "GET", "/tenants/default_tenant/databases");
  },
};

/** One call of a Chroma test server, the path behind `/api/v2`: the body as JSON, or as a text that is JSON already. Rejects unless it is answered with success. */
export async function askChromadb<Result = unknown>(
  { host, port }: Pick<ServerAddress, "host" | "port">,
  method: string,
  path: string,
  body?: object | string,
): Promise<Result> {
  const response = await fetch(`http://${host}:${port}/api/v2${path}`, {
    method,
    headers: { ...oneConnection, "content-type": "application/json" },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    signal: AbortSignal.timeout(60_000),
  });
  const text = await response.text();
  if (!response.ok) throw new BackupError("unknown", `${method} ${path} was answered with ${response.status}: ${text}`);
  return (text === "" ? undefined : JSON.parse(text)) as Result;
}
