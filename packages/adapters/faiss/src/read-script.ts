import { findNamed, globArgument } from "@sutazai/backup-containers";

/** The exit code of a script whose files did not stand still. */
export const changedExit = 75;

/**
 * A tar of the directory `$1` without the excluded names. Fails with {@link changedExit} where a file was changed, made or removed meanwhile, by number,
 * size and times; a directory counts by its name alone, since excluded files come and go in it.
 */
export function readScript(excluded: readonly string[]): string {
  const left = excluded.map((name) => `--exclude=${globArgument(name)}`).join(" ");
  // GNU tar would let a `*` pass over directories: `a*.log` would leave out `archive/today.log` as well. Others know no such option, and do not.
  return `cd -- "$1" || exit 1
within=--no-wildcards-match-slash
tar "$within" --version >/dev/null 2>&1 || within=
list() {
  find . ${findNamed(excluded)} -prune -o -type d -exec stat -c '%n %a %u:%g' {} + -o -exec stat -c '%n %f %u:%g %i %s %y %z' {} +
}
before=$(list 2>&1 | cksum)
tar -c -f - $within ${left} .
code=$?
after=$(list 2>&1 | cksum)
[ "$before" = "$after" ] || exit ${changedExit}
exit "$code"
`;
}
