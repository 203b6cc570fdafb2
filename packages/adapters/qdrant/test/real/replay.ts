import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { likeness } from "./likeness.ts";
import type { QdrantUnderTest } from "./qdrant-under-test.ts";

interface Multipart {
  readonly filename: string;
  readonly bodyFile: string | null;
  readonly bytes: number;
}

export interface Exchange {
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

/** What is compared of an answer. */
interface Facts {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly body: unknown;
}

const fixtures = new URL("../../../../../tests/fixtures/qdrant/", import.meta.url);

export function recordedExchanges(name: string): Exchange[] {
  return JSON.parse(readFileSync(new URL(name, fixtures), "utf8")) as Exchange[];
}

/** Carries over what the server chose by itself: the names of snapshots, their checksums, their bytes. */
export class Replay {
  readonly #names = new Map<string, string>();
  readonly #bodies = new Map<string, Buffer>();

  /** Sends a recorded request, and gives what was recorded of the answer beside what came. */
  async exchange(
    { url, apiKey }: QdrantUnderTest,
    { request, response }: Exchange,
  ): Promise<{ readonly recorded: Facts; readonly found: Facts }> {
    const answer = await fetch(url + this.#translated(request.path), {
      method: request.method,
      ...this.#body(request.body, { "api-key": apiKey.reveal() }),
    });
    const content = Buffer.from(await answer.arrayBuffer());
    const contentType = response.headers["content-type"] ?? undefined;
    const bodies = this.#compared(request.path, response, content);
    return {
      recorded: { status: response.status, contentType, body: bodies.recorded },
      found: {
        status: answer.status,
        contentType: contentType === undefined ? undefined : (answer.headers.get("content-type") ?? undefined),
        body: bodies.found,
      },
    };
  }

  #compared(path: string, response: Exchange["response"], content: Buffer): { recorded: unknown; found: unknown } {
    if (response.bodyFile !== undefined) {
      this.#bodies.set(response.bodyFile, content);
      return { recorded: this.#names.get(recordedChecksum(response.bodyFile)), found: sha256(content) };
    }
    const text = content.toString("utf8");
    if (response.json === undefined) {
      return { recorded: likeness(response.text ?? "", this.#names), found: likeness(text, this.#names) };
    }
    if (!text.startsWith("{")) return { recorded: response.json, found: text };
    const found: unknown = JSON.parse(text);
    this.#learn(response.json, found);
    // What else the server was asked, and how often, depends on whoever else asked.
    const comparable = path === "/telemetry" ? withoutCounts(within(found, response.json)) : found;
    const recorded = path === "/telemetry" ? withoutCounts(response.json) : response.json;
    return { recorded: likeness(recorded, this.#names), found: likeness(comparable, this.#names) };
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
  return sha256(readFileSync(new URL(bodyFile, fixtures)));
}

function sha256(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Of an object, and of those in it, only the fields that another one has. */
function within(value: unknown, other: unknown): unknown {
  if (typeof value !== "object" || value === null || typeof other !== "object" || other === null) return value;
  const shared = Object.entries(value).filter(([name]) => Object.hasOwn(other, name));
  return Object.fromEntries(
    shared.map(([name, item]) => [name, within(item, (other as Record<string, unknown>)[name])]),
  );
}

function withoutCounts(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (key, item: unknown) => (key === "count" ? 0 : item));
}
