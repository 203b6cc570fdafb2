import type { ChainableCommander, Redis } from "ioredis";
import { connectRedis, type ServerAddress } from "@sutazai/backup-testkit";
import type { DemoFact } from "./database.ts";
import { digest } from "./digest.ts";

/** Every key of every database: name, type, expiry, and the value of strings. */
export async function questionRedis(server: ServerAddress): Promise<DemoFact[]> {
  await using connection = await connectRedis(server);
  const { client } = connection;
  const facts: DemoFact[] = [["functions", String(((await client.call("FUNCTION", "LIST")) as unknown[]).length)]];
  for (let database = 0; database < 4; database += 1) {
    await client.select(database);
    const lines = new Set<string>();
    for await (const keys of client.scanBufferStream({ count: 2000 })) {
      for (const line of await describeKeys(client, keys as Buffer[])) lines.add(line);
    }
    const summary = digest([...lines].sort());
    facts.push([`database ${database} keys`, `${await client.dbsize()}, names, types, expiries and texts ${summary}`]);
  }
  return facts;
}

/** Name, type, time of expiry, and for a string its value: one line a key. */
async function describeKeys(client: Redis, keys: readonly Buffer[]): Promise<string[]> {
  const answersTo = async (ask: (pipeline: ChainableCommander, key: Buffer) => unknown, about: readonly Buffer[]) => {
    const pipeline = client.pipeline();
    for (const key of about) ask(pipeline, key);
    return ((await pipeline.exec()) ?? []).map(([, answer]) =>
      Buffer.isBuffer(answer) ? answer.toString("hex") : String(answer),
    );
  };
  const types = await answersTo((pipeline, key) => pipeline.type(key), keys);
  const expiries = await answersTo((pipeline, key) => pipeline.pexpiretime(key), keys);
  const texts = keys.filter((_, index) => types[index] === "string");
  const values = new Map(
    (await answersTo((pipeline, key) => pipeline.getBuffer(key), texts)).map((value, index) => [texts[index], value]),
  );
  return keys.map((key, index) => [key.toString("hex"), types[index], expiries[index], values.get(key)].join(" "));
}
