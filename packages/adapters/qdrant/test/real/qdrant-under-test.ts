import { Secret } from "@sutazai/backup-core";
import { startServer } from "@sutazai/backup-testkit";

/** A server by its URL: that of `BACKUP_TEST_QDRANT_URL` (with `BACKUP_TEST_QDRANT_API_KEY`), or one started for the test. */
export interface QdrantUnderTest extends AsyncDisposable {
  readonly url: string;
  readonly apiKey: Secret;
}

/**
 * Throws where the server that the environment names holds collections: the tests would destroy them. Files of tests share that server: run
 * them with `--no-file-parallelism`.
 */
export async function qdrantUnderTest(): Promise<QdrantUnderTest> {
  const given = process.env["BACKUP_TEST_QDRANT_URL"];
  if (given === undefined || given === "") {
    const server = await startServer("qdrant");
    const url = `http://${server.host}:${server.port}`;
    return { url, apiKey: server.password, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  }
  const apiKey = new Secret(process.env["BACKUP_TEST_QDRANT_API_KEY"] ?? "");
  const response = await fetch(`${given}/collections`, { headers: { "api-key": apiKey.reveal() } });
  const { result } = (await response.json()) as { result: { collections: unknown[] } };
  if (result.collections.length > 0)
    throw new Error(`${given} holds collections, and these tests need an empty server`);
  return { url: given, apiKey, [Symbol.asyncDispose]: () => emptied(given, apiKey) };
}

/** Everything was made by the tests: the server was empty. */
async function emptied(url: string, apiKey: Secret): Promise<void> {
  const call = async (method: string, path: string) => {
    const response = await fetch(url + path, { method, headers: { "api-key": apiKey.reveal() } });
    return ((await response.json()) as { result: unknown }).result;
  };
  for (const { name } of (await call("GET", "/snapshots")) as { name: string }[])
    await call("DELETE", `/snapshots/${name}`);
  const { collections } = (await call("GET", "/collections")) as { collections: { name: string }[] };
  for (const { name } of collections) {
    const path = `/collections/${encodeURIComponent(name)}`;
    for (const snapshot of (await call("GET", `${path}/snapshots`)) as { name: string }[]) {
      await call("DELETE", `${path}/snapshots/${encodeURIComponent(snapshot.name)}`);
    }
    await call("DELETE", path);
  }
}
