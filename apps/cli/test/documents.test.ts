// What the documents tell somebody to type is there to be typed.
import { access, glob, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test, vi } from "vitest";
import { run } from "../src/run.ts";

const checkout = join(import.meta.dirname, "../../..");
const documents: string[] = [];
for await (const path of glob(["README.md", "docs/**/*.md", "apps/*/README.md"], { cwd: checkout }))
  documents.push(path);

const help = new Map<string, Promise<string>>();

/** What `--help` of a verb says. */
function helpOf(verb: string): Promise<string> {
  const known = help.get(verb) ?? printed([verb, "--help"]);
  help.set(verb, known);
  return known;
}

async function printed(args: readonly string[]): Promise<string> {
  const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
  try {
    await run(args);
    return log.mock.calls.flat().join("\n");
  } finally {
    log.mockRestore();
  }
}

/** Verbs with the options named beside them, on one line and in one piece of code. */
function commandsIn(text: string): { readonly verb: string; readonly options: readonly string[] }[] {
  return [...text.matchAll(/sutazai-backup ([a-z]+)\b([^\n`|;&#]*)/g)].map(([, verb = "", rest = ""]) => ({
    verb,
    options: rest.match(/--[a-z][a-z-]*/g) ?? [],
  }));
}

test.each(documents)("%s", async (document) => {
  const text = await readFile(join(checkout, document), "utf8");
  const verbs = await printed(["--help"]);
  for (const { verb, options } of commandsIn(text)) {
    expect(verbs, `${verb} in ${document}`).toMatch(new RegExp(`^  sutazai-backup ${verb}\\b`, "m"));
    for (const option of options) {
      expect(await helpOf(verb), `${verb} ${option} in ${document}`).toMatch(
        new RegExp(`${option.replace(/^--no-/, "--(?:no-)?")}\\b`),
      );
    }
  }
});

test.each(documents)("the links of %s lead somewhere", async (document) => {
  const text = await readFile(join(checkout, document), "utf8");
  const targets = [...text.matchAll(/\]\((?!\w+:|#)([^)#\s]+)/g)].map(([, target = ""]) => target);
  for (const target of targets) {
    await expect(access(join(checkout, dirname(document), target)), target).resolves.toBeUndefined();
  }
});
