import { posix } from "node:path";
import type { Place } from "@sutazai/backup-containers";
import { BackupError, type ContainerInfo } from "@sutazai/backup-core";
import type { Server } from "../server.ts";

const usual = "/qdrant/storage";

/** Where the server keeps its files, which must be on a volume: nothing else could read or replace them. */
export function dataPlace(server: Server, configured: string | undefined): Place & { readonly kind: "container" } {
  const { id, imageId, name, mounts, environment } = containerOf(server);
  const said = configured ?? environment["QDRANT__STORAGE__STORAGE_PATH"] ?? usual;
  const directory = posix.normalize(said).replace(/(.)\/$/, "$1");
  const mounted = mounts.filter(({ type }) => type === "volume" || type === "bind");
  const isMounted = mounted.some(
    ({ destination }) => directory === destination || directory.startsWith(`${destination}/`),
  );
  if (isMounted) return { kind: "container", container: id, image: imageId, directory };
  throw new BackupError("unsupported", `${directory} of container ${name} is not on a volume`, {
    operation: "qdrant.locate",
    hint: `mount a volume there, name the storage directory (\`directory\`) if it is another, or take the form "snapshot"; mounted are: ${mounted.map(({ destination }) => destination).join(", ") || "none"}`,
  });
}

export function containerOf({ target, database }: Server): ContainerInfo {
  if (target.container !== undefined) return target.container;
  throw new BackupError("unsupported", "a URL does not lead to the storage directory", {
    operation: "qdrant.locate",
    database,
    hint: 'name the `container`, or take the form "snapshot"',
  });
}
