import { BackupError } from "@sutazai/backup-core";
import { oneConnection, type ServerAddress, type ServerKind } from "./server-kind.ts";

export const faissKind: ServerKind = {
  standIn: "trixie",
  standInIs: "the real library in a service made for it, as it has no server",
  port: 8000,
  dataDirectory: "/data",
  user: "",
  environment: () => ({}),
  command: () => ["faiss-service"],
  async ask(address) {
    await askFaiss(address, "GET", "/health");
  },
};

/** One call of a FAISS test service: the body as JSON, or as it is. Rejects unless it is answered with success. */
export async function askFaiss<Result = unknown>(
  { host, port }: ServerAddress,
  method: string,
  path: string,
  body?: object | Uint8Array<ArrayBuffer>,
): Promise<Result> {
  const response = await fetch(`http://${host}:${port}${path}`, {
    method,
    headers: oneConnection,
    ...(body !== undefined && { body: body instanceof Uint8Array ? body : JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  if (!response.ok) throw new BackupError("unknown", `${method} ${path} was answered with ${response.status}: ${text}`);
  return JSON.parse(text) as Result;
}
