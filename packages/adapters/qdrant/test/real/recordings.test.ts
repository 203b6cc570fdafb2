import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { qdrantUnderTest, type QdrantUnderTest } from "./qdrant-under-test.ts";
import { recordedExchanges, Replay } from "./replay.ts";

describe("the server answers as the recorded one", () => {
  let server: QdrantUnderTest;
  beforeAll(async () => {
    server = await qdrantUnderTest();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  // One after the other: each exchange builds upon those before it.
  const replay = new Replay();
  for (const exchange of recordedExchanges("exchanges.json")) {
    test(`${exchange.n}: ${exchange.note}`, async () => {
      const { recorded, found } = await replay.exchange(server, exchange);
      expect(found).toEqual(recorded);
    });
  }

  for (const { n, note, request, response } of recordedExchanges("exchanges-api-key.json")) {
    test(`with an API key set, ${n}: ${note}`, async () => {
      const key = () => server.apiKey.reveal();
      const headers = Object.entries(request.headers).map(([name, value]) => [name, value.replace("test-key", key)]);
      const answer = await fetch(server.url + request.path, { headers: Object.fromEntries(headers) });
      const contentType = response.headers["content-type"];
      expect([answer.status, contentType === null ? null : answer.headers.get("content-type")]).toEqual([
        response.status,
        contentType,
      ]);
      // The recorded server was empty; which collections there are now is another test's concern.
      const shape = (body: string) => (body.startsWith("{") ? Object.keys(JSON.parse(body) as object) : body);
      expect(shape(await answer.text())).toEqual(shape(response.text ?? ""));
    });
  }
});
