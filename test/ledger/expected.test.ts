import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import fc from 'fast-check'
import {
  expectOutput,
  listExpected,
  type NewExpected,
  readExpected,
  settle,
  settleMade,
} from '../../src/ledger/expected.ts'
import { afterPowerFailure } from '../support/power-failure.ts'

const DIGEST = '0123456789abcdfghijklmnpqrsvwxyz'
const expected: NewExpected = {
  digest: DIGEST,
  path: `/nix/store/${DIGEST}-hello`,
  derivation: `/nix/store/${DIGEST}-hello.drv`,
  output: 'out',
  time: 1_700_000_000,
  found: { policy: 'ef'.repeat(32), until: 1_800_000_000 },
  admits: { kind: 'these', hashes: ['ab'.repeat(32), 'cd'.repeat(32)] },
}

let state: string
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'nixsig-expected-'))
})
afterEach(() => rmSync(state, { recursive: true }))

test('an expectation is read back as it was written, and is gone once it is settled', () => {
  expectOutput(state, expected)
  assert.deepEqual(listExpected(state), [DIGEST])
  assert.deepEqual(readExpected(state, DIGEST), expected)
  settle(state, DIGEST)
  assert.deepEqual(listExpected(state), [])
  assert.equal(readExpected(state, DIGEST), undefined)
})

test('an expectation without an end is read back', () => {
  const found = { policy: 'ef'.repeat(32), until: undefined }
  expectOutput(state, { ...expected, found })
  assert.deepEqual(readExpected(state, DIGEST)?.found, found)
})

test('each word about contents is read back', () => {
  for (const kind of ['any', 'asked', 'nothing'] as const) {
    expectOutput(state, { ...expected, admits: { kind } })
    assert.deepEqual(readExpected(state, DIGEST)?.admits, { kind })
  }
})

test('attack: an expectation of an older format allows nothing, whatever it says', () => {
  const start = `${expected.path} ${expected.derivation}\nname out\ntime 1\n`
  const under = `under ${'ef'.repeat(32)} never\n`
  const allow = `allow sha256:${'ab'.repeat(32)}\n`
  mkdirSync(join(state, 'expected'))
  for (const version of ['nixsig1', 'nixsig2']) {
    for (const more of [
      '',
      under,
      `${under}admits any\n`,
      `${under}admits these\n${allow}`,
      'admits any\n',
    ]) {
      writeFileSync(join(state, 'expected', DIGEST), `${version} ${start}${more}`, { mode: 0o600 })
      const { path, admits, found } = readExpected(state, DIGEST) ?? {}
      assert.deepEqual([path, admits, found], [expected.path, { kind: 'nothing' }, undefined], more)
    }
  }
})

test('attack: an expectation whose lines are of no format is an error', () => {
  expectOutput(state, expected)
  const text = readFileSync(join(state, 'expected', DIGEST), 'utf8')
  for (const [from, to] of [
    [/name .*\n/, ''],
    ['name out', 'name o/ut'],
    [/time .*\n/, 'time soon\n'],
    [/$/, 'more\n'],
    [/(name .*\n)(time .*\n)/, '$2$1'],
    [/\n$/, ''],
    ['nixsig3', 'nixsig2'],
    [' these', ' any'],
    [/\n/, '\nunder x\n'],
  ] as const) {
    const changed = text.replace(from, to)
    assert.notEqual(changed, text)
    writeFileSync(join(state, 'expected', DIGEST), changed, { mode: 0o600 })
    assert.throws(() => readExpected(state, DIGEST), /is no record of an expected output/, changed)
  }
})

test('a file that a killed writer left is not an expectation', () => {
  expectOutput(state, expected)
  writeFileSync(join(state, 'expected', `${DIGEST}.123.0~`), 'nixsig1 /nix')
  assert.deepEqual(listExpected(state), [DIGEST])
})

test('a malformed expectation is an error, not an absent one', () => {
  mkdirSync(join(state, 'expected'))
  writeFileSync(join(state, 'expected', DIGEST), 'nixsig1 /nix/store/x\n', { mode: 0o600 })
  assert.throws(() => readExpected(state, DIGEST), /is no record of an expected output/)
})

test('attack: an expectation must name a store path with its own hash part, and a derivation in the store', () => {
  const path = `/nix/store/${DIGEST}-x`
  const wrong: readonly (readonly string[])[] = [
    ['/nix/store/zyxwvsrqpnmlkjihgfdcba9876543210-x', path, 'out'],
    [`${path}\u001b[2J`, path, 'out'],
    [`${path}/../../../etc`, path, 'out'],
    ['x'.repeat(250), path, 'out'],
    [path, '/etc/passwd', 'out'],
    [path, `${path}\u202e`, 'out'],
    [path, path, '../out'],
  ]
  mkdirSync(join(state, 'expected'))
  const write = ([made, derivation, output]: readonly string[]) =>
    writeFileSync(
      join(state, 'expected', DIGEST),
      `nixsig1 ${made} ${derivation}\nname ${output}\ntime 1\n`,
      {
        mode: 0o600,
      },
    )
  write([path, path, 'out'])
  assert.equal(readExpected(state, DIGEST)?.path, path)
  for (const words of wrong) {
    write(words)
    assert.throws(() => readExpected(state, DIGEST), /is no record of an expected output$/, words.join(' '))
  }
})

test('fault: an expectation as a power failure leaves it counts as absent', () => {
  const hashes = Array.from({ length: 100 }, (_, index) => index.toString(16).padStart(64, '0'))
  expectOutput(state, { ...expected, admits: { kind: 'these', hashes } })
  const file = join(state, 'expected', DIGEST)
  const whole = readFileSync(file, 'utf8')
  fc.assert(
    fc.property(afterPowerFailure(whole), torn => {
      writeFileSync(file, torn)
      assert.equal(readExpected(state, DIGEST) === undefined, torn !== whole)
    }),
  )
})

test('attack: however many hashes are attested, the expectation can be read back', () => {
  const allowed = Array.from({ length: 4096 }, (_, index) => index.toString(16).padStart(64, '0'))
  expectOutput(state, { ...expected, admits: { kind: 'these', hashes: allowed } })
  const kept = { kind: 'these', hashes: allowed.slice(0, 128) }
  assert.deepEqual(readExpected(state, DIGEST)?.admits, kept)
})

test('race: taking out an earlier output leaves the expectation of a build that started since', () => {
  const registered = expected.time
  for (const [time, isLeft] of [
    [registered - 1, false],
    [registered, false],
    [registered + 1, true],
  ] as const) {
    expectOutput(state, { ...expected, time })
    settleMade(state, DIGEST, registered)
    assert.equal(readExpected(state, DIGEST) !== undefined, isLeft, String(time))
  }
})
