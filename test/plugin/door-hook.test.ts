// The doorkeepers of the hooks, where the programs that they call cannot be had.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'

const ROOT = mkdtempSync(join(tmpdir(), 'nixsig-door-'))
const SOURCES = ['door-hook', 'gone', 'lines', 'owned', 'policy']
const DELETE = /sed -i \/nixsig\/d/
const NOBODY = 65534

before(() => {
  chmodSync(ROOT, 0o755)
  mkdirSync(join(ROOT, 'door'))
  const sources = SOURCES.map(name => join(PROJECT_ROOT, 'nix/plugin', `${name}.c`))
  const places = [`-DNIXSIG_STATE="${ROOT}/state"`, `-DNIXSIG_POLICY="${ROOT}/policy.toml"`]
  const args = ['-D_GNU_SOURCE', '-O1', '-g', ...places, '-o', join(ROOT, 'door/hook'), ...sources]
  const made = spawnSync('cc', ['-fsanitize=address,undefined', ...args], { encoding: 'utf8' })
  assert.equal(made.status, 0, made.stderr)
  symlinkSync(join(ROOT, 'closed/nixsig'), join(ROOT, 'door/program'))
  for (const name of ['pre-build-hook', 'build-hook']) symlinkSync('hook', join(ROOT, 'door', name))
})
after(() => rmSync(ROOT, { recursive: true }))

const number = (value: number) => {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt32LE(value)
  return bytes
}
const string = (text: string) =>
  Buffer.concat([number(text.length), Buffer.from(text), Buffer.alloc((8 - (text.length % 8)) % 8)])
const list = (texts: readonly string[]) => Buffer.concat([number(texts.length), ...texts.map(string)])
const SETTINGS = [
  number(1),
  string('builders'),
  string(''),
  number(1),
  string('cores'),
  string('0'),
  number(0),
]
const DRV = '/nix/store/8lnyx2d403hiqnqcjj8wl9j0zk56alk5-hello-2.12.drv'
const REQUEST = [string('try'), number(1), string('x86_64-linux'), string(DRV), list(['kvm'])]
const ACCEPTED = [list([DRV, DRV]), list(['out'])]

function call(name: string, input: readonly Buffer[] = [], uid = 0) {
  const { status, stderr, output } = spawnSync(join(ROOT, 'door', name), [], {
    input: Buffer.concat(input),
    stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
    uid,
    timeout: 10_000,
  })
  return { status, said: stderr.toString(), log: output[4]?.toString() ?? '' }
}

const isRoot = process.geteuid?.() === 0

test('attack: programs that a plain user cannot enter are not called gone', { skip: !isRoot }, () => {
  mkdirSync(join(ROOT, 'closed/nixsig'), { recursive: true })
  writeFileSync(join(ROOT, 'closed/nixsig/pre-build-hook'), '#!/bin/sh\n', { mode: 0o755 })
  chmodSync(join(ROOT, 'closed'), 0o700)
  try {
    assert.equal(call('pre-build-hook').status, 0)
    const { status, said } = call('pre-build-hook', [], NOBODY)
    assert.equal(status, 1)
    assert.match(
      said,
      /cannot be reached by this user \(\S+: Permission denied\); next: as root, or by asking/,
    )
    assert.doesNotMatch(said, DELETE)
  } finally {
    rmSync(join(ROOT, 'closed'), { recursive: true })
  }
})

test('programs that are gone: the hook before a build refuses, with what to do', () => {
  const { status, said } = call('pre-build-hook')
  assert.equal(status, 1)
  assert.match(said, /is gone \(\S+: No such file or directory\); next: as root, install nixsig again/)
  assert.match(said, DELETE)
})

test("programs that are gone: the build fails with what to do in its log, which a daemon's user sees", () => {
  const { status, said, log } = call('build-hook', [...SETTINGS, ...REQUEST, ...ACCEPTED])
  assert.equal(status, 100)
  assert.equal(said, '# accept\nnixsig\n')
  assert.match(log, /^nixsig: refused: the program of nixsig that Nix should ask is gone .*\n$/)
})

test('attack: a request that breaks off anywhere, or is too long, is refused', () => {
  const whole = Buffer.concat([...SETTINGS, ...REQUEST, ...ACCEPTED])
  for (let length = 0; length < whole.length; length += 7)
    assert.equal(call('build-hook', [whole.subarray(0, length)]).status, 1, `${length}`)
  for (const odd of [Buffer.alloc(64, 0xff), Buffer.concat([number(1), Buffer.alloc(64, 0xff)])]) {
    const { status, said } = call('build-hook', [odd])
    assert.equal(status, 1)
    assert.match(said, /is gone/)
  }
})
