import { Secret } from "@sutazai/backup-core";
import { expect, test } from "vitest";
import { slackChannel, type SlackOptions } from "../../src/index.ts";
import { slackMessage } from "../../src/channels/slack-blocks.ts";
import { failureOf, messageOf, never, notice, says, startReceiver } from "../support.ts";

const context = { signal: never };

interface Cell {
  readonly type: string;
  readonly text: string;
}
interface Block {
  readonly type: string;
  readonly text?: { readonly text: string };
  readonly elements?: readonly { readonly text: string }[];
  readonly rows?: readonly (readonly Cell[])[];
  readonly column_settings?: readonly unknown[];
}

function blocksOf(given: Parameters<typeof messageOf>[0] = {}): readonly Block[] {
  return slackMessage(messageOf(given)).blocks as Block[];
}

test("what failed, since when, what is safe, what to do, and a table with a row for each database", async () => {
  const { url, requests } = await startReceiver(says(200, "ok"));
  const channel = slackChannel({ webhook: new Secret(`${url}/services/T/B/x`) });
  expect(await channel.deliver(messageOf(), context)).toStrictEqual({});
  const { text, blocks } = JSON.parse(requests[0]?.body ?? "") as { text: string; blocks: Block[] };
  expect(requests[0]).toMatchObject({
    method: "POST",
    path: "/services/T/B/x",
    headers: { "content-type": "application/json" },
  });
  expect(blocks.map(({ type }) => type)).toStrictEqual([
    "header",
    "section",
    "section",
    "section",
    "section",
    "table",
    "context",
    "section",
  ]);
  expect(blocks[0]?.text?.text).toBe("[CRITICAL] Backup of postgres failed (host-1)");
  expect(blocks[5]?.rows?.map((row) => row.map((cell) => cell.text))).toStrictEqual([
    ["database", "status", "last good backup"],
    ["postgres", "failed", "20261120T030000.000Z-abcdef"],
    ["redis", "ok", "20261123T030000.000Z-ghjkmn"],
  ]);
  expect(text).toContain("What to do now");
});

test("nothing of a message calls people or makes links", () => {
  const evil = "<!channel> <@U1> <https://evil.example|click> &";
  const facts = { columns: ["x"], rows: [[evil]] };
  const given = { notice: { ...notice, title: evil, what: evil, action: evil, facts, report: "path <!here>" } };
  const { text, blocks } = slackMessage(messageOf(given));
  expect(text).not.toMatch(/<[!@h]/);
  for (const block of blocks as Block[]) {
    // Headers and cells are plain text to Slack; only sections and contexts are read as markup.
    const markup = block.type === "section" ? block.text?.text : block.elements?.[0]?.text;
    expect(markup ?? "").not.toMatch(/<[!@h]/);
  }
});

test("whatever is said stays within what Slack takes", () => {
  const long = "ä<&".repeat(5000);
  const rows = Array.from({ length: 500 }, (_, index) => [`db${index}`, long, ...Array.from({ length: 30 }, () => "")]);
  const facts = { columns: Array.from({ length: 32 }, (_, index) => `c${index}`), rows };
  const given = {
    notice: {
      ...notice,
      title: long,
      what: long,
      action: long,
      facts,
      report: `https://x.example/${"y".repeat(5000)}`,
    },
  };
  const { text, blocks } = slackMessage(messageOf(given));
  expect(text.length).toBeLessThanOrEqual(4000);
  const longest = (type: string): number =>
    Math.max(
      ...(blocks as Block[]).filter((block) => block.type === type).map((block) => block.text?.text.length ?? 0),
    );
  expect(longest("header")).toBeLessThanOrEqual(150);
  expect(longest("section")).toBeLessThanOrEqual(3000);
  const table = (blocks as Block[]).find(({ type }) => type === "table");
  expect(table?.rows?.length).toBeLessThanOrEqual(100);
  expect(table?.rows?.every((row) => row.length === 20 && row.every((cell) => cell.text.length > 0))).toBe(true);
  expect(table?.rows?.flat().reduce((sum, cell) => sum + cell.text.length, 0)).toBeLessThanOrEqual(10_000);
  expect(table?.rows?.at(-1)?.[0]?.text).toMatch(/^and \d+ more$/);
});

test("every database has its row up to what a table takes", () => {
  const rows = Array.from({ length: 98 }, (_, index) => [`db${index}`]);
  const all = blocksOf({ notice: { ...notice, facts: { columns: ["database"], rows } } }).find(
    ({ type }) => type === "table",
  );
  expect(all?.rows?.length).toBe(99);
  expect(all?.rows?.at(-1)?.[0]?.text).toBe("db97");
  expect(
    blocksOf({ notice: { ...notice, facts: { columns: ["database"], rows: [] } } }).some(
      ({ type }) => type === "table",
    ),
  ).toBe(false);
});

test("where blocks are refused, the same goes out as text", async () => {
  const { url, requests } = await startReceiver(says(400, "invalid_blocks"), says(200, "ok"));
  const channel = slackChannel({ webhook: new Secret(url) });
  const receipt = await channel.deliver(messageOf(), context);
  expect(receipt.problems).toStrictEqual([expect.stringContaining("invalid_blocks")]);
  expect(JSON.parse(requests[1]?.body ?? "")).toStrictEqual({ text: expect.stringContaining("What failed") });
});

test("a webhook that was withdrawn is a failure with a hint, and its address is not told", async () => {
  const { url } = await startReceiver(says(404, "no_service"));
  const channel = slackChannel({ webhook: new Secret(`${url}/services/T/B/x`) });
  const failure = await failureOf(channel.deliver(messageOf(), context));
  expect(failure).toMatchObject({
    reason: "not-found",
    isRetryable: false,
    message: expect.stringContaining("no_service"),
  });
  expect(JSON.stringify(failure)).not.toContain("/services/T/B/x");
});

test("what is no address is refused, without being repeated", () => {
  expect(() => slackChannel({ webhook: new Secret("not-an-address-s3cret") })).toThrow(/an http or https address/);
  expect(() => slackChannel({ webhook: new Secret("not-an-address-s3cret") })).not.toThrow(/s3cret/);
  expect(() => slackChannel({} as SlackOptions)).toThrow(expect.objectContaining({ reason: "configuration" }));
});
