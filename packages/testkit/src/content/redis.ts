import type { SampleContent } from "./sample-content.ts";
import type { ChainableCommander } from "ioredis";
import { connectRedis } from "../kinds/redis.ts";
import type { ServerAddress } from "../kinds/server-kind.ts";
import { Random } from "../random.ts";

const day = 86_400_000;
const perPipeline = 2_000;

const library = `#!lua name=platform
redis.register_function('next_job', function(keys) return redis.call('LPOP', keys[1]) end)
redis.register_function{function_name='size', callback=function(keys) return redis.call('LLEN', keys[1]) end, flags={'no-writes'}}`;

/** One key of each type in turn, as an AI platform has them. */
const makers: readonly ((pipeline: ChainableCommander, name: string, random: Random) => void)[] = [
  (to, name, random) => to.set(`session:${name}`, random.bytes(12).toString("hex"), "PXAT", expiry(random)),
  (to, name, random) => to.set(`counter:${name}`, random.below(1_000_000) - 500_000),
  (to, name, random) =>
    to.hset(`user:${name}`, { name: `Üser ${name}`, plan: random.pick(["free", "team"]), tokens: random.below(1e9) }),
  (to, name, random) => to.rpush(`queue:${name}`, ...several(random, () => `job ${random.below(1e6)}`)),
  (to, name, random) =>
    to.sadd(`tags:${name}`, ...several(random, () => random.pick(["a", "b", "long tag", "ünï"]) + random.below(50))),
  (to, name, random) => to.sadd(`ids:${name}`, ...several(random, () => random.below(1e9))),
  (to, name, random) =>
    to.zadd(`scores:${name}`, ...several(random, () => [random.below(1000) / 7, `doc ${random.below(1e6)}`]).flat()),
  (to, name, random) => to.set(`embedding:${name}`, random.bytes(64)),
  (to, name, random) =>
    to.xadd(
      `events:${name}`,
      `${1_760_000_000_000 + random.below(1e6)}-0`,
      "type",
      "message",
      "body",
      random.bytes(8).toString("hex"),
    ),
  (to, name, random) =>
    to.set(Buffer.concat([Buffer.from(`cache:${name}:`), random.bytes(4)]), random.bytes(20), "PXAT", expiry(random)),
];

/**
 * Fills a server with about as many keys as asked for, over 4 databases: strings, numbers, hashes, lists, sets of words and of
 * integers, sorted sets, streams (with groups that have pending entries), bitmaps, HyperLogLogs, places, binary keys and
 * values, large values of each encoding, expiries a day to a week away, and a function library. The same seed gives
 * the same content (expiries aside, which are relative to now).
 */
export async function fillRedis(
  server: ServerAddress,
  options: { readonly keys?: number; readonly seed?: number } = {},
): Promise<void> {
  const keys = options.keys ?? 10_000;
  await using connection = await connectRedis(server);
  const { client } = connection;
  const random = new Random(options.seed ?? 1);
  await client.call("FUNCTION", "LOAD", "REPLACE", library);
  for (const [database, share] of [0.7, 0.15, 0.1, 0.05].entries()) {
    await client.select(database);
    await special(client.pipeline(), database);
    const last = Math.ceil(keys * share);
    for (let first = 0; first < last; first += perPipeline) {
      const pipeline = client.pipeline();
      for (let number = first; number < Math.min(first + perPipeline, last); number += 1) {
        makers[number % makers.length]?.(pipeline, `${database}:${number}`, random);
      }
      await succeed(pipeline);
    }
  }
}

/** What there is few of: every further type and encoding, small and large. */
async function special(to: ChainableCommander, database: number): Promise<void> {
  to.setbit(`online:${database}`, 7_777, 1);
  to.pfadd(`visitors:${database}`, ...Array.from({ length: 500 }, (_, number) => `visitor ${number}`));
  to.geoadd(`places:${database}`, 13.361389, 38.115556, "Palermo", 15.087269, 37.502669, "Catania");
  to.set(`large:${database}`, "compressible ".repeat(20_000));
  to.rpush(
    `long list:${database}`,
    ...Array.from({ length: 2_000 }, (_, number) => `entry ${number} ${"x".repeat(number % 90)}`),
  );
  to.hset(
    `wide hash:${database}`,
    Object.fromEntries(Array.from({ length: 1_000 }, (_, number) => [`field ${number}`, number])),
  );
  to.sadd(`wide set:${database}`, ...Array.from({ length: 1_000 }, (_, number) => `member ${number}`));
  to.zadd(
    `wide scores:${database}`,
    ...Array.from({ length: 1_000 }, (_, number) => [number % 10 ? number : "-inf", `m${number}`]).flat(),
  );
  const stream = `stream:${database}`;
  for (let number = 1; number <= 200; number += 1) to.xadd(stream, `${number}-1`, "n", number, "même", "ünï");
  to.xdel(stream, "7-1");
  to.xgroup("CREATE", stream, "workers", "0");
  to.xgroup("CREATE", stream, "idle", "$");
  to.xreadgroup("GROUP", "workers", "worker 1", "COUNT", 10, "STREAMS", stream, ">");
  to.xreadgroup("GROUP", "workers", "worker 2", "COUNT", 5, "STREAMS", stream, ">");
  to.xack(stream, "workers", "1-1", "2-1");
  to.call("HPEXPIREAT", `wide hash:${database}`, Date.now() + 3 * day, "FIELDS", "2", "field 1", "field 2");
  await succeed(to);
}

