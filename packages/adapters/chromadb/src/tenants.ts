import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { isBackupError, type OperationContext } from "@sutazai/backup-core";
import { defaultTenant } from "./collections.ts";
import { copyData } from "./data/capture-data.ts";
import { extract } from "./data/extract.ts";
import { readApart } from "./data/reading.ts";
import type { Server } from "./server.ts";

/** The tenants that are known without looking into the data directory. No endpoint lists them. */
export function namedTenants({ options }: Server): string[] {
  return [...new Set([defaultTenant, ...(options.tenants ?? [])])];
}

/** All tenants: the data directory tells, where it can be copied. */
export async function findTenants(context: OperationContext, server: Server): Promise<string[]> {
  if (server.target.container === undefined) return namedTenants(server);
  try {
    return [...new Set([...namedTenants(server), ...(await copiedTenants(context, server))])];
  } catch (error) {
    if (!isBackupError(error) || !["unsupported", "timeout", "no-space"].includes(error.reason)) throw error;
    context.logger.warn({ reason: error.reason }, "the data directory cannot be copied to look for tenants");
    return namedTenants(server);
  }
}

async function copiedTenants(context: OperationContext, server: Server): Promise<readonly string[]> {
  const { copy, directory } = await copyData(context, server);
  await using held = copy;
  const scratch = await mkdtemp(join(context.scratch, "chromadb-"));
  try {
    return await readApart("tenants", await extract(held.read(directory), scratch, context.signal), context.signal);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
