import { shellQuoted } from "@sutazai/backup-core";

/**
 * A test of find(1), in a shell's words, for entries whose name one of the patterns fits: `*` and `?` are wildcards, all else is itself. Under `LC_ALL=C` a `?`
 * is one byte.
 */
export function findNamed(patterns: readonly string[]): string {
  return `\\( ${patterns.map((pattern) => `-name ${globArgument(pattern)}`).join(" -o ")} \\)`;
}

/** Such a pattern as an argument of a tool that knows brackets and backslashes as well. */
export function globArgument(pattern: string): string {
  return shellQuoted(pattern.replaceAll(/[[\]\\]/g, "\\$&"));
}

/** Such patterns for a `case` of the shell. */
export function casePatterns(patterns: readonly string[]): string {
  const parts = (pattern: string) => pattern.split(/([*?])/).filter((part) => part !== "");
  const word = (part: string) => (part === "*" || part === "?" ? part : shellQuoted(part));
  return patterns.map((pattern) => parts(pattern).map(word).join("")).join("|");
}
