// The runbooks are walked through as they are printed: one here, the others in full/runbooks.test.ts.
import { readdir, readFile } from "node:fs/promises";
import { emptyPostgres, fillPostgres } from "@sutazai/backup-testkit";
import { expect, test } from "vitest";
import { differences, witness } from "../../examples/demo/witness.ts";
import { startPlatform } from "./platform.ts";
import { walkOn } from "./runbook-ground.ts";
import { firstMissing, stepsIn } from "./runbook.ts";

const folder = new URL("../../docs/runbooks/", import.meta.url);

test("a database lost", async () => {
  await using platform = await startPlatform(["postgres"]);
  await fillPostgres(platform.postgres, { scale: 0.1 });
  const before = await witness(platform.postgres);
  expect(await platform.run(["backup"])).toMatchObject({ code: 0 });
  await emptyPostgres(platform.postgres);
  await walkOn(platform, "database-lost");
  expect(differences(before, await witness(platform.postgres))).toEqual([]);
});

test("the README names every runbook, and every runbook has commands and tells what one should see", async () => {
  const pages = (await readdir(folder)).filter((name) => name !== "README.md");
  const readme = await readFile(new URL("README.md", folder), "utf8");
  for (const page of pages) {
    expect(readme).toContain(`(${page})`);
    const steps = stepsIn(await readFile(new URL(page, folder), "utf8"));
    expect(steps.length, page).toBeGreaterThan(1);
    expect(
      steps.some(({ shows }) => shows.length > 0),
      page,
    ).toBe(true);
  }
});

test("a walk notices what is not as printed", () => {
  const markdown =
    "```sh\nsutazai-backup verify\n```\n\n```text\nID x: DAMAGED\n…\n2 verified, 1 damaged\n(exit code 6)\n```\n";
  const [step] = stepsIn(markdown);
  expect(step).toEqual({
    commands: "sutazai-backup verify\n",
    shows: ["ID x: DAMAGED", "2 verified, 1 damaged"],
    exitCode: 6,
  });
  const shows = ["20261128T090614.123Z-k3f9a1  postgres  ok  1.5 MiB", "… in 2 min 3 s, from …"];
  const ids = new Map<string, string>();
  const output = "  20270101T000000.000Z-zzzzzz  postgres  ok   17 B\nok in 850 ms, from /x\n";
  expect(firstMissing(shows, output, ids)).toBeUndefined();
  expect(ids).toEqual(new Map([["20261128T090614.123Z-k3f9a1", "20270101T000000.000Z-zzzzzz"]]));
  expect(firstMissing(shows, output.replace("ok ", "failed"), ids)).toBe(shows[0]);
  expect(firstMissing(shows.toReversed(), output, ids)).toBe(shows[0]);
});
