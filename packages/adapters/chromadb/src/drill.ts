import {
  formOf,
  type DatabaseAdapter,
  type DrillServer,
  type Fingerprint,
  type Manifest,
  type OperationContext,
  type RestoreFacts,
} from "@sutazai/backup-core";
import { defaultTenant } from "./collections.ts";
import { readDetails } from "./details.ts";
import { fingerprint, formName } from "./fingerprint.ts";
import { liveFacts } from "./live-facts.ts";
import type { ChromadbOptions, FormName } from "./options.ts";
import { assertServed } from "./restore/validate.ts";
import { searchStored } from "./search.ts";
import { Server } from "./server.ts";

const directory = "/data";

/** An empty server of the backup's image, which asks for no credentials: version 1 has none of its own. */
export function drill(
  name: string,
  manifest: Manifest,
  wanted: string,
  create: (options: ChromadbOptions) => DatabaseAdapter,
): DrillServer {
  const form = formName(formOf(manifest, wanted).name);
  const tenants = tenantsIn(manifest, form);
  const reached = (container: string): ChromadbOptions => ({ name, container, directory, tenants, forms: [form] });
  return {
    container: { freshVolumes: [directory] },
    adapter: (container) => create(reached(container)),
    async compare(context, container, source) {
      using server = await Server.open(reached(container), name, context.containers, context.signal);
      const facts = await compare(context, server, source.manifest, form, tenants);
      const { searches, exact, collections } = await searchStored(context, server, tenants);
      const searched = `${searches} stored vectors searched for in ${collections} collections: each search finds a record at its right distance, ${exact} one as near as the vector itself`;
      return { ...facts, evidence: [...facts.evidence, ...(searches > 0 ? [searched] : [])], warnings: [] };
    },
  };
}

function tenantsIn(manifest: Manifest, form: FormName): string[] {
  const details = readDetails(manifest);
  const found = form === "data" ? details.data?.tenants : details.export?.databases.map(({ tenant }) => tenant);
  return [...new Set([defaultTenant, ...(found ?? [])])];
}

async function compare(
  context: OperationContext,
  server: Server,
  manifest: Manifest,
  form: FormName,
  tenants: readonly string[],
): Promise<Omit<RestoreFacts, "warnings">> {
  const expected = formOf(manifest, form).fingerprint;
  if (form === "data") {
    await assertServed(context, server, expected, tenants, "read through the server");
    return {
      fingerprint: await fingerprint(context, server, form),
      expected,
      evidence: ["every record and vector read through the server, and out of a copy of its files"],
    };
  }
  return {
    fingerprint: withoutSettings(await liveFacts(context, server, tenants)),
    expected: withoutSettings(expected),
    evidence: ["every record and vector read through the server"],
  };
}

/** Settings that a newer server takes no more were told by the restore. */
function withoutSettings(facts: Fingerprint): Fingerprint {
  return Object.fromEntries(Object.entries(facts).filter(([name]) => !name.endsWith("/configuration")));
}
