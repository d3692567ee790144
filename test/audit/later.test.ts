// What was signed since a path was admitted: how much work it may cause, and whether the same will be
// found as long as nothing changes.
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { openLater, type SignedInfo } from '../../src/audit/later.ts'
import { attestationFile, narinfoFile } from '../../src/evidence/attestation-file.ts'
import { appendAttestation } from '../../src/evidence/attestation-files.ts'
import { narFingerprint } from '../../src/formats/nix/narinfo.ts'
import { printNixSignature } from '../../src/formats/nix/nix-key.ts'
import { parsePolicy } from '../../src/policy/language/parse.ts'
import { signEd25519 } from '../../src/primitives/sodium.ts'
import type { JudgedAdmission } from '../../src/reach/by-record.ts'
import { built, signer } from '../support/trust.ts'

const NOW = Date.UTC(2027, 0, 1) / 1000
const BEA = signer('bea')
const FALSE_BEA = { ...signer('stranger').key, name: BEA.key.name }
const PATH = '/nix/store/0123456789abcdfghijklmnpqrsvwxyz-x'
const NAR_HASH = 'ab'.repeat(32)
const ENTRY: JudgedAdmission = {
  path: PATH,
  narHash: NAR_HASH,
  policy: 'cd'.repeat(32),
  until: undefined,
  stamp: '1:2:3:4:5',
  kind: 'output',
  builtHere: false,
  derivation: undefined,
  time: 0,
  rule: 'default',
  claims: [],
  build: undefined,
}

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nixsig-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const open = (end = Number.POSITIVE_INFINITY) => {
  const toml = `version = 1
mode = "enforce"
[attestations]
directories = ["${attestations()}"]
[principals.bea]
keys = ["${BEA.publicKey}"]
[groups.builders]
members = ["bea"]
threshold = 1
[default]
require.source = "nothing"
require.derivation = "nothing"
require.output = "builders"
`
  const policy = parsePolicy({ toml, file: 'policy.toml', directory, certificate: () => Buffer.alloc(0) })
  return openLater(policy, directory, { now: NOW, end })
}
const attestations = () => join(directory, 'attestations')

/** What the store has of the path, with a signature by each of these keys. */
function signedBy(keys: readonly (typeof BEA.key)[], references: readonly string[] = []): SignedInfo {
  const signed = { path: PATH, narHash: NAR_HASH, narSize: 1, references }
  const message = Buffer.from(narFingerprint(signed))
  const texts = keys.map(({ name, secretKey }) =>
    printNixSignature({ name, signature: signEd25519(message, secretKey) }),
  )
  return { narSize: 1, references, signatures: texts.join(' ') }
}

test('a signature by a listed key is a claim, which lasts', async () => {
  const found = await open().claimsAbout(ENTRY, signedBy([FALSE_BEA, BEA.key]), '')
  assert.deepEqual(
    found?.claims.map(({ role, trace }) => [role, trace]),
    [['builder', 'nix']],
  )
  assert.equal(found?.isLasting, true)
  assert.equal(open().claimsAbout(ENTRY, signedBy([FALSE_BEA]), ''), undefined)
})

test('attack: false signatures over many references use up the work, and what is found then does not last', async () => {
  const later = open()
  const many = Array.from({ length: 20_000 }, (_, at) => `${PATH}-${at}`).sort()
  const one = signedBy([FALSE_BEA], many).signatures
  const info = { ...signedBy([], many), signatures: Array(32).fill(one).join(' ') }
  const began = performance.now()
  let rounds = 0
  while (later.claimsAbout(ENTRY, info, '') === undefined) rounds++
  // 100 units for each.
  assert.ok(rounds >= 1 && rounds < 10, `${rounds}`)
  assert.ok(performance.now() - began < 10_000)
  const found = await later.claimsAbout(ENTRY, signedBy([BEA.key]), '')
  assert.deepEqual(found, { claims: [], isLasting: false })
})

test('attack: attestations that take longer than there is time leave a path unjudged, and not unsigned', async () => {
  appendAttestation(attestations(), PATH, built(BEA, { path: PATH, narHash: NAR_HASH }, `${PATH}.drv`))
  const later = open(0)
  assert.equal(await later.claimsAbout(ENTRY, signedBy([]), later.filesOf(PATH)), undefined)
  const inTime = open()
  const found = await inTime.claimsAbout(ENTRY, signedBy([]), inTime.filesOf(PATH))
  assert.deepEqual([found?.claims.length, found?.isLasting], [1, true])
})

test('attestations are found that were moved there with their directory, although they are older than the entry', async () => {
  const prepared = join(directory, 'prepared')
  appendAttestation(prepared, PATH, built(BEA, { path: PATH, narHash: NAR_HASH }, `${PATH}.drv`))
  mkdirSync(attestations())
  await wait(1100)
  const entry = { ...ENTRY, time: Math.floor(Date.now() / 1000) }
  const count = async () => {
    const later = open()
    return (await later.claimsAbout(entry, signedBy([]), later.filesOf(PATH)))?.claims.length ?? 0
  }
  assert.equal(await count(), 0)
  rmSync(attestations(), { recursive: true })
  symlinkSync('prepared', attestations())
  assert.equal(await count(), 1)
  rmSync(attestations())
  renameSync(prepared, attestations())
  assert.equal(await count(), 1)
})

test('what was there before the entry was made is not read again', async () => {
  const file = attestationFile(attestations(), PATH)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, 'not an envelope\n')
  const later = open()
  const entry = { ...ENTRY, time: Math.ceil(Date.now() / 1000) + 1 }
  assert.equal(later.claimsAbout(entry, signedBy([]), later.filesOf(PATH)), undefined)
})

test('what cannot be read now may be readable later: it does not last', async () => {
  const file = attestationFile(attestations(), PATH)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, 'not an envelope\n')
  const later = open()
  const found = await later.claimsAbout(ENTRY, signedBy([]), later.filesOf(PATH))
  assert.deepEqual(found, { claims: [], isLasting: false })
})

test('attack: a directory of attestations becomes writable by everybody: they are as if they were not there', () => {
  const file = attestationFile(attestations(), PATH)
  appendAttestation(attestations(), PATH, built(BEA, { path: PATH, narHash: NAR_HASH }, `${PATH}.drv`))
  const before = open().filesOf(PATH)
  assert.match(before, /^0:\d+:\d+$/)
  for (const one of [attestations(), dirname(file)]) {
    chmodSync(one, 0o777)
    assert.equal(open().filesOf(PATH), '')
    chmodSync(one, 0o755)
    assert.equal(open().filesOf(PATH), before)
  }
  // A narinfo is read wherever it lies.
  writeFileSync(narinfoFile(attestations(), PATH), '')
  chmodSync(attestations(), 0o777)
  assert.match(open().filesOf(PATH), /^0:\d+:\d+$/)
})
