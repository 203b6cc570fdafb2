import type { Notice } from "./notice.ts";

/** What `test` sends: a notice and its end. */
export function testNotices(id: string, now: Date): { readonly firing: Notice; readonly resolved: Notice } {
  const at = now.toISOString();
  const firing: Notice = {
    cause: `notify-test:${id}`,
    severity: "info",
    state: "firing",
    title: "Test of the notifications",
    databases: [],
    what: "Nothing: somebody tries whether this channel works.",
    since: at,
    at,
    safe: [{ database: "example", backup: { id, at, proven: { level: "restore", at } } }],
    action: "Nothing. You would read here what to do.",
    facts: { columns: ["database", "status", "last good backup"], rows: [["example", "ok", id]] },
  };
  return { firing, resolved: { ...firing, state: "resolved", title: "Test of the notifications is over" } };
}
