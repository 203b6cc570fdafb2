import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { readFileSync } from "node:fs";
import { Secret, type Bytes } from "@sutazai/backup-core";
import { afterEach, describe, expect, test } from "vitest";
import type { Endpoint, HttpClient } from "@sutazai/backup-http";
import { httpClient } from "../src/http.ts";
import { snapshotForm } from "../src/server-snapshot.ts";
import { credentialsOf } from "../src/target.ts";

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

const certificate = readFileSync(new URL("fixtures/certificate.pem", import.meta.url), "utf8");
const key = readFileSync(new URL("fixtures/key.pem", import.meta.url), "utf8");

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** Starts a server, and tells where it is. */
async function listen(listener: Listener, protocol: Endpoint["protocol"]): Promise<Endpoint> {
  const server = protocol === "https:" ? createTlsServer({ cert: certificate, key }, listener) : createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    protocol,
    host: "127.0.0.1",
    port,
    prefix: "",
    credentials: credentialsOf(undefined),
    ca: undefined,
    serverName: undefined,
  };
}

async function clientOf(listener: Listener, options: Partial<Endpoint> = {}): Promise<HttpClient> {
  return httpClient({ ...(await listen(listener, options.protocol ?? "http:")), ...options }, "vectors");
}

async function* pieces(count: number, size: number): Bytes {
  for (let at = 0; at < count; at++) yield Buffer.alloc(size, at);
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe("calls", () => {
  test("carry the key and the prefix, and give the whole answer", async () => {
    const seen: unknown[] = [];
    using client = await clientOf(
      (request, response) => {
        seen.push(request.url, request.headers["api-key"]);
        response.end("{}");
      },
      { prefix: "/qdrant", credentials: credentialsOf(new Secret("a key /+'")) },
    );
    const { body } = await client.call("GET", "/collections");
    expect([body.toString(), ...seen]).toEqual(["{}", "/qdrant/collections", "a key /+'"]);
  });

  test("show no key, though the server repeats it", async () => {
    using client = await clientOf((_, response) => response.writeHead(401).end("Invalid API key canary"), {
      credentials: credentialsOf(new Secret("canary")),
    });
    const error = await client.call("GET", "/collections").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ reason: "authentication", database: "vectors", details: { status: 401 } });
    expect(JSON.stringify(error) + String(error)).not.toContain("canary");
  });

  test("survive that the server has closed a connection that was kept", async () => {
    let connections = 0;
    using client = await clientOf((request, response) => {
      response.end("{}");
      // At once after the answer, as a server does whose patience has run out.
      request.socket.destroySoon();
      connections++;
    });
    for (let call = 0; call < 5; call++) await client.call("GET", "/");
    expect(connections).toBe(5);
  });

  test("that are aborted are `cancelled`", async () => {
    const aborting = new AbortController();
    using client = await clientOf(() => aborting.abort());
    await expect(client.call("GET", "/", { signal: aborting.signal })).rejects.toMatchObject({ reason: "cancelled" });
  });
});

describe("downloads", () => {
  test("throw where the connection is lost, rather than end", async () => {
    using client = await clientOf((_, response) => {
      response.writeHead(200, { "content-length": "100000" });
      response.write(Buffer.alloc(1_000), () => response.destroy());
    });
    const read = async () => {
      for await (const _ of await client.download("/file"));
    };
    await expect(read()).rejects.toMatchObject({ reason: "connection" });
  });

  test("can be left early", async () => {
    const closed = Promise.withResolvers<void>();
    using client = await clientOf((request, response) => {
      request.socket.on("close", () => closed.resolve());
      response.write(Buffer.alloc(5_000_000));
    });
    for await (const _ of await client.download("/file")) break;
    await expect(closed.promise).resolves.toBeUndefined();
  });
});

describe("uploads", () => {
  test("arrive whole, as a form whose length is known", async () => {
    let received: Buffer = Buffer.alloc(0);
    let length = "";
    using client = await clientOf((request, response) => {
      length = request.headers["content-length"] ?? "";
      void bodyOf(request).then((body) => {
        received = body;
        response.end("{}");
      });
    });
    await client.upload("/upload", snapshotForm, pieces(20, 100_000), 2_000_000);
    expect(received.length).toBe(Number(length));
    expect(received.toString("latin1", 0, 200)).toMatch(
      /^--sutazai-[0-9a-f]+\r\ncontent-disposition: form-data; name="snapshot"/,
    );
    const begin = received.indexOf("\r\n\r\n") + 4;
    expect(
      received
        .subarray(begin, begin + 2_000_000)
        .equals(Buffer.concat(Array.from({ length: 20 }, (_, at) => Buffer.alloc(100_000, at)))),
    ).toBe(true);
  });

  test("tell the server's refusal, also where it reads no further", async () => {
    using client = await clientOf((_, response) => {
      response
        .writeHead(400, { connection: "close" })
        .end('{"status":{"error":"Checksum mismatch: expected a, actual b"}}');
    });
    const attempt = client.upload("/upload", snapshotForm, pieces(400, 100_000), 40_000_000);
    await expect(attempt).rejects.toMatchObject({ reason: expect.stringMatching(/corrupt|connection/) as string });
  });

  test.each([
    ["fewer", 19],
    ["more", 21],
  ])("of %s bytes than told are `corrupt`, and are not sent to their end", async (_, count) => {
    let ended = false;
    using client = await clientOf(
      (request) =>
        void bodyOf(request).then(
          () => (ended = true),
          () => undefined,
        ),
    );
    await expect(client.upload("/upload", snapshotForm, pieces(count, 100_000), 2_000_000)).rejects.toMatchObject({
      reason: "corrupt",
    });
    expect(ended).toBe(false);
  });

  test("end with what their source throws", async () => {
    async function* failing(): Bytes {
      yield Buffer.alloc(10);
      throw Object.assign(new Error("the disk is gone"), { code: "ENOSPC" });
    }
    using client = await clientOf((request) => void bodyOf(request).catch(() => undefined));
    await expect(client.upload("/upload", snapshotForm, failing(), 100)).rejects.toMatchObject({ reason: "no-space" });
  });
});

describe("TLS", () => {
  const listener: Listener = (_, response) => response.end("{}");

  test("takes the authority that it is given, and the name", async () => {
    using client = await clientOf(listener, { protocol: "https:", ca: certificate, serverName: "qdrant.test" });
    await expect(client.call("GET", "/")).resolves.toBeDefined();
  });

  test.each<[string, Partial<Endpoint>]>([
    ["an unknown authority", { serverName: "qdrant.test" }],
    ["another name", { ca: certificate, serverName: "other.test" }],
  ])("refuses %s, and says which setting to look at", async (_, options) => {
    using client = await clientOf(listener, { protocol: "https:", ...options });
    await expect(client.call("GET", "/")).rejects.toMatchObject({
      reason: "connection",
      hint: expect.stringContaining("tls") as string,
    });
  });

  test("not spoken to a server that speaks it is told", async () => {
    using client = httpClient({ ...(await listen(listener, "https:")), protocol: "http:" }, "vectors");
    await expect(client.call("GET", "/")).rejects.toMatchObject({ reason: "connection" });
  });
});
