// needs: dist
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, beforeEach, test } from 'node:test'
import { finishEntry, writeEntry } from '../../src/quarantine/entries.ts'
import type { QuarantineEntry } from '../../src/quarantine/entry.ts'
import { buildCli } from './built-cli.ts'

const cli = buildCli()
after(() => cli.remove())

const DIGEST = '0123456789abcdfghijklmnpqrsvwxyz'
const EVIL = '\u001b]0;owned\u0007\u202e'
const UNSAFE = /[\u001b\u0007\u202e\r]/
let state = ''
let serial = 0
beforeEach(() => {
  state = join(cli.dir, `state-${serial++}`)
  mkdirSync(state, { mode: 0o700 })
})

function entry(overrides: Partial<QuarantineEntry> = {}): string {
  const id = writeEntry(state, {
    path: `/nix/store/${DIGEST}-tool`,
    narHash: 'ab'.repeat(32),
    narSize: 120,
    references: [`/nix/store/${DIGEST}-lib`],
    derivation: `/nix/store/${DIGEST}-tool.drv`,
    builtHere: true,
    registered: 1_790_000_000,
    refused: 1_790_000_000,
    outcome: 'untrusted',
    reason: 'refused it\n  needs alice',
    ...overrides,
  })
  writeFileSync(join(state, 'quarantine', id, 'content'), 'the refused output')
  finishEntry(state, id)
  return id
}

function quarantine(...args: readonly string[]) {
  return cli.run('quarantine', ...args, '--state', state)
}

test('an empty quarantine, and a state directory that is not there, list nothing', () => {
  for (const { status, stdout, stderr } of [
    quarantine('list'),
    cli.run('quarantine', 'list', '--state', join(cli.dir, 'none')),
  ]) {
    assert.equal(status, 0)
    assert.equal(stdout, '')
    assert.match(stderr, /nothing is in quarantine/)
  }
})

test('list tells id, path and outcome, the oldest first', () => {
  const late = entry({ refused: 1_790_000_100 })
  const early = entry({ outcome: 'indeterminate' })
  assert.equal(
    quarantine('list').stdout,
    `${early}  /nix/store/${DIGEST}-tool  indeterminate\n${late}  /nix/store/${DIGEST}-tool  untrusted\n`,
  )
})

test('show tells why, and where the content is', () => {
  const id = entry()
  const { status, stdout } = quarantine('show', id)
  assert.equal(status, 0)
  assert.ok(stdout.includes(join(state, 'quarantine', id, 'content')))
  assert.match(stdout, /refers to {3}\/nix\/store\/.*-lib\n/)
  assert.match(stdout, /because:\n {2}refused it\n {4}needs alice\n$/)
})

test('attack: a reason that would steer a terminal is escaped', () => {
  const id = entry({ reason: `line\n${EVIL}\r` })
  const { stdout, status } = quarantine('show', id)
  assert.equal(status, 0)
  assert.match(stdout, /\\u\{1b\}\]0;owned\\u\{7\}\\u\{202e\}\\u\{d\}/)
  assert.doesNotMatch(stdout, UNSAFE)
})

for (const overrides of [
  { path: `/nix/store/${DIGEST}-x${EVIL}` },
  { derivation: EVIL },
  { references: [EVIL] },
]) {
  test(`attack: an entry whose ${Object.keys(overrides)} would steer a terminal is refused, escaped`, () => {
    const id = entry(overrides)
    for (const { stdout, stderr, status } of [quarantine('list'), quarantine('show', id)]) {
      assert.equal(status, 2)
      assert.equal(stdout, '')
      assert.match(stderr, /is malformed: .*\\u\{1b\}\]0;owned\\u\{7\}\\u\{202e\}/)
      assert.doesNotMatch(stderr, UNSAFE)
    }
  })
}

for (const id of ['../../etc', '..', `20260101T000000Z-${DIGEST}/../x`, '', `20260101T000000Z-${DIGEST}\n`]) {
  test(`attack: ${JSON.stringify(id)} is no entry's name`, () => {
    entry()
    for (const command of ['show', 'purge']) {
      const { status, stderr } = quarantine(command, id)
      assert.equal(status, 2, stderr)
      assert.match(stderr, /is not the name of a quarantine entry/)
    }
  })
}

test('an entry that is not there is an error', () => {
  for (const command of ['show', 'purge']) {
    const { status, stderr } = quarantine(command, `20260101T000000Z-${DIGEST}`)
    assert.equal(status, 2)
    assert.match(stderr, /there is no quarantine entry/)
  }
})

test('purge deletes what is named, and nothing if one of the names is wrong', () => {
  const [first, second] = [entry(), entry()]
  assert.equal(quarantine('purge', first, `20260101T000000Z-${DIGEST}`).status, 2)
  assert.ok(existsSync(join(state, 'quarantine', first)))
  const { status, stdout } = quarantine('purge', first)
  assert.equal(status, 0)
  assert.equal(stdout, `deleted ${first}\n`)
  assert.ok(!existsSync(join(state, 'quarantine', first)))
  assert.ok(existsSync(join(state, 'quarantine', second, 'content')))
})

test('purge --older-than leaves what is younger', () => {
  const now = Math.floor(Date.now() / 1000)
  const old = entry({ refused: now - 31 * 24 * 3600 })
  const young = entry({ refused: now - 29 * 24 * 3600 })
  assert.equal(quarantine('purge', '--older-than', '30').stdout, `deleted ${old}\n`)
  assert.ok(existsSync(join(state, 'quarantine', young)))
})

for (const days of ['-1', '1e3', 'x', '', '1.5']) {
  test(`"${days}" is no number of days, and purges nothing`, () => {
    const id = entry({ refused: 1 })
    const { status, stderr } = quarantine('purge', `--older-than=${days}`)
    assert.equal(status, 2, stderr)
    assert.ok(existsSync(join(state, 'quarantine', id)))
  })
}

test('purge of nothing in particular purges nothing', () => {
  const id = entry()
  assert.equal(quarantine('purge').status, 2)
  assert.ok(existsSync(join(state, 'quarantine', id)))
})

test('attack: an entry that is still being moved is not deleted under the hook that moves it', () => {
  const id = entry({ refused: 1 })
  writeFileSync(join(state, 'quarantine/unfinished', id), '')
  assert.match(quarantine('purge', id).stderr, /still being moved/)
  assert.equal(quarantine('purge', '--older-than', '1').stdout, '')
  assert.ok(existsSync(join(state, 'quarantine', id, 'content')))
})
