// Started by processes.test.ts: notifies as another process of this host would.
import { Secret } from "@sutazai/backup-core";
import { Notifier, webhookChannel } from "../src/index.ts";
import { notice } from "./samples.ts";

const [, , stateDir = "", url = "", state = "firing"] = process.argv;
const channel = webhookChannel({ url: new Secret(url) });
const notifier = new Notifier({ channels: [channel], stateDir, source: "host-1" });
const report = await notifier.notify(state === "none" ? [] : [{ ...notice, state: state as "firing" | "resolved" }]);
process.stdout.write(JSON.stringify(report));
