import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { settingsPage, withSettingsTable } from "../scripts/settings-table.ts";

test("the table of settings is that of the schemas", async () => {
  const squeezed = (text: string) => text.replaceAll(/[ -]+/g, " ");
  const text = await readFile(settingsPage, "utf8");
  expect(squeezed(text)).toBe(squeezed(withSettingsTable(text)));
});
