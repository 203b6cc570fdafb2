import { expect, test } from "vitest";
import { formatHtml } from "../src/html.ts";
import { formatText } from "../src/text.ts";
import { shorten, wordingOf } from "../src/wording.ts";
import { messageOf, notice, resolved } from "./support.ts";

test("a message says what failed, since when, what is still safe and what to do now", () => {
  expect(wordingOf(messageOf()).subject).toBe("[CRITICAL] Backup of postgres failed (host-1)");
  expect(formatText(messageOf())).toBe(`What failed
  pg_dumpall ended with exit code 1: could not connect

Since
  2026-11-21 03:00:12 UTC (for 2 d 0 h now)

What is still safe
  postgres: backup 20261120T030000.000Z-abcdef of 2026-11-20 03:00:00 UTC (3 d 0 h old), restored in a drill on 2026-11-20 04:00:00 UTC

What to do now
  Run \`sutazai-backup backup postgres\` and read what it says.

database  status  last good backup
--------  ------  ---------------------------
postgres  failed  20261120T030000.000Z-abcdef
redis     ok      20261123T030000.000Z-ghjkmn

Cause backup-failed:postgres, from host-1
Run 20261123T030000.000Z-rrrrrr
Report https://backups.example.org/report.html
Head of the store's log c0ffee`);
});

test("nothing is called safe that is not known to be", () => {
  const linesOf = (given: Partial<typeof notice>): readonly string[] | undefined =>
    wordingOf(messageOf({ notice: { ...notice, ...given } })).sections[2]?.lines;
  expect(linesOf({ safe: [{ database: "postgres", backup: null }] })).toStrictEqual(["postgres: NO good backup"]);
  expect(linesOf({ safe: [] })).toStrictEqual(["postgres: not known which backup is good"]);
  expect(linesOf({ safe: [], databases: [] })).toStrictEqual(["Not known."]);
  const unproven = { id: "x", at: notice.at, proven: null };
  expect(linesOf({ safe: [{ database: "postgres", backup: unproven }] })).toStrictEqual([
    "postgres: backup x of 2026-11-23 03:00:40 UTC, not proven yet",
  ]);
});

test("ends, reminders and events are called so", () => {
  const end = wordingOf(messageOf({ occasion: "resolved", notice: resolved }));
  expect(end.subject).toBe("[RESOLVED] Backup of postgres succeeds again (host-1)");
  expect(end.sections[1]).toStrictEqual({
    heading: "From and to",
    lines: ["2026-11-21 03:00:12 UTC to 2026-11-24 03:00:40 UTC (3 d 0 h)"],
  });
  expect(wordingOf(messageOf({ occasion: "reminder" })).subject).toMatch(/^\[CRITICAL, reminder\]/);
  const event = wordingOf(messageOf({ occasion: "event", notice: { ...notice, state: "event", severity: "info" } }));
  expect([event.subject.slice(0, 6), event.sections[0]?.heading]).toStrictEqual(["[INFO]", "What happened"]);
});

test("HTML holds the same, and nothing of a message becomes markup", () => {
  const evil = `<img src=x onerror="alert('1')">&`;
  const facts = { columns: [evil, "b"], rows: [[evil]] };
  const html = formatHtml(
    messageOf({ notice: { ...notice, title: evil, what: evil, action: evil, facts, report: "javascript:alert(1)" } }),
  );
  expect(html).not.toContain("<img");
  expect(html).not.toContain("href");
  expect(html).toContain("&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;");
  expect(formatHtml(messageOf())).toContain('<a href="https://backups.example.org/report.html">');
});

test("cutting never leaves half a character", () => {
  expect(shorten("abcdef", 4)).toBe("abc…");
  expect(shorten("ab😀cd", 4)).toBe("ab…");
  expect(shorten("abcd", 4)).toBe("abcd");
});
