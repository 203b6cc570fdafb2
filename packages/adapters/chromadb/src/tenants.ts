import { isBackupError, type OperationContext } from "@sutazai/backup-core";
import { defaultTenant } from "./collections.ts";
import { liveContent } from "./data/capture-data.ts";
import type { Server } from "./server.ts";

/** The tenants that are known without looking into the data directory. No endpoint lists them. */
export function namedTenants({ options }: Server): string[] {
  return [...new Set([defaultTenant, ...(options.tenants ?? [])])];
}

/** All tenants: the data directory tells, where it can be copied. */
export async function findTenants(context: OperationContext, server: Server): Promise<string[]> {
  if (server.target.container === undefined) return namedTenants(server);
  try {
    const { tenants } = await liveContent(context, server);
    return [...new Set([...namedTenants(server), ...tenants])];
  } catch (error) {
    if (!isBackupError(error) || !["unsupported", "timeout", "no-space"].includes(error.reason)) throw error;
    context.logger.warn({ reason: error.reason }, "the data directory cannot be copied to look for tenants");
    return namedTenants(server);
  }
}
