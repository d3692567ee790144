#!/bin/sh
# Holds a world whose first process is systemd until standard input ends.
#
#   sh booted.sh GROUPS WORLD [ARGUMENT]...
#
# GROUPS: an empty directory on which to mount this machine's control groups, however the machine
# itself mounts them. WORLD and its arguments: world.sh and its arguments. Systemd believes that the
# group in which it starts is the root.
set -eu
groups=$1
shift

mount -t cgroup2 cgroup2 "$groups"
group=$groups/nixsig-test-$$
mkdir "$group"
(
  echo 0 >"$group/cgroup.procs"
  exec unshare --mount --pid --fork --kill-child --uts --ipc --cgroup sh "$@" </dev/null
) &
holder=$!

cat >/dev/null
kill -9 "$holder"
wait "$holder" 2>/dev/null || true
for attempt in 1 2 3 4 5 6 7 8 9 10; do
  find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
  if ! [ -d "$group" ]; then break; fi
  sleep 0.2
done
