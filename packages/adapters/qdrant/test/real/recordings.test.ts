import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { qdrantUnderTest, type QdrantUnderTest } from "./qdrant-under-test.ts";
import { likeness } from "./likeness.ts";

interface Multipart {
  readonly filename: string;
  readonly bodyFile: string | null;
  readonly bytes: number;
}

interface Exchange {
  readonly n: number;
  readonly note: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: { readonly json?: unknown; readonly multipart?: Multipart } | null;
  };
  readonly response: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string | null>>;
    readonly json?: unknown;
    readonly text?: string;
    readonly bodyFile?: string;
  };
}

const fixtures = new URL("../../../../../tests/fixtures/qdrant/", import.meta.url);
const recorded = (name: string) => JSON.parse(readFileSync(new URL(name, fixtures), "utf8")) as Exchange[];

/** Carries over what the server chose by itself: the names of snapshots, their checksums, their bytes. */
class Replay {
  readonly #names = new Map<string, string>();
  readonly #bodies = new Map<string, Buffer>();

  async exchange(
    server: QdrantUnderTest,
    { request, response }: Exchange,
    headers: Record<string, string>,
  ): Promise<void> {
    const { method } = request;
    const answer = await fetch(server.url + this.#translated(request.path), {
      method,
      ...this.#body(request.body, headers),
    });
    const content = Buffer.from(await answer.arrayBuffer());
    expect(answer.status, content.toString("utf8").slice(0, 500)).toBe(response.status);
    if (response.headers["content-type"] !== undefined && response.headers["content-type"] !== null) {
      expect(answer.headers.get("content-type")).toBe(response.headers["content-type"]);
    }
    if (response.bodyFile !== undefined) {
      this.#bodies.set(response.bodyFile, content);
      expect([...answer.headers.keys()]).toEqual(
        expect.arrayContaining(["accept-ranges", "content-disposition", "etag"]),
      );
      const checksum = this.#names.get(recordedChecksum(response.bodyFile));
      expect(createHash("sha256").update(content).digest("hex")).toBe(checksum);
    } else if (response.json !== undefined) {
      // How often each route was asked depends on who else asked: starting the test did.
      const unlike = request.path === "/telemetry" ? /(?<="count": ?)\d+/g : /(?!)/g;
      const json: unknown = JSON.parse(content.toString("utf8").replace(unlike, "0"));
      this.#learn(response.json, json);
      const expected: unknown = JSON.parse(JSON.stringify(response.json).replace(unlike, "0"));
      expect(likeness(json, this.#names)).toEqual(likeness(expected, this.#names));
    } else {
      expect(likeness(content.toString("utf8"), this.#names)).toEqual(likeness(response.text ?? "", this.#names));
    }
  }

  #body(body: Exchange["request"]["body"], headers: Record<string, string>): RequestInit {
    if (body?.json !== undefined) {
      return { headers: { ...headers, "content-type": "application/json" }, body: JSON.stringify(body.json) };
    }
    if (body?.multipart === undefined) return { headers };
    const form = new FormData();
    form.set("snapshot", new Blob([this.#file(body.multipart)]), body.multipart.filename);
    return { headers, body: form };
  }

  #file({ bodyFile, bytes }: Multipart): Buffer<ArrayBuffer> {
    if (bodyFile !== null) return Buffer.from(this.#bodies.get(bodyFile) ?? Buffer.alloc(0));
    if (bytes === 5) return Buffer.from("hello");
    const whole = this.#bodies.get("bodies/articles.snapshot") ?? Buffer.alloc(0);
    return Buffer.from(whole.subarray(0, whole.length / 2));
  }

  /** A snapshot's name and checksum are the server's own: ours stand for those recorded from here on. */
  #learn(expected: unknown, found: unknown): void {
    const pairs = [expected, found].map((answer) => (answer as { result?: unknown }).result);
    const [one, other] = pairs as { name?: string; checksum?: string }[];
    if (one?.name === undefined || other?.name === undefined) return;
    this.#names.set(one.name, other.name);
    this.#names.set(one.checksum ?? "", other.checksum ?? "");
  }

  #translated(path: string): string {
    return [...this.#names].reduce((text, [theirs, ours]) => text.replaceAll(theirs, ours), path);
  }
}

function recordedChecksum(bodyFile: string): string {
  return createHash("sha256")
    .update(readFileSync(new URL(bodyFile, fixtures)))
    .digest("hex");
}

describe("the server answers as the recorded one", () => {
  let server: QdrantUnderTest;
  beforeAll(async () => {
    server = await qdrantUnderTest();
  });
  afterAll(async () => {
    const headers = { "api-key": server.apiKey.reveal() };
    for (const name of ["articles", "products", "passages", "empty", "name with space & ü", "restored"]) {
      await fetch(`${server.url}/collections/${encodeURIComponent(name)}`, { method: "DELETE", headers });
    }
    await server[Symbol.asyncDispose]();
  });

  // One after the other: each exchange builds upon those before it.
  const replay = new Replay();
  for (const exchange of recorded("exchanges.json")) {
    test(`${exchange.n}: ${exchange.note}`, () =>
      replay.exchange(server, exchange, { "api-key": server.apiKey.reveal() }));
  }

  for (const { n, note, request, response } of recorded("exchanges-api-key.json")) {
    test(`with an API key set, ${n}: ${note}`, async () => {
      const headers = Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [
          name,
          value.replace("test-key", () => server.apiKey.reveal()),
        ]),
      );
      const answer = await fetch(server.url + request.path, { headers });
      expect(answer.status).toBe(response.status);
      if (response.headers["content-type"] !== null) {
        expect(answer.headers.get("content-type")).toBe(response.headers["content-type"]);
      }
      const text = await answer.text();
      const isJson = response.headers["content-type"] === "application/json";
      // The recorded server was empty; which collections there are now is another test's concern.
      const shape = (body: string) => (isJson ? Object.keys(JSON.parse(body) as object) : body);
      expect(shape(text)).toEqual(shape(response.text ?? ""));
    });
  }
});
