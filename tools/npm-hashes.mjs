// Writes nix/npm-hashes.json: the NAR hash of node_modules as nix/package.nix makes it, for each
// system.
//
//   node tools/npm-hashes.mjs     after every change of package-lock.json
//
// Needs npm's registry and nix-hash.

import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '..')
const hashes = {}
for (const [system, cpu] of [
  ['aarch64-linux', 'arm64'],
  ['x86_64-linux', 'x64'],
]) {
  const dir = mkdtempSync(join(tmpdir(), 'nixsig-npm-'))
  for (const file of ['package.json', 'package-lock.json']) copyFileSync(join(root, file), join(dir, file))
  const args = [
    'ci',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--os=linux',
    `--cpu=${cpu}`,
    '--libc=glibc',
  ]
  execFileSync('npm', args, { cwd: dir, stdio: ['ignore', 'ignore', 'inherit'] })
  const modules = join(dir, 'node_modules')
  rmSync(join(modules, '.package-lock.json'))
  const hash = execFileSync('nix-hash', ['--type', 'sha256', modules], { encoding: 'utf8' })
  hashes[system] = `sha256-${Buffer.from(hash.trim(), 'hex').toString('base64')}`
  rmSync(dir, { recursive: true })
}
writeFileSync(join(root, 'nix/npm-hashes.json'), `${JSON.stringify(hashes, null, 2)}\n`)
