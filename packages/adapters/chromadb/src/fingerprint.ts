import { BackupError, type Fingerprint, type OperationContext } from "@sutazai/backup-core";
import { liveContent } from "./data/capture-data.ts";
import { liveFacts } from "./live-facts.ts";
import { formNames, type FormName } from "./options.ts";
import type { Server } from "./server.ts";
import { findTenants } from "./tenants.ts";

/** Throws `unsupported` for a form that there is not. */
export function formName(name: string): FormName {
  const found = formNames.find((candidate) => candidate === name);
  if (found !== undefined) return found;
  throw new BackupError("unsupported", `there is no form ${JSON.stringify(name)}`, {
    operation: "chromadb.form",
    hint: `the forms are: ${formNames.join(", ")}`,
  });
}

export async function fingerprint(context: OperationContext, server: Server, form: FormName): Promise<Fingerprint> {
  if (form === "data") return (await liveContent(context, server)).fingerprint;
  return liveFacts(context, server, await findTenants(context, server));
}
