// What a server may answer, or something between it and us, that looks like a success and is none.
import {
  emptyQdrant,
  fillQdrant,
  lyingServer,
  type Lie,
  type LyingServer,
  type ServerAddress,
} from "@sutazai/backup-testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { qdrantAdapter, type QdrantOptions } from "../../src/index.ts";
import { backUp } from "./operation.ts";
import { qdrantUnderTest, type QdrantUnderTest } from "./qdrant-under-test.ts";

let server: QdrantUnderTest;
let address: ServerAddress;
beforeAll(async () => {
  server = await qdrantUnderTest();
  const { hostname, port } = new URL(server.url);
  address = { host: hostname, port: Number(port), user: "", password: server.apiKey };
  await fillQdrant(address, { points: 60 });
});
afterAll(async () => {
  await emptyQdrant(address);
  await server[Symbol.asyncDispose]();
});

const isDownload = (method: string, path: string) => method === "GET" && /\/snapshots\/[^/]+$/.test(path);
const isPage = (path: string) => path.endsWith("/articles/points/scroll");

const answers: readonly (readonly [
  what: string,
  options: QdrantOptions,
  lieAbout: (method: string, path: string, body: string) => Lie | undefined,
])[] = [
  ["a snapshot without a byte", {}, (method, path) => (isDownload(method, path) ? "" : undefined)],
  [
    "a page about an error instead of a snapshot",
    {},
    (method, path) => (isDownload(method, path) ? "<html>" : undefined),
  ],
  [
    "no point at all of a collection that has some",
    { forms: ["scroll"] },
    (_, path) => (isPage(path) ? pageOf([]) : undefined),
  ],
  [
    "nothing behind the first page",
    { forms: ["scroll"] },
    (_, path, body) => (isPage(path) && body.includes('"offset"') ? pageOf([]) : undefined),
  ],
];

function pageOf(points: readonly object[]): Lie {
  return { result: { points, next_page_offset: null }, status: "ok", time: 0 };
}

test.each(answers)("%s fails the backup", async (_, options, lieAbout) => {
  await using liar: LyingServer = await lyingServer(address, lieAbout);
  const adapter = qdrantAdapter({ url: liar.url, apiKey: server.apiKey, ...options });
  await expect(backUp(adapter)).rejects.toMatchObject({
    reason: expect.stringMatching(/^(corrupt|mismatch)$/),
    database: "qdrant",
    message: expect.stringContaining("articles"),
  });
  expect(liar.lies).toBeGreaterThan(0);
  expect((await backUp(qdrantAdapter({ url: server.url, apiKey: server.apiKey, ...options }))).manifest.status).toBe(
    "ok",
  );
});
