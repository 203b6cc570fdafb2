// A process of its own: publishes small backups, `count` of them or until it is killed, and says so for each. With TEST_KEEP it
// deletes all but so many of them, and says that too.
import { directoryStore } from "../src/index.ts";
import { codecs, draftOf, gzip, none } from "./samples.ts";

const [path = "", count = "Infinity"] = process.argv.slice(2);
process.umask(Number.parseInt(process.env["TEST_UMASK"] ?? "022", 8));
const store = directoryStore({ path, codec: gzip, codecOf: (name) => codecs[name] ?? none });
await store.prepare();
const keep = Number(process.env["TEST_KEEP"] ?? "Infinity");
await using _lock = await store.lock(keep === Infinity ? "shared" : "exclusive", {
  wait: true,
  signal: new AbortController().signal,
});
for (let index = 0; index < Number(count); index += 1) {
  const database = index % 3 === 0 ? "redis" : "postgres";
  await using staged = await store.begin(database, database);
  await Promise.all(
    ["a", "parts/b", "parts/c"].map((name) => staged.write(name, lines(`${name} ${index} `.repeat(500)))),
  );
  const { id } = await staged.publish(draftOf(["a", "parts/b", "parts/c"]));
  await store.annotate(id, "verification", index);
  process.stdout.write(`published ${id}\n`);
  for (const old of (await store.list()).slice(keep)) {
    process.stdout.write(`deleting ${old.id}\n`);
    await store.delete(old.id);
    process.stdout.write(`deleted ${old.id}\n`);
  }
}

async function* lines(text: string): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < text.length; start += 512) yield Buffer.from(text.slice(start, start + 512));
}
