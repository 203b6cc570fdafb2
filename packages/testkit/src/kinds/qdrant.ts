import { BackupError } from "@sutazai/backup-core";
import { oneConnection, type ServerAddress, type ServerKind } from "./server-kind.ts";

export const qdrantKind: ServerKind = {
  official: "docker.io/qdrant/qdrant:v1.19.0",
  standIn: "1.19",
  standInIs: "a stand-in, a program that answers as the server was recorded to answer",
  port: 6333,
  dataDirectory: "/qdrant/storage",
  user: "",
  // Beside the collections, on the same volume: by default snapshots are in the container's own layer.
  environment: (password) => ({
    QDRANT__SERVICE__API_KEY: password,
    QDRANT__STORAGE__SNAPSHOTS_PATH: "/qdrant/storage/snapshots",
    QDRANT__TELEMETRY_DISABLED: "true",
  }),
  command: () => ["./entrypoint.sh"],
  async ask(address) {
    await askQdrant(address, "GET", "/readyz");
    await askQdrant(address, "GET", "/collections");
  },
};

/** One call of a Qdrant test server: the body as JSON, or as a text that is JSON already. Rejects unless it is answered with success. */
export async function askQdrant<Result = unknown>(
  { host, port, password }: ServerAddress,
  method: string,
  path: string,
  body?: object | string,
): Promise<Result> {
  const response = await fetch(`http://${host}:${port}${path}`, {
    method,
    headers: { ...oneConnection, "api-key": password.reveal(), "content-type": "application/json" },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  if (!response.ok) throw new BackupError("unknown", `${method} ${path} was answered with ${response.status}: ${text}`);
  return (
    response.headers.get("content-type")?.startsWith("application/json") ? JSON.parse(text).result : text
  ) as Result;
}
