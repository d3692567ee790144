import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import fc from 'fast-check'
import {
  type Expected,
  expectOutput,
  listExpected,
  readExpected,
  settle,
  settleMade,
} from '../../src/ledger/expected.ts'
import { afterPowerFailure } from '../support/power-failure.ts'

const DIGEST = '0123456789abcdfghijklmnpqrsvwxyz'
const expected: Expected = {
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

test('attack: an expectation that does not say what may become valid allows nothing', () => {
  const start = `${expected.path} ${expected.derivation}\nname out\ntime 1\n`
  const head = `${start}under ${'ef'.repeat(32)} never\n`
  const allow = `allow sha256:${'ab'.repeat(32)}\n`
  mkdirSync(join(state, 'expected'))
  const texts = [
    `nixsig1 ${start}`,
    `nixsig2 ${start}`,
    `nixsig2 ${start}admits any\n`,
    `nixsig2 ${start}admits these\n${allow}`,
    `nixsig1 ${head}`,
    `nixsig1 ${head}${allow}`,
    `nixsig1 ${head}admits any\n`,
    `nixsig2 ${head}`,
    `nixsig2 ${head}${allow}`,
    `nixsig2 ${head}admits these\n`,
    `nixsig2 ${head}admits any\n${allow}`,
    `nixsig2 ${head}admits asked\n${allow}`,
  ]
  for (const text of texts) {
    writeFileSync(join(state, 'expected', DIGEST), text, { mode: 0o600 })
    assert.deepEqual(readExpected(state, DIGEST)?.admits, { kind: 'nothing' }, text)
  }
  for (const more of [
    'under x never\n',
    'admits any\nunder never\n',
    'admits some\n',
    'admits any',
    'admits any\nadmits any\n',
    'admits these\nallow sha256:x\n',
  ]) {
    writeFileSync(join(state, 'expected', DIGEST), `nixsig2 ${head}${more}`, { mode: 0o600 })
    assert.throws(() => readExpected(state, DIGEST), /is no record of an expected output/, more)
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