/** Keys, values and fields that break what takes them for text, lines or patterns. */
export async function fillHostileRedis(server: ServerAddress): Promise<void> {
  await using connection = await connectRedis(server);
  const { client } = connection;
  const names = [
    "",
    " ",
    "two words",
    "line\nbreak\r\n",
    "*",
    "[a-z]?",
    "-rf",
    `it's "quoted"`,
    "ünï-数据",
    "\0",
    "{tag}",
    "\\",
    "$5\r\nhello\r\n",
    "__proto__",
    "constructor",
  ];
  const pipeline = client.pipeline();
  for (const name of [
    ...names.map((text) => Buffer.from(text)),
    Buffer.from([0xff, 0xfe, 0x00]),
    Buffer.alloc(5_000, 0x61),
  ]) {
    pipeline.set(name, name);
    pipeline.hset(Buffer.concat([Buffer.from("h:"), name]), name, name);
    pipeline.sadd(Buffer.concat([Buffer.from("s:"), name]), name);
    pipeline.zadd(Buffer.concat([Buffer.from("z:"), name]), 1, name);
    pipeline.xadd(Buffer.concat([Buffer.from("x:"), name]), "1-1", name, name);
  }
  await succeed(pipeline);
}

/** Changes the sample content everywhere a restore has to put it back. */
export async function changeRedis(server: ServerAddress): Promise<void> {
  await using connection = await connectRedis(server);
  const { client } = connection;
  const pipeline = client.pipeline();
  pipeline.set("counter:0:1", "changed").del("user:0:2", "large:0").set("made since then", "1").persist("session:0:0");
  pipeline.xadd("stream:0", "*", "n", "new").xack("stream:0", "workers", "3-1").rpush("queue:0:3", "more");
  pipeline.select(3).flushdb().select(9).set("another database", "1");
  await succeed(pipeline);
  await client.call("FUNCTION", "DELETE", "platform");
}

/** One small write, as an application would make it; rejects where writers are kept out. */
export async function writeRedis(server: ServerAddress): Promise<void> {
  await using connection = await connectRedis(server);
  await connection.client.incr("written meanwhile");
}

/** Removes every key and function. */
export async function emptyRedis(server: ServerAddress): Promise<void> {
  await using connection = await connectRedis(server);
  await connection.client.flushall();
  await connection.client.call("FUNCTION", "FLUSH");
}

function several<T>(random: Random, make: () => T): T[] {
  return Array.from({ length: 1 + random.below(8) }, make);
}

function expiry(random: Random): number {
  return Date.now() + day + random.below(6 * day);
}

async function succeed(pipeline: ChainableCommander): Promise<void> {
  for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error;
}

async function settingsOfRedis(server: ServerAddress): Promise<Record<string, string>> {
  await using connection = await connectRedis(server);
  const listed = await connection.client.config("GET", "*");
  const settings: Record<string, string> = {};
  for (let at = 0; at + 1 < listed.length; at += 2) settings[String(listed[at])] = String(listed[at + 1]);
  const [role] = await connection.client.role();
  return { ...settings, role: String(role), users: (await connection.client.acl("LIST")).join("\n") };
}

/** The sample content for the conformance suite. */
export function redisContent(options: { readonly keys?: number; readonly seed?: number } = {}): SampleContent {
  return {
    fill: (server) => fillRedis(server, { keys: options.keys ?? 20_000, seed: options.seed ?? 1 }),
    fillHostile: fillHostileRedis,
    change: changeRedis,
    write: writeRedis,
    empty: emptyRedis,
    settings: settingsOfRedis,
  };
}
