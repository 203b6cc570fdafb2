import { randomBytes } from "node:crypto";

/**
 * A new id: `20261123T130000.123Z-k3f9a1`. Sorts by time of making; the random end keeps two of one millisecond apart.
 * Safe as a file name on every file system.
 */
export function newId(now: Date = new Date()): string {
  const time = now.toISOString().replaceAll(/[-:]/g, "");
  return `${time}-${Array.from(randomBytes(6), (byte) => alphabet[byte % alphabet.length]).join("")}`;
}

// 32 letters, so that a byte picks each equally often; without the ones people misread.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
