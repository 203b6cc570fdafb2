import type { Fingerprint, OperationContext } from "@sutazai/backup-core";
import { capture } from "./capture.ts";
import type { SetRules } from "./options.ts";
import type { Target } from "./target.ts";

/** The live set, read as a backup reads it. */
export async function fingerprint(context: OperationContext, target: Target, rules: SetRules): Promise<Fingerprint> {
  const { content } = await capture(context, target, rules, async (tar) => {
    for await (const _ of tar);
  });
  return content.fingerprint;
}
