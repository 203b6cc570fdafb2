// A process of its own: holds the store's lock until it is killed.
import { directoryStore } from "../src/index.ts";
import { none } from "./samples.ts";

const [path = ""] = process.argv.slice(2);
const store = directoryStore({ path, codec: none, codecOf: () => none });
await store.lock("shared", { wait: false, signal: new AbortController().signal });
process.send?.("held");
setInterval(() => undefined, 60_000);
