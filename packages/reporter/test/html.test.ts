import { parse, type DefaultTreeAdapterTypes as Tree } from "parse5";
import { expect, test } from "vitest";
import { formatMasterHtml } from "../src/html/index.ts";
import { hatchPath } from "../src/html/hatch.ts";
import { levelKeys, phaseKeys } from "../src/html/proof.ts";
import { colors } from "../src/html/style.ts";
import { masterReport, type ReportFacts } from "../src/index.ts";
import { backupFact, facts, platform } from "./platform.ts";

const hostile = `"><script>alert(1)</script><img src=//evil.example/x onerror=alert(2)>'\u0000\u001B[31m\u202Edrow & {{x}} \`rm\` url(https://evil.example) ${"a".repeat(300)}`;

/** Parses as a browser would, and fails on whatever it would have to mend. */
function elementsOf(document: string): Tree.Element[] {
  const mistakes: string[] = [];
  const tree = parse(document, {
    onParseError: ({ code, startLine }) => mistakes.push(`${code} in line ${startLine}`),
  });
  expect(mistakes).toEqual([]);
  const found: Tree.Element[] = [];
  const walk = (node: Tree.Node): void => {
    if ("tagName" in node) found.push(node);
    if ("childNodes" in node) node.childNodes.forEach(walk);
  };
  walk(tree);
  return found;
}

function attribute(element: Tree.Element, name: string): string | undefined {
  return element.attrs.find((candidate) => candidate.name === name)?.value;
}

function hostilePlatform(): ReportFacts {
  const given = platform();
  const rename = <T extends { readonly database: string }>(item: T): T =>
    item.database === "qdrant" ? { ...item, database: hostile } : item;
  return {
    ...given,
    store: `/${hostile}`,
    databases: given.databases.map(rename),
    backups: given.backups.map((backup) => ({ ...rename(backup), pinned: hostile })),
    reports: given.reports.map((report) => ({
      ...report,
      runId: hostile,
      databases: report.databases.map(rename),
    })) as unknown as ReportFacts["reports"],
    notes: [hostile],
  };
}

const cases: readonly (readonly [string, ReportFacts])[] = [
  ["six databases", platform()],
  ["an empty store", facts()],
  ["configured, and nothing backed up", facts({ databases: [{ database: "db", kind: "redis" }] })],
  ["one database with one backup", facts({ backups: [backupFact({ daysAgo: 0.5 })] })],
  ["hostile names everywhere", hostilePlatform()],
];

