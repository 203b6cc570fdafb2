import type { OperationContext, Probe } from "@sutazai/backup-core";
import type { Server } from "./server.ts";

// A collection is not looked into: the first look makes the server load its index.
export function probe(_context: OperationContext, { target, version }: Server): Probe {
  const { container, resource } = target;
  return {
    version,
    resource,
    container,
    sizeEstimate: undefined,
    warnings:
      container === undefined
        ? ["reached by its URL alone: nobody can be kept out while it is restored, and other tenants must be named"]
        : [],
  };
}
