#!/bin/sh
# The first process of a world: builds its root and then holds it until standard input ends.
#
#   unshare --mount --pid --fork sh world.sh LOWER STAGE NODE HIDDEN
#
# LOWER: the root that the world shows, never written to. STAGE: an empty directory to mount on. NODE: a node to show as
# /usr/local/bin/node, or nothing. HIDDEN: a directory that the world must not see (the checkout, with its node_modules).
# Prints its process id as the outside knows it. Everything is in memory and in private namespaces: when this process
# ends, whatever the reason, the kernel ends all others of the world and nothing is left.
set -eu
lower=$1 stage=$2 node=$3 hidden=$4

# The shell itself opens the file, while /proc is still the outer one.
IFS=' ' read -r pid _ </proc/self/stat

mount -t tmpfs -o mode=755 tmpfs "$stage"
mkdir "$stage/upper" "$stage/work" "$stage/root"
mount -t overlay -o "lowerdir=$lower,upperdir=$stage/upper,workdir=$stage/work" overlay "$stage/root"
cd "$stage/root"

rm -rf etc/nix etc/nixsig etc/static opt/nixsig var/lib/nixsig usr/local/bin/node
mkdir -p proc sys dev run srv tmp root home nix opt mnt usr/local/bin var/lib
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=700 tmpfs root
for directory in nix home run srv; do mount -t tmpfs -o mode=755 tmpfs "$directory"; done
if [ -d ".$hidden" ]; then mount -t tmpfs -o mode=755 tmpfs ".$hidden"; fi
if [ -n "$node" ]; then
  : >usr/local/bin/node
  mount --bind "$node" usr/local/bin/node
fi

for user in alice:1000 mallory:1001; do
  name=${user%:*} id=${user#*:}
  echo "$name:x:$id:$id::/home/$name:/bin/sh" >>etc/passwd
  echo "$name:x:$id:" >>etc/group
  mkdir "home/$name"
  chown "$id:$id" "home/$name"
done

# The sandbox of Nix refuses to work under chroot: the old root has to go from the namespace.
mkdir .outside
pivot_root . .outside
cd /
umount -l /.outside
rmdir /.outside

echo "$pid"
exec cat >/dev/null