test.each(cases)("%s: parses without a mistake, and asks nothing of anybody", (_, given) => {
  const document = formatMasterHtml(masterReport(given));
  const elements = elementsOf(document);
  const tags = new Set(elements.map(({ tagName }) => tagName));
  for (const tag of ["script", "link", "iframe", "object", "embed", "img", "image", "use", "base", "form", "a"]) {
    expect(tags).not.toContain(tag);
  }
  for (const element of elements) {
    for (const { name, value } of element.attrs) {
      expect(name).not.toMatch(/^on|^(?:src|srcset|href|xlink:href|action|background)$/);
      expect(name === "style" ? value : "").not.toMatch(/url\(|import|expression/);
    }
  }
  const sheet = /<style>(.*?)<\/style>/s.exec(document)?.[1] ?? "";
  expect(sheet).not.toMatch(/url\(|@import|@font-face|https?:/);
  expect(document).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
});

test("without hostile names there is no address in it at all", () => {
  expect(formatMasterHtml(masterReport(platform()))).not.toMatch(/https?:|src=|\/\/[a-z]/i);
});

test("hostile names stand there as text, and nothing of them commands", () => {
  const document = formatMasterHtml(masterReport(hostilePlatform()));
  expect(document).toContain("&lt;script&gt;alert(1)");
  // oxlint-disable-next-line no-control-regex
  expect(document).not.toMatch(/[\u0000\u001B\u202E]/);
});

test.each(cases)("%s: landmarks, headings in order, names of sections, tables and charts", (_, given) => {
  const elements = elementsOf(formatMasterHtml(masterReport(given)));
  const named = (tag: string) => elements.filter(({ tagName }) => tagName === tag);
  expect([named("main").length, named("h1").length, named("title").length]).toEqual([1, 1, expect.any(Number)]);
  expect(attribute(named("html")[0]!, "lang")).toBe("en");
  const ids = elements.flatMap((element) => attribute(element, "id") ?? []);
  expect(new Set(ids).size).toBe(ids.length);
  for (const section of named("section")) expect(ids).toContain(attribute(section, "aria-labelledby"));
  expect(named("caption")).toHaveLength(named("table").length);
  for (const cell of named("th")) expect(attribute(cell, "scope")).toMatch(/^(?:row|col)$/);
  for (const svg of named("svg")) {
    const isDecoration = attribute(svg, "aria-hidden") === "true";
    expect(isDecoration || (attribute(svg, "role") === "img" && (attribute(svg, "aria-label") ?? "").length > 10)).toBe(
      true,
    );
  }
  const levels = elements
    .flatMap(({ tagName }) => /^h(?<level>[1-6])$/.exec(tagName)?.groups?.["level"] ?? [])
    .map(Number);
  levels.forEach((level, index) => expect(level - (levels[index - 1] ?? 0)).toBeLessThanOrEqual(1));
});

test("the numbers that are shown are those of the report", () => {
  const report = masterReport(platform());
  const document = formatMasterHtml(report);
  for (const { title, cause } of report.problems) expect(document, cause).toContain(title);
  expect(document).toContain("35 h 2 min");
  expect(document).toContain(
    "<title>neo4j, 2026-11-02: 1 of 1 failed (connection: neo4j did not answer at 127.0.0.1:8000 within 10 s)</title>",
  );
  expect(document).toContain("2026-11-04: no run");
});

test("bars are told apart by what is drawn over their colours", () => {
  for (const keys of [levelKeys, phaseKeys]) expect(new Set(keys.map(({ hatch }) => hatch)).size).toBe(keys.length);
  const document = formatMasterHtml(masterReport(platform()));
  expect(document).not.toContain("url(#");
  // Parsed, compared and damaged; the legend's, and the bars of six databases, wide and narrow.
  const levels = /Kept backups, by.*?<\/figure>/s.exec(document)?.[0] ?? "";
  expect(levels.match(/<path [^>]*d="M/g)).toHaveLength(3 + 2 * (6 + 6 + 1));
});

test.each(["slanted", "crossed", "level", "upright", "dotted"] as const)(
  "a %s hatch is there, and stays within its bar",
  (hatch) => {
    const box = { x: 101.3, y: 7.4, width: 57.9, height: 22.2 };
    const points = [...hatchPath(hatch, box).matchAll(/[ML](-?[\d.]+) (-?[\d.]+)/g)].map(
      ([, x, y]) => [Number(x), Number(y)] as const,
    );
    expect(points.length).toBeGreaterThan(5);
    for (const [x, y] of points) {
      expect(x).toBeGreaterThanOrEqual(box.x - 0.1);
      expect(x).toBeLessThanOrEqual(box.x + box.width + 0.1);
      expect(y).toBeGreaterThanOrEqual(box.y - 0.1);
      expect(y).toBeLessThanOrEqual(box.y + box.height + 0.1);
    }
  },
);

test("a day that was not well is named to who sees no dots, and its run is in a list that is not folded", () => {
  const document = formatMasterHtml(masterReport(platform()));
  const failed = "neo4j, 2026-11-02: 1 of 1 failed (connection: neo4j did not answer at 127.0.0.1:8000 within 10 s)";
  const [chart = ""] = elementsOf(document).flatMap(
    (element) => /^Timeline/.exec(attribute(element, "aria-label") ?? "")?.input ?? [],
  );
  expect(chart).toContain(failed);
  const [shown = ""] = /Runs that did not go well(?:(?!<details>).)*/s.exec(document) ?? [];
  expect(shown).toMatch(/neo4j<\/bdi>\s+failed \(<bdi>connection: neo4j did not answer at 127.0.0.1:8000 within 10 s/);
  expect(formatMasterHtml(masterReport(facts()))).not.toContain("Runs that did not go well");
});

test("a thousand runs make a page of ordinary size, each day told once", () => {
  const report = masterReport(platform({ count: 1000, every: 1 / 24, keeps: 10 }));
  const document = formatMasterHtml(report);
  expect(document.length).toBeLessThan(1_500_000);
  expect(document.match(/<title>postgres, 2026-11-20: [^<]*<\/title>/g)).toHaveLength(2); // wide and narrow
  expect(document).toContain("older ones are in the JSON");
});

/** Relative luminance and contrast as WCAG 2 defines them. */
function contrast(one: string, other: string): number {
  const luminance = (color: string) => {
    const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
      const part = Number.parseInt(color.slice(at, at + 2), 16) / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

test.each(["light", "dark"] as const)("%s: texts have a contrast of 4.5 to 1, lines of 3 to 1", (scheme) => {
  const color: Readonly<Record<string, string>> = colors[scheme];
  const of = (name: string) => color[name] ?? "";
  const texts = [
    ...["ink", "muted"].flatMap((ink) => ["bg", "card"].map((ground) => [ink, ground])),
    ...["ok", "warning", "critical"].flatMap((status) => [
      [status, "card"],
      [status, `${status}-bg`],
      ["muted", `${status}-bg`],
      ["ink", `${status}-bg`],
    ]),
    ...["level-1", "level-2", "level-3"].map((level) => [`${level}-ink`, level]),
    ["ink", "faint"],
    ["card", "critical"],
    ["card", "muted"],
  ];
  for (const [ink = "", ground = ""] of texts) {
    expect(contrast(of(ink), of(ground)), `${ink} on ${ground}`).toBeGreaterThanOrEqual(4.5);
  }
  for (const line of ["series-1", "series-2", "series-3", "series-4"]) {
    expect(contrast(of(line), of("card")), line).toBeGreaterThanOrEqual(3);
  }
});
