import { BackupError } from "@sutazai/backup-core";
import type { Server } from "./server.ts";

/** The server's version, `2026.08.1`. Throws `unsupported` for what is older than 5, or for another edition's cluster. */
export async function serverVersion(server: Server): Promise<string> {
  const components = await server.rows<{ name: string; versions: readonly string[]; edition: string }>(
    "system",
    "CALL dbms.components() YIELD name, versions, edition RETURN name, versions, edition",
  );
  const kernel = components.find(({ name }) => name === "Neo4j Kernel") ?? components[0];
  const version = kernel?.versions[0] ?? "";
  if (majorOf(version) >= 5) return version;
  throw new BackupError("unsupported", `this server is Neo4j ${version || "of an unknown version"}`, {
    operation: "neo4j.version",
    hint: "version 5 or newer is needed",
  });
}

/** The last version counted by numbers, and the first counted by years. What lies between is of a series that is not known here. */
const [lastNumbered, firstYear] = [5, 2025];

/** Whether a store that one version has written may be too new for another: a later major or minor, or one of an unknown series. */
export function isNewer(written: string, reading: string): boolean {
  const [writtenParts, readingParts] = [partsOf(written), partsOf(reading)];
  const isUnknown = writtenParts.major > lastNumbered && writtenParts.major < firstYear;
  if (isUnknown && writtenParts.major !== readingParts.major) return true;
  if (writtenParts.major !== readingParts.major) return writtenParts.major > readingParts.major;
  return writtenParts.minor > readingParts.minor;
}

function majorOf(version: string): number {
  return partsOf(version).major;
}

function partsOf(version: string): { readonly major: number; readonly minor: number } {
  const [, major = "0", minor = "0"] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  return { major: Number(major), minor: Number(minor) };
}
