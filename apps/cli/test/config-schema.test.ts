import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { schemaFile, schemaText } from "../scripts/config-schema.ts";

test("docs/config.schema.json is that of the settings", async () => {
  expect(JSON.parse(await readFile(schemaFile, "utf8"))).toEqual(JSON.parse(schemaText()));
});
