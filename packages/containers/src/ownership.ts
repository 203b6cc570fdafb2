import { randomBytes } from "node:crypto";
import { currentProcess, processIdentitySchema, type ProcessIdentity } from "@sutazai/backup-core";

export const roleLabel = "sutazai.backup.role";
export const ownerLabel = "sutazai.backup.owner";

/** What our containers, networks and volumes are for. */
export type Role = "sidecar" | "throwaway" | "lock" | "isolation" | "frozen";

/** The labels of everything we make, from the moment of its creation: by them a later process finds what this one left. */
export async function ownedBy(role: Role): Promise<Record<string, string>> {
  return { [roleLabel]: role, [ownerLabel]: JSON.stringify(await currentProcess()) };
}

/** Who made an object; undefined where the label is not one of ours. */
export function ownerOf(labels: Readonly<Record<string, string>> | null | undefined): ProcessIdentity | undefined {
  const text = labels?.[ownerLabel];
  if (text === undefined) return undefined;
  try {
    return processIdentitySchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** `sutazai-pg_dump-1f0c…`: a name that Docker takes, never used twice. */
export function uniqueName(purpose: string): string {
  return `sutazai-${purpose.replaceAll(/[^a-zA-Z0-9_.-]+/g, "-")}-${randomBytes(6).toString("hex")}`;
}
