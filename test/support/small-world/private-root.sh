#!/bin/sh
# Runs a program on this machine's root with its own /nix, which is empty and in memory:
#
#   unshare --mount --propagation private sh private-root.sh STAGE PROGRAM [ARGUMENT]…
#
# STAGE: an empty directory to mount on. /nix need not exist; everything else is shown as it is.
set -eu
stage=$1
shift
mount -t tmpfs -o mode=755 tmpfs "$stage"
for entry in /*; do
  name=${entry#/}
  if [ "$name" = nix ]; then continue; fi
  if [ -L "$entry" ]; then
    cp -P "$entry" "$stage/$name"
  elif [ -d "$entry" ]; then
    mkdir "$stage/$name"
    mount --rbind "$entry" "$stage/$name"
  fi
done
mkdir "$stage/nix"
exec chroot "$stage" "$@"
