// The second Nix of the end-to-end tests: the one of Debian sid, in a root of its own that is made once and kept.

import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const PACKAGES = [
  'nix-bin',
  'busybox-static',
  'ca-certificates',
  'cosign',
  'git',
  'gpg',
  'gpgv',
  'minisign',
  'nodejs',
  'openssh-client',
  'sqlite3',
  'sqv',
  'systemd',
  'util-linux',
]

/** The directory that keeps what the tests prepare once: $NIXSIG_TEST_CACHE, else /var/cache/nixsig-test. */
export function testCache() {
  return process.env.NIXSIG_TEST_CACHE ?? '/var/cache/nixsig-test'
}

/** Where the root of Debian sid lies; whether it is ready is another question. */
export function sidRoot() {
  return join(testCache(), 'sid')
}

// $1 is the root, the other arguments are packages. The list of packages is written into the root last of all, so a
// root whose making was interrupted is never taken for ready, and one of an older list gets what it lacks.
const MAKE = `
root=$1; shift
if ! [ -d "$root" ]; then
  rm -rf "$root.partial"
  debootstrap --variant=minbase sid "$root.partial"
  mv "$root.partial" "$root"
fi
export DEBIAN_FRONTEND=noninteractive
chroot "$root" dpkg --configure -a
chroot "$root" apt-get -o Acquire::Check-Valid-Until=false update
chroot "$root" apt-get install -y --no-install-recommends "$@"
chroot "$root" apt-get clean
echo "$*" >"$root/.nixsig-test"
`

function isReady(root) {
  try {
    return readFileSync(join(root, '.nixsig-test'), 'utf8').trim() === PACKAGES.join(' ')
  } catch {
    return false
  }
}

/** Makes the root unless it is ready, a few minutes' work on a new machine; the reason why that failed, or nothing. */
export function makeSidRoot() {
  const root = sidRoot()
  if (isReady(root)) return undefined
  mkdirSync(testCache(), { recursive: true })
  console.error(`preparing a root of Debian sid in ${root} …`)
  const done = spawnSync('flock', [`${root}.lock`, 'sh', '-euc', MAKE, 'sh', root, ...PACKAGES], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin` },
  })
  if (done.status === 0) return undefined
  return done.error?.message ?? `${done.stdout}${done.stderr}`.trim().split('\n').slice(-3).join('\n')
}
