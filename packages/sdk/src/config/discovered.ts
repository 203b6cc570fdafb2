import { toBackupError, type BackupError, type ContainerRuntime } from "@sutazai/backup-core";
import { discover } from "../discover.ts";
import { isPlainObject, type Layer } from "./layers.ts";

/** Options of which any says where a database is. */
const locations = ["container", "host", "url", "volume", "directory"];

/** Asks Docker only where the configuration leaves something open, and lets it be missing only where nothing depends on it. */
export async function discovered(
  containers: ContainerRuntime,
  configured: Readonly<Record<string, unknown>> | undefined,
  { layer }: { readonly layer: Layer },
  storeOnly: boolean,
): Promise<{ readonly layer: Layer; readonly error: BackupError | undefined }> {
  const nameOf = (path: readonly string[]) => `${path.join(".")} (discovered)`;
  const fromEnvironment = isPlainObject(layer.values["databases"]) ? layer.values["databases"] : {};
  const located = (name: string, given: unknown) => hasLocation(given) || hasLocation(fromEnvironment[name]);
  if (configured !== undefined && Object.entries(configured).every(([name, given]) => located(name, given)))
    return { layer: { origin: "discovered", nameOf, values: {} }, error: undefined };
  let error: BackupError | undefined;
  const byName: Record<string, { kind: string; container: string }> = {};
  try {
    for (const { name, kind, container } of (await discover(containers)).databases) byName[name] = { kind, container };
  } catch (thrown) {
    const canGoOn = storeOnly || configured !== undefined || Object.values(fromEnvironment).some(hasLocation);
    error = toBackupError(thrown, { operation: "discover" });
    if (!canGoOn || error.reason === "configuration") throw error;
  }
  const wanted =
    configured === undefined
      ? byName
      : Object.fromEntries(
          Object.entries(byName).filter(([name]) => name in configured && !located(name, configured[name])),
        );
  return { layer: { origin: "discovered", nameOf, values: { databases: wanted } }, error };
}

export function hasLocation(given: unknown): boolean {
  return isPlainObject(given) && locations.some((option) => given[option] !== undefined);
}

/** A password in the environment alone makes no database: something must say where it is. */
export function isWanted(
  name: string,
  given: Readonly<Record<string, unknown>>,
  configured: Readonly<Record<string, unknown>> | undefined,
  found: Layer,
): boolean {
  const discoveredDatabases = found.values["databases"];
  return (
    hasLocation(given) ||
    (configured !== undefined && name in configured) ||
    (isPlainObject(discoveredDatabases) && name in discoveredDatabases)
  );
}
