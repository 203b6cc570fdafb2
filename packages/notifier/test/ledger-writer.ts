// Started twice by ledger-directory.test.ts: adds topics to a ledger, one change each.
import { admit } from "../src/ledger.ts";
import { LedgerDirectory } from "../src/ledger-directory.ts";
import type { Notice } from "../src/notice.ts";

const [, , path = "", name = "", count = "0"] = process.argv;
const directory = new LedgerDirectory(path);
const channel = { name, takes: { again: true, resolved: true, event: true } };
const notice = {
  cause: "",
  severity: "warning",
  state: "firing",
  title: "",
  databases: [],
  what: "",
  since: "",
  at: "",
  safe: [],
  action: "",
} as const satisfies Notice;
for (let index = 0; index < Number(count); index += 1) {
  await directory.update(
    (ledger) => ({
      ledger: admit(ledger, channel, { ...notice, cause: `${name} ${index}` }, { now: new Date(), reminderMs: 1000 })
        .ledger,
      result: undefined,
    }),
    (error) => {
      throw error;
    },
  );
}
