import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { Secret, type ContainerRuntime } from "@sutazai/backup-core";
import { HttpClient } from "@sutazai/backup-http";
import { expect, onTestFinished, test } from "vitest";
import { locate } from "../src/target.ts";
import { classifyError } from "../src/classify-error.ts";

async function startEcho(say: (request: IncomingMessage) => string): Promise<string> {
  const server = createServer((request, response) => response.writeHead(401).end(say(request)));
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test.each([
  ["the login", ({ headers }: IncomingMessage) => String(headers.authorization)],
  ["the token", ({ headers }: IncomingMessage) => String(headers["x-token"])],
  [
    "so much that it is cut within the token",
    ({ headers }: IncomingMessage) => ".".repeat(990) + String(headers["x-token"]),
  ],
])("a proxy that repeats %s shows none of it", async (_, say) => {
  const options = {
    user: "me",
    password: new Secret("canary-password"),
    token: new Secret("canary-token"),
    tokenHeader: "x-token",
  };
  const { endpoint } = await locate(
    { ...options, url: await startEcho(say) },
    undefined as unknown as ContainerRuntime,
  );
  using client = new HttpClient(endpoint, "chromadb", {
    name: "chromadb",
    errorIn: (body) => body,
    classify: classifyError,
  });
  const failure = await client.call("GET", "/").then(String, (error: Error) => error.message);
  expect(failure).toContain("**red");
  for (const part of ["canary", Buffer.from("me:canary").toString("base64").slice(0, 10)])
    expect(failure).not.toContain(part);
});
