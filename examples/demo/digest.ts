import { createHash } from "node:crypto";

/** A short one, for people to compare. */
export function digest(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 16);
}
