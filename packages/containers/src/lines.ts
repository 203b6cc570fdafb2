import type { Bytes } from "@sutazai/backup-core";

/** The lines of a short text, without their ends, as they come. */
export async function* linesOf(text: Bytes): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of text) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}
