import { BackupError, type BackupErrorOptions, type BackupErrorReason, type ToolExit } from "@sutazai/backup-core";

const rules: readonly { readonly pattern: RegExp; readonly reason: BackupErrorReason; readonly hint: string }[] = [
  {
    pattern: /no space left on device|disk quota exceeded/i,
    reason: "no-space",
    hint: "free some space where the files are; a restore needs room for a second set",
  },
  {
    pattern: /read-only file system/i,
    reason: "permission",
    hint: "mount the directory writable, if only for the restore",
  },
  {
    pattern: /permission denied|operation not permitted|cannot change ownership/i,
    reason: "permission",
    hint: "run this as root, or as whoever owns the files",
  },
  {
    pattern: /device or resource busy/i,
    reason: "unsupported",
    hint: "something is mounted within the directory: name a directory without mounts in it",
  },
  {
    pattern: /not found|no such file or directory/i,
    reason: "not-found",
    hint: "check `directory`, and see whether it is mounted",
  },
];

/** What a tool that worked on the files complained of; undefined where its own words are the best there is. Pure. */
export function classifyFailure(
  { stderr }: Pick<ToolExit, "stderr">,
  context: BackupErrorOptions,
): BackupError | undefined {
  const rule = rules.find(({ pattern }) => pattern.test(stderr));
  if (rule === undefined) return undefined;
  const line = stderr.split("\n").find((text) => rule.pattern.test(text)) ?? stderr;
  return new BackupError(rule.reason, line.trim(), { hint: rule.hint, ...context });
}
