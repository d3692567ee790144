// Programs that the tests and the demo need: installed on Debian as root, named in one line
// elsewhere.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { makeDebianRoots } from './debian-roots.mjs'
import { fetchDebianSources, RELEASES } from './debian-source.mjs'
import { fetchMultitool } from './sarif-multitool.mjs'

/** The Debian package of each program. */
const PACKAGES = {
  nix: 'nix-bin',
  gpg: 'gpg',
  gpgv: 'gpgv',
  sqv: 'sqv',
  minisign: 'minisign',
  'signify-openbsd': 'signify-openbsd',
  'ssh-keygen': 'openssh-client',
  sshd: 'openssh-server',
  sudo: 'sudo',
  sqlite3: 'sqlite3',
  faketime: 'faketime',
  strace: 'strace',
  busybox: 'busybox-static',
  unshare: 'util-linux',
  nsenter: 'util-linux',
  ip: 'iproute2',
  flock: 'util-linux',
  git: 'git',
  debootstrap: 'debootstrap',
  'dpkg-source': 'dpkg-dev',
  nginx: 'nginx-light',
  tinyproxy: 'tinyproxy-bin',
  cc: 'gcc libc6-dev',
  make: 'make',
  openssl: 'openssl',
  curl: 'curl',
  python3: 'python3-minimal',
  'systemd-notify': 'systemd',
  'systemd-socket-activate': 'systemd',
  chromium: 'chromium',
}

function isInstalled(program) {
  return (process.env.PATH ?? '')
    .split(':')
    .concat('/usr/sbin', '/sbin')
    .some(dir => existsSync(`${dir}/${program}`))
}

/**
 * Makes sure that these programs are installed; ends the process with one line if they cannot be.
 */
export function ensure(programs) {
  const missing = programs.filter(program => !isInstalled(program))
  if (missing.length === 0) return
  const packages = missing.flatMap(program => PACKAGES[program].split(' '))
  if (process.getuid?.() !== 0 || !isInstalled('apt-get')) {
    console.error(`missing: ${missing.join(', ')} (on Debian: apt-get install ${packages.join(' ')})`)
    process.exit(2)
  }
  console.error(`installing ${packages.join(' ')} …`)
  // Without a runlevel, packages do not start their services.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  for (const args of [
    ['update', '-qq'],
    ['install', '-y', '-qq', '--no-install-recommends', ...packages],
  ]) {
    const done = spawnSync('apt-get', args, { env, encoding: 'utf8' })
    if (done.status !== 0) {
      console.error(`apt-get ${args[0]} failed: ${done.stderr.trim().split('\n').at(-1)}`)
      process.exit(2)
    }
  }
}

/**
 * What `npm test` needs. As root, each test file has a network of its own. The end-to-end tests
 * also need root, for their namespaces, a shell for Nix's sandbox, and the roots of Debian 13 and
 * sid with their Nix in them. `debianSources`: whether a test wants real releases; it says itself
 * which of them it misses. `sarifMultitool`, `browser`: whether one wants that.
 */
export async function ensureTestTools({ endToEnd, debianSources, sarifMultitool, browser }) {
  if (process.getuid?.() === 0) ensure(['unshare', 'ip'])
  ensure([
    'nix',
    'gpg',
    'gpgv',
    'sqv',
    'minisign',
    'signify-openbsd',
    'ssh-keygen',
    'sqlite3',
    'dpkg-source',
    'git',
    'cc',
    'make',
    'openssl',
    'systemd-notify',
    'systemd-socket-activate',
  ])
  if (browser) ensure(['chromium'])
  if (!endToEnd) return
  ensure([
    'busybox',
    'unshare',
    'nsenter',
    'flock',
    'debootstrap',
    'nginx',
    'tinyproxy',
    'curl',
    'python3',
    'sshd',
    'faketime',
    'strace',
    'sudo',
  ])
  if (process.getuid?.() !== 0) {
    console.error('the end-to-end tests make namespaces and need root; `npm test -- --unit` does without')
    process.exit(2)
  }
  const problem = await makeDebianRoots()
  if (problem !== undefined) {
    console.error(`preparing a root failed: ${problem}`)
    process.exit(2)
  }
  try {
    if (debianSources) fetchDebianSources(RELEASES)
    if (sarifMultitool) fetchMultitool()
  } catch (error) {
    console.error(error.message)
  }
}
