// Makes test/fixtures/*.rdb with a real server: node test/make-fixtures.ts <container> <redis url>
// Needs a throwaway container of Redis 7.4 or newer. The fixtures hold the same content in different encodings.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { encodings, fill } from "./dataset.ts";

const [container, url] = process.argv.slice(2);
if (container === undefined || url === undefined) throw new Error("usage: make-fixtures.ts <container> <redis url>");
const directory = join(import.meta.dirname, "fixtures");
mkdirSync(directory, { recursive: true });
const redis = new Redis(url);
for (const [name, settings] of Object.entries(encodings)) {
  const before: [string, string][] = [];
  for (const [setting, value] of Object.entries(settings)) {
    const [, old] = (await redis.call("CONFIG", "GET", setting)) as [string, string];
    before.push([setting, old]);
    await redis.call("CONFIG", "SET", setting, value);
  }
  await redis.flushall();
  await redis.call("FUNCTION", "FLUSH");
  await fill(redis);
  await redis.save();
  writeFileSync(join(directory, `${name}.rdb`), execFileSync("docker", ["exec", container, "cat", "/data/dump.rdb"]));
  for (const [setting, old] of before) await redis.call("CONFIG", "SET", setting, old);
}
redis.disconnect();
