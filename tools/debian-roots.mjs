// The other Nix versions of the end-to-end tests: those of Debian 13 and Debian sid, each in its
// own root, which is made once and kept.

import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const USUAL =
  'nix-bin busybox-static ca-certificates git gpg gpg-agent gpgv less minisign nodejs openssh-client openssh-server signify-openbsd sqlite3 sudo systemd util-linux'

/** The packages of each root, by Debian suite, which is also the root's name. */
const PACKAGES = {
  trixie: USUAL,
  sid: `${USUAL} cosign gittuf go-tuf python3-cyclonedx-lib python3-jsonschema python3-spdx-tools python3-tuf sequoia-git sqv`,
}

/** The directory for what the tests prepare once: $NIXSIG_TEST_CACHE, or /var/cache/nixsig-test. */
export function testCache() {
  return process.env.NIXSIG_TEST_CACHE ?? '/var/cache/nixsig-test'
}

/** The path of a suite's root, whether or not it is ready. */
export function debianRoot(suite) {
  return join(testCache(), suite)
}

// $1 is the suite, $2 the root, the other arguments are packages. The list of packages is written
// into the root last, so an interrupted root never counts as ready, and a root with an older list
// gets the missing packages.
const MAKE = `
suite=$1 root=$2; shift 2
if ! [ -d "$root" ]; then
  rm -rf "$root.partial"
  debootstrap --variant=minbase "$suite" "$root.partial"
  mv "$root.partial" "$root"
fi
export DEBIAN_FRONTEND=noninteractive
chroot "$root" dpkg --configure -a
chroot "$root" apt-get -o Acquire::Check-Valid-Until=false update
chroot "$root" apt-get install -y --no-install-recommends "$@"
chroot "$root" apt-get clean
echo "$*" >"$root/.nixsig-test"
`

function isReady(suite) {
  try {
    const there = new Set(
      readFileSync(join(debianRoot(suite), '.nixsig-test'), 'utf8')
        .trim()
        .split(' '),
    )
    return PACKAGES[suite].split(' ').every(name => there.has(name))
  } catch {
    return false
  }
}

/**
 * Makes the missing roots in parallel, which takes a few minutes on a new machine. Resolves with
 * the reason if that failed, or with nothing.
 */
export async function makeDebianRoots() {
  const suites = Object.keys(PACKAGES).filter(suite => !isReady(suite))
  const problems = await Promise.all(suites.map(make))
  return problems.find(problem => problem !== undefined)
}

async function make(suite) {
  const root = debianRoot(suite)
  mkdirSync(testCache(), { recursive: true })
  console.error(`preparing a root of Debian ${suite} in ${root} …`)
  const args = [`${root}.lock`, 'sh', '-euc', MAKE, 'sh', suite, root, ...PACKAGES[suite].split(' ')]
  const env = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin` }
  const made = spawn('flock', args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const lines = []
  for (const stream of [made.stdout, made.stderr]) {
    stream.setEncoding('utf8')
    stream.on('data', text => {
      lines.push(...text.trim().split('\n'))
      lines.splice(0, lines.length - 3)
    })
  }
  const ended = await new Promise(resolve => {
    made.on('error', error => resolve(error.message))
    made.on('close', status => resolve(status === 0 ? undefined : lines.join('\n')))
  })
  return ended === undefined ? undefined : `Debian ${suite}: ${ended}`
}
