import type { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectRedis, startServer, type TestServer } from "@sutazai/backup-testkit";
import { fingerprintOf } from "../../src/rdb/content.ts";
import { parseRdb } from "../../src/rdb/parser.ts";
import { encodings, fill } from "../dataset.ts";
import { length, pieces, RdbBuilder, text, ziplist, zipmap } from "../rdb/builder.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer("redis", { arguments: ["--save", ""] });
});
afterAll(() => server[Symbol.asyncDispose]());

async function saved(redis: Redis): Promise<Buffer> {
  await redis.save();
  const { stdout } = await server.exec(["base64", "-w0", "/data/dump.rdb"]);
  return Buffer.from(stdout, "base64");
}

async function factsOf(content: Buffer): Promise<unknown> {
  return fingerprintOf(await parseRdb(pieces(content, 65_536)));
}

test.each(Object.keys(encodings))("a reload changes encodings (%s), not facts", async (name) => {
  await using connection = await connectRedis(server);
  const redis = connection.client;
  for (const [setting, value] of Object.entries(encodings[name] ?? {}))
    await redis.call("CONFIG", "SET", setting, value);
  await redis.flushall();
  await redis.call("FUNCTION", "FLUSH");
  await fill(redis);
  const before = await factsOf(await saved(redis));
  // The test server's own settings are the defaults again after its restart.
  await server.restart();
  await using again = await connectRedis(server);
  expect(await factsOf(await saved(again.client))).toEqual(before);
});

test("what is written here by hand in old encodings is what the server reads in it", async () => {
  const content = new RdbBuilder(9)
    .key(1, "list", length(2), text("a"), text("b"))
    .key(
      10,
      "ziplist",
      text(ziplist("a", "-12", Buffer.from([0xc0, 0xff, 0x7f]), "x".repeat(300), Buffer.from([0xf1]))),
    )
    .key(14, "quicklist", length(2), text(ziplist("a", "b")), text(ziplist("c")))
    .key(3, "old scores", length(3), text("m"), text("1.5"), text("n"), Buffer.from([254]), text("o"), text("-3e10"))
    .key(12, "zset", text(ziplist("m", "1.25", "n", "-3")))
    .key(4, "hash", length(1), text("f"), text("v"))
    .key(9, "zipmap", text(zipmap(["f", "v"], ["g", "w"])))
    .key(13, "hash ziplist", text(ziplist("f", "v", "g", Buffer.from([0xf0, 1, 2, 0x80]))))
    .build();
  await server.exec(["sh", "-c", `echo ${content.toString("base64")} | base64 -d > /data/by-hand.rdb`]);
  await server.exec([
    "sh",
    "-c",
    "redis-server --port 7001 --dbfilename by-hand.rdb --dir /data --save '' --daemonize yes --logfile /data/by-hand.log",
  ]);
  let reply = "";
  for (let attempt = 0; attempt < 100 && !reply.includes("OK"); attempt++) {
    reply = (await server.exec(["redis-cli", "-p", "7001", "save"])).stdout;
  }
  expect(reply).toContain("OK");
  const { stdout } = await server.exec(["base64", "-w0", "/data/by-hand.rdb"]);
  await server.exec(["redis-cli", "-p", "7001", "shutdown", "nosave"]);
  const reread = Buffer.from(stdout, "base64");
  expect(reread.subarray(0, 9).toString()).not.toBe("REDIS0009");
  expect(await factsOf(reread)).toEqual(await factsOf(content));
});
