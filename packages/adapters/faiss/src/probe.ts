import type { Place } from "@sutazai/backup-containers";
import type { OperationContext, Probe } from "@sutazai/backup-core";
import type { Target } from "./target.ts";
import { libraryVersion, unknownVersion } from "./version.ts";

/** A look at the files' place; nothing is read of them. */
export async function probe({ containers, signal }: OperationContext, { place, container }: Target): Promise<Probe> {
  const version = await libraryVersion(place, containers, signal);
  return {
    version,
    resource: container?.id ?? resourceOf(place),
    container,
    sizeEstimate: undefined,
    warnings:
      version === unknownVersion
        ? ["no FAISS for Python was found beside the files: a restore is proven by digests, the indexes are not loaded"]
        : [],
  };
}

function resourceOf(place: Place): string {
  return place.kind === "volume" ? `volume:${place.volume}` : `directory:${place.directory}`;
}
