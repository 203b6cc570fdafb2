import type { Redis } from "ioredis";

/** Far enough ahead for fixtures to be read in years, fixed so that they are the same whenever they are made. */
export const farAhead = 4_102_444_800_000;

const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

/** Fills a server with every type in every size: four databases, binary names, expiries, functions, streams with groups. */
export async function fill(redis: Redis): Promise<void> {
  const call = (...parts: (string | number | Buffer)[]): Promise<unknown> =>
    redis.call(String(parts[0]), ...parts.slice(1));
  await call("SELECT", 0);
  await strings(call);
  await lists(call);
  await sets(call);
  await sortedSets(call);
  await hashes(call);
  await streams(call);
  for (const database of [1, 5, 15]) {
    await call("SELECT", database);
    await call("SET", `only in ${database}`, String(database));
    await call("SET", "expires", "later", "PXAT", farAhead + database);
  }
  await call("SELECT", 0);
  await call(
    "FUNCTION",
    "LOAD",
    "#!lua name=mylib\nredis.register_function('answer', function() return 42 end)\n-- ünïcode",
  );
}

type Call = (...parts: (string | number | Buffer)[]) => Promise<unknown>;

async function strings(call: Call): Promise<void> {
  const values: (string | number | Buffer)[] = [
    "",
    "plain",
    0,
    -1,
    127,
    128,
    -128,
    -129,
    32767,
    -32769,
    2147483647,
    "2147483648",
    "-2147483649",
    "9223372036854775807",
    "-9223372036854775808",
    "007",
    "1e3",
    everyByte,
    "compressible ".repeat(200),
    Buffer.alloc(20_000, "abc"),
  ];
  for (const [index, value] of values.entries()) await call("SET", `string:${index}`, value);
  await call("SET", everyByte, "a key of every byte");
  await call("SET", "expires", "soon enough", "PXAT", farAhead);
  await call("SET", "key with spaces\r\nand lines", "*3\r\n$3\r\nSET\r\n");
  await call("SET", "日本語", "ключ");
}

async function lists(call: Call): Promise<void> {
  await call(
    "RPUSH",
    "list:small",
    "a",
    "",
    12,
    -7,
    4095,
    -4096,
    70000,
    -8388608,
    2147483648,
    "9223372036854775807",
    everyByte,
  );
  await call(
    "RPUSH",
    "list:large",
    ...Array.from({ length: 1500 }, (_, index) => `element ${index} ${"x".repeat(index % 90)}`),
  );
  await call("RPUSH", "list:long elements", "short", "y".repeat(5000), Buffer.alloc(70_000, "z"), "end");
}

async function sets(call: Call): Promise<void> {
  await call("SADD", "set:int16", 1, 2, 300);
  await call("SADD", "set:int32", 1, 70_000, -70_000);
  await call("SADD", "set:int64", 1, "9223372036854775807", "-9223372036854775808", "9007199254740993");
  await call("SADD", "set:listpack", "a", "b", 3, everyByte);
  await call("SADD", "set:table", ...Array.from({ length: 700 }, (_, index) => `member ${index}`));
}

async function sortedSets(call: Call): Promise<void> {
  const scores = ["0", "-0", "1", "-1.5", "3.141592653589793", "inf", "-inf", "1e300", "5e-324", "9007199254740993"];
  await call("ZADD", "zset:small", ...scores.flatMap((score, index) => [score, `member ${index}`]));
  await call("ZADD", "zset:large", ...Array.from({ length: 300 }, (_, index) => [`${index / 7}`, `m${index}`]).flat());
}

async function hashes(call: Call): Promise<void> {
  await call("HSET", "hash:small", "field", "value", "number", 42, everyByte, everyByte, "", "");
  await call(
    "HSET",
    "hash:large",
    ...Array.from({ length: 700 }, (_, index) => [`field ${index}`, `value ${index}`]).flat(),
  );
  await call("HSET", "hash:expiring small", "a", 1, "b", 2, "c", 3);
  await call("HPEXPIREAT", "hash:expiring small", farAhead + 5, "FIELDS", 1, "a");
  await call("HPEXPIREAT", "hash:expiring small", farAhead + 9, "FIELDS", 1, "c");
  await call("HSET", "hash:expiring large", ...Array.from({ length: 700 }, (_, index) => [`f${index}`, index]).flat());
  await call("HPEXPIREAT", "hash:expiring large", farAhead + 77, "FIELDS", 3, "f1", "f2", "f699");
}

async function streams(call: Call): Promise<void> {
  await call("XADD", "stream:simple", "1-1", "a", "1", "b", "2");
  await call("XADD", "stream:simple", "1-2", "a", "3", "b", "4");
  await call("XADD", "stream:simple", "2-0", "other", everyByte);
  await call("XADD", "stream:simple", "18446744073709551614-18446744073709551615", "a", "5", "b", "6");
  await call("XDEL", "stream:simple", "1-2");
  for (let index = 1; index <= 250; index++) await call("XADD", "stream:groups", `${1000 + index}-0`, "n", index);
  await call("XGROUP", "CREATE", "stream:groups", "readers", "0");
  await call("XGROUP", "CREATE", "stream:groups", "nobody", "$");
  await call("XGROUP", "CREATECONSUMER", "stream:groups", "readers", "idle");
  for (const [consumer, count] of [
    ["first", 5],
    [everyByte, 3],
  ] as const) {
    await call("XREADGROUP", "GROUP", "readers", consumer, "COUNT", count, "STREAMS", "stream:groups", ">");
  }
  // Delivery times are content; these make them the same whenever this runs.
  for (const [consumer, ids] of [
    ["first", ["1001-0", "1002-0", "1003-0", "1004-0", "1005-0"]],
    [everyByte, ["1006-0", "1007-0", "1008-0"]],
  ] as const) {
    const options = ["TIME", 1_700_000_000_000, "RETRYCOUNT", 2];
    await call("XCLAIM", "stream:groups", "readers", consumer, 0, ...ids, ...options);
  }
  await call("XACK", "stream:groups", "readers", "1001-0", "1003-0");
  await call("XTRIM", "stream:groups", "MAXLEN", "=", 220);
  await call("XGROUP", "CREATE", "stream:empty", "group", "0", "MKSTREAM");
}

/** The settings that decide how the same content is written. */
export const encodings: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  compact: {},
  "compact-uncompressed": { rdbcompression: "no" },
  tables: {
    "hash-max-listpack-entries": "0",
    "set-max-listpack-entries": "0",
    "set-max-intset-entries": "0",
    "zset-max-listpack-entries": "0",
    "list-max-listpack-size": "1",
    "stream-node-max-entries": "1",
  },
  "large-nodes": {
    "hash-max-listpack-entries": "100000",
    "hash-max-listpack-value": "100000",
    "set-max-listpack-entries": "100000",
    "zset-max-listpack-entries": "100000",
    "list-max-listpack-size": "100000",
    "list-compress-depth": "1",
    "stream-node-max-entries": "0",
    "stream-node-max-bytes": "0",
  },
};
