/** The exit code of a script whose files did not stand still. */
export const changedExit = 75;

/**
 * A tar of the directory `$1` without the excluded names. Fails with {@link changedExit} where a file was changed, made or removed meanwhile, by number,
 * size and times; a directory counts by its name alone, since excluded files come and go in it.
 */
export function readScript(excluded: readonly string[]): string {
  const quoted = excluded.map((name) => `'${name.replaceAll("'", `'\\''`)}'`);
  const pruned = quoted.map((name) => `-name ${name}`).join(" -o ");
  const left = quoted.map((name) => `--exclude=${name}`).join(" ");
  return `cd -- "$1" || exit 1
list() {
  find . \\( ${pruned} \\) -prune -o -type d -exec stat -c '%n %a %u:%g' {} + -o -exec stat -c '%n %f %u:%g %i %s %y %z' {} +
}
before=$(list 2>&1 | cksum)
tar -c -f - ${left} .
code=$?
after=$(list 2>&1 | cksum)
[ "$before" = "$after" ] || exit ${changedExit}
exit "$code"
`;
}
