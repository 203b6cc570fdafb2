// What runs as process 1 of a sidecar, in any POSIX shell (dash, bash, busybox ash). The tool is "$@".
//
// Its output goes through `cat`, which passes on at once what there is, and more at a time where Docker is slower than the tool: small
// writes cross Docker slowly, and a larger block size would hold back the answers of a tool that is talked to. The tool's own
// exit code comes out of the pipe on descriptor 5, for `pipefail` is not POSIX.
//
// The pipe runs in the background, because a shell takes a signal while it waits for a background job only. When process 1 ends, the kernel kills
// every other process of the container.
const pipe = `exec 3<&0 4>&1
trap 'exit 143' TERM
run_tool() {
  codes=$( { { "$@" 3<&- 4>&- 5>&-; echo $? >&5; } | { cat >&4 5>&-; } || echo output >&5; } 5>&1 )
  case $codes in
    *[!0-9]*|'') echo "the output could not be passed on" >&2; exit 74 ;;
    *) exit "$codes" ;;
  esac
}
`;

/**
 * The tool reads nothing; standard input is a dead-man's switch: nobody writes to it, so that it ends only when whoever
 * attached to it is gone, and then the container ends.
 */
export const unattendedScript: string = `${pipe}run_tool "$@" </dev/null &
tool=$!
while read -r _; do :; done <&3 && kill -TERM $$ 2>/dev/null &
exec 3<&-
wait "$tool"
`;

/**
 * The tool reads standard input. Where whoever feeds it dies, its input just ends and it cannot know that it was to go on: a
 * restore must not make anything visible before its feeder has confirmed it.
 */
export const fedScript: string = `${pipe}run_tool "$@" <&3 &
tool=$!
exec 3<&-
wait "$tool"
`;
