import { BackupError, type Fingerprint, type OperationContext } from "@sutazai/backup-core";
import { countPoints, listCollections, readAliases, readInfo } from "./collections.ts";
import { aliasFacts, contentFacts, infoFacts } from "./facts.ts";
import { formNames, type FormName } from "./options.ts";
import { readContent } from "./scroll.ts";
import type { Server } from "./server.ts";

/** Throws `not-found` for a form that there is none of. */
export function formName(form: string): FormName {
  const known = formNames.find((name) => name === form);
  if (known !== undefined) return known;
  throw new BackupError("not-found", `Qdrant has no form "${form}"`, {
    operation: "qdrant.form",
    hint: `there are: ${formNames.join(", ")}`,
  });
}

/** The live server. An export has a digest of its points always, a snapshot where it is asked for. */
export async function fingerprint(
  context: OperationContext,
  server: Server,
  form: FormName,
  contentDigest: boolean,
): Promise<Fingerprint> {
  const { signal } = context;
  const names = await listCollections(server, signal);
  const facts: Fingerprint[] = [aliasFacts(await readAliases(server, signal))];
  for (const name of names) facts.push(await liveFacts(context, server, name, form === "scroll" || contentDigest));
  return Object.assign({}, ...facts) as Fingerprint;
}

/** What a live collection is made of and holds; exact where nobody writes. */
export async function liveFacts(
  { signal, progress }: Pick<OperationContext, "signal" | "progress">,
  server: Server,
  name: string,
  withContent: boolean,
): Promise<Fingerprint> {
  progress({ step: `reading ${name}` });
  const configuration = infoFacts(name, await readInfo(server, name, signal));
  const points = { exact: await countPoints(server, name, signal) };
  if (!withContent) return { ...configuration, ...contentFacts(name, points, { absent: "the points were not read" }) };
  const { digest } = await readContent(server, name, signal);
  return { ...configuration, ...contentFacts(name, points, { exact: String(digest) }) };
}
