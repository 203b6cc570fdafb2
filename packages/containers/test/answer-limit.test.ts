import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import Docker from "dockerode";
import { expect, test, vi } from "vitest";
import { limitAnswers } from "../src/answer-limit.ts";
import { classifyError } from "../src/classify-error.ts";

const limitMs = 200;

const silent = async (): Promise<void> => undefined;

/** A client with the limit, and what answers it. It was given one of its own, which holds for streams and for what a container may take, too. */
async function client(answer: (request: IncomingMessage, response: ServerResponse) => Promise<unknown>) {
  const server = createServer((request, response) => void answer(request, response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  vi.stubEnv("DOCKER_HOST", `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv("DOCKER_CLIENT_TIMEOUT", String(limitMs / 2));
  const docker = new Docker();
  vi.unstubAllEnvs();
  limitAnswers(docker, limitMs);
  return {
    docker,
    [Symbol.dispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

test("a request that is left without an answer fails, and says of whom", async () => {
  using engine = await client(silent);
  const asked = engine.docker.getContainer("one").inspect();
  const error = classifyError(await asked.catch((thrown: unknown) => thrown));
  expect(error).toMatchObject({
    reason: "timeout",
    message: "the Docker daemon did not answer within 0.2 s",
    details: { request: "GET /containers/one/json?" },
  });
});

test("also one whose answer is to be a stream", async () => {
  using engine = await client(silent);
  await expect(engine.docker.getEvents()).rejects.toMatchObject({ reason: "timeout" });
});

test("a container may take the time that it was given to stop", async () => {
  using engine = await client(async (_, response) => {
    await pause(3 * limitMs);
    response.writeHead(204).end();
  });
  await expect(engine.docker.getContainer("one").stop({ t: 10 })).resolves.toBeDefined();
});

test("a stream that has begun may take as long as it takes", async () => {
  using engine = await client(async (_, response) => {
    response.writeHead(200).write("first");
    await pause(3 * limitMs);
    response.end("last");
  });
  const chunks = [];
  for await (const chunk of await engine.docker.getContainer("one").getArchive({ path: "/data" })) chunks.push(chunk);
  expect(Buffer.concat(chunks as Buffer[]).toString()).toBe("firstlast");
});

test("so may what is sent as a stream", async () => {
  using engine = await client(async (request, response) => {
    await pause(3 * limitMs);
    request.resume();
    response.writeHead(200).end();
  });
  const sent = engine.docker.getContainer("one").putArchive(Buffer.from("a tar"), { path: "/data" });
  await expect(sent).resolves.toBeDefined();
});
