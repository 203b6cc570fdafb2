/** Exit codes of {@link frozenScript}, apart from those of a shell. */
export const frozenExits = { cannotStop: 71, tooLong: 73, copyFailed: 74, continued: 76 } as const;

// POSIX sh, as process 1 of a sidecar that sees the host's processes. Its arguments: the container's id, its first process, seconds that it may stand
// still, "ahead" or "none", then pairs of a directory and where its copy goes. Needs grep, cp, du, df and sleep besides a shell.
//
// Ahead it copies everything while the server runs, so that only what changed since is left for later: whatever has a time of change (ctime, which nobody can
// set) after a mark made before, and all within a directory that has one, as it may have been elsewhere meanwhile. It needs GNU find, tar and stat, room, and
// file systems whose times are of this clock; without them, and where that fails, all is copied later, as without "ahead".
//
// It says "ready <needed> <free>" (KiB), waits for a line, stops the container's processes, says "frozen", copies, lets them go on, and says "copied <hundredths of
// a second>". They go on as well where the shell ends in any other way: a signal (TERM from whoever removes it), its own time limit (ALRM), or the end
// of its standard input, which comes when whoever had attached to it has died.
//
// As it shares the host's process ids, the end of its first process makes Docker kill the others: the copy is not waited for.
// A process belongs to the container if its cgroup names it, whatever the version of cgroups and their driver. Those that were stopped
// before are left alone. A process that is started while the others are being stopped is found by another pass.
export const frozenScript: string = `id=$1 main=$2 limit=$3 ahead=$4
shift 4
exec 3<&0 </dev/null
known=
let_go() {
  for pid in $known; do kill -CONT "$pid" 2>/dev/null; done
  known=
}
trap let_go EXIT
trap 'exit 143' TERM INT HUP
trap 'exit ${frozenExits.tooLong}' ALRM

now() { read -r up _ </proc/uptime; echo "\${up%.*}\${up#*.}"; }
processes() { grep -lsF -e "$id" /proc/[0-9]*/cgroup | while IFS=/ read -r _ _ pid _; do echo "$pid"; done; }
is_stopped() { ! grep -hs '^State:' /proc/"$1"/task/[0-9]*/status | grep -qv ':.[TtZX] ('; }
all_stopped() {
  files=
  for pid in $known; do files="$files /proc/$pid/task/[0-9]*/status"; done
  # shellcheck disable=SC2086
  ! grep -hs '^State:' $files | grep -qv ':.[TtZX] ('
}
cannot_stop() { echo "$1" >&2; exit ${frozenExits.cannotStop}; }
stop_processes() {
  before=
  for pid in $(processes); do is_stopped "$pid" && before="$before $pid"; done
  while :; do
    found=
    for pid in $(processes); do
      case "$known $before " in *" $pid "*) continue ;; esac
      known="$known $pid" found=1
      kill -STOP "$pid" || [ ! -d "/proc/$pid" ] || cannot_stop "process $pid cannot be signalled"
    done
    [ -n "$found" ] && continue
    all_stopped && break
    sleep 0.01 2>/dev/null || sleep 1
  done
  case "$known $before " in *" $main "*) ;; *) cannot_stop "the processes of the container cannot be seen" ;; esac
}

needed=0 free=
place=$2
wanted=' '
for path in "$@"; do
  if [ "$wanted" = ' ' ]; then
    wanted=
    [ -d "$path" ] || { echo "there is no directory $path" >&2; exit ${frozenExits.copyFailed}; }
    size=$(du -sk "$path" 2>/dev/null | { read -r size _; echo "\${size:-0}"; })
    needed=$((needed + size))
  else
    wanted=' '
  fi
done
free=$(df -Pk "$place" | { read -r _; read -r _ _ _ free _; echo "$free"; })
flags=
cp --sparse=always --reflink=auto /dev/null "$place/.probe" 2>/dev/null && flags='--sparse=always --reflink=auto'
rm -f "$place/.probe"
copy_all() {
  while [ $# -gt 0 ]; do
    # shellcheck disable=SC2086
    cp -a $flags "$1/." "$2/" || return 1
    shift 2
  done
}
mark=/dev/shm/sutazai-ahead
clock() { echo "$(($(date +%s%N) / 10000000 - $(now)))"; }
tells_changes() {
  while [ $# -gt 0 ]; do
    case $(stat -f -c %T "$1") in ext2/ext3 | xfs | btrfs | zfs | f2fs | overlayfs | tmpfs) shift 2 ;; *) return 1 ;; esac
  done
  find "$mark" -cnewer "$mark" && tar --version | grep -q GNU
}
copy_ahead() {
  [ "$free" -gt $((needed + needed / 20 + 16384)) ] && touch "$mark" && tells_changes "$@" || return 1
  marked=$(clock)
  # Times of change are of the last tick of a coarse clock, and a clock may be set.
  sleep 1
  copy_all "$@"
  return 0
}
list_changes() {
  find . -type d -print0 && find . ! -type d -cnewer "$mark" -print0 &&
    find . -mindepth 1 -type d -cnewer "$mark" -exec find {} -print0 \\; -prune
}
copy_changes() {
  [ "$(clock)" -gt $((marked - 50)) ] || return 1
  while [ $# -gt 0 ]; do
    from=$1 to=$2
    shift 2
    cd "$to" && find . -mindepth 1 -depth -exec sh -c '
      from=$0; for name; do [ -e "$from/$name" ] || [ -L "$from/$name" ] || rm -rf "$name"; done' "$from" {} + || return 1
    cd "$from" && { list_changes || echo failed >&4; } |
      { tar -c -S --format=posix --numeric-owner --null --no-recursion -T - -f - || echo failed >&4; } |
      tar -x -p --numeric-owner -C "$to" -f - || return 1
  done 4>"$mark.failed"
  [ ! -s "$mark.failed" ]
}
empty_all() { while [ $# -gt 0 ]; do find "$2" -mindepth 1 -maxdepth 1 -exec rm -rf {} + || return 1; shift 2; done; }
copy=copy_all
if [ "$ahead" = ahead ]; then
  { copy_ahead "$@" && copy=copy_changes; } >/dev/null 2>&1
fi
echo "ready $needed $free"

read -r _ <&3 || exit 143
while read -r _; do :; done <&3 && kill -TERM $$ 2>/dev/null &
exec 3<&-
start=$(now)
if [ "$limit" != none ]; then
  { sleep "$limit" 2>/dev/null || sleep "\${limit%.*}"; kill -ALRM $$; } &
  stop_processes
fi
echo frozen
{ "$copy" "$@" || { [ "$copy" = copy_changes ] && empty_all "$@" && copy_all "$@"; }; } &
wait $!
code=$?
if [ "$limit" != none ]; then
  all_stopped || exit ${frozenExits.continued}
  let_go
fi
end=$(now)
[ "$code" = 0 ] || exit ${frozenExits.copyFailed}
echo "copied $((end - start))"
exit 0
`;

// Lets every process of a container go on: for where a sidecar was killed before it could. Its argument: the container's id.
export const letGoScript: string = `grep -lsF -e "$1" /proc/[0-9]*/cgroup | while IFS=/ read -r _ _ pid _; do
  kill -CONT "$pid" || [ ! -d "/proc/$pid" ] || exit 1
done`;
