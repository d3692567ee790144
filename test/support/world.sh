#!/bin/sh
# The first process of a world: builds its root and then holds it until standard input ends.
#
#   unshare --mount --pid --fork sh world.sh LOWER STAGE NODE HIDDEN [INIT]
#
# LOWER: the root that the world shows, never written to. STAGE: an empty directory to mount on.
# NODE: a node to show as /usr/local/bin/node, or empty. HIDDEN: a directory that the world must not
# see (the checkout, with its node_modules). INIT: with `systemd`, systemd is the first process, in
# a control group of its own (booted.sh), and shuts down when it is told to.
# Prints its process id outside the namespace. Everything is in memory and in private namespaces:
# when this process ends, for whatever reason, the kernel ends all others of the world and nothing
# is left.
set -eu
lower=$1 stage=$2 node=$3 hidden=$4 init=${5-}

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

if [ "$init" = systemd ]; then
  mount -t cgroup2 cgroup2 sys/fs/cgroup
  mount -t tmpfs -o mode=755 tmpfs etc/systemd/system
  # Devices of its own: systemd makes a socket among them.
  mount -t tmpfs -o mode=755 tmpfs dev
  mkdir dev/pts dev/shm
  mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
  mount -t tmpfs -o mode=1777 tmpfs dev/shm
  ln -s pts/ptmx dev/ptmx
  ln -s /proc/self/fd dev/fd
  for device in null zero full random urandom tty; do
    : >"dev/$device"
    mount --bind "/dev/$device" "dev/$device"
  done
  # What would look after the kernel, the hardware and the network, which are the machine's own.
  for unit in systemd-udevd.service systemd-logind.service systemd-networkd.service systemd-resolved.service \
    systemd-timesyncd.service systemd-sysctl.service systemd-modules-load.service systemd-remount-fs.service \
    systemd-binfmt.service systemd-tmpfiles-setup-dev.service systemd-tmpfiles-setup-dev-early.service \
    systemd-random-seed.service proc-sys-fs-binfmt_misc.automount dev-hugepages.mount dev-mqueue.mount \
    sys-fs-fuse-connections.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount; do
    ln -s /dev/null "etc/systemd/system/$unit"
  done
  echo 0123456789abcdef0123456789abcdef >etc/machine-id
fi

# The sandbox of Nix refuses to work under chroot: the old root has to go from the namespace.
mkdir .outside
pivot_root . .outside
cd /
umount -l /.outside
rmdir /.outside

echo "$pid"
if [ "$init" = systemd ]; then
  # As systemd does it outside of containers: what it mounts for a service, such as its credentials,
  # appears here as well.
  mount --make-rshared /
  exec env -i container=nixsig-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --unit=basic.target --log-target=journal --show-status=no </dev/null >/dev/null 2>&1
fi
exec cat >/dev/null
