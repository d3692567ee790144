import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { signEnvelope } from '../../src/crypto/envelope.ts'
import { generateKey, type KeyPair } from '../../src/crypto/secret-key.ts'
import { keepCertificates, keptCertificates } from '../../src/evidence/certified/keep.ts'
import { certificateFile, readCertificates } from '../../src/evidence/certified/read.ts'
import { storeSignatureEvidence } from '../../src/evidence/store-signatures.ts'
import { printKeyCertificate } from '../../src/formats/in-toto/key-certificate.ts'
import { narFingerprint } from '../../src/formats/nix/narinfo.ts'
import { printNixPublicKey } from '../../src/formats/nix/nix-key.ts'
import { applyCertificates } from '../../src/policy/certified.ts'
import { toBase64 } from '../../src/primitives/base64.ts'
import { toHex } from '../../src/primitives/hex.ts'
import { sha256, signEd25519 } from '../../src/primitives/sodium.ts'
import { HASH, NOW, PATH, policyOf } from '../policy/policies.ts'

function policyFor(root: KeyPair) {
  return policyOf(`version = 1
mode = "enforce"
[principals.cache]
keys = [{ key = "${printNixPublicKey(root)}", certifies = ["builder"], for-at-most = 90, rotates = true }]
[default]
require = { source = "nothing", derivation = "nothing", output = "cache" }`)
}

function certified(root: KeyPair, key: KeyPair, issuer = root, successor = false): string {
  const statement = {
    key: printNixPublicKey(key),
    keySha256: toHex(sha256(key.publicKey)),
    issuer: `ed25519:${toHex(issuer.publicKey)}`,
    validFrom: NOW - 1000,
    validUntil: NOW + 1000,
  }
  const says = successor
    ? ({ purpose: 'successor' } as const)
    : ({ purpose: 'delegate', roles: ['builder'], names: [] } as const)
  return signEnvelope(printKeyCertificate({ ...statement, ...says }), root)
}

function put(directory: string, issuer: KeyPair, lines: readonly string[]): void {
  mkdirSync(join(directory, 'keys'), { recursive: true })
  writeFileSync(certificateFile(directory, issuer), lines.map(line => `${line}\n`).join(''))
}

function inDirectory(action: (directory: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-certified-'))
  try {
    action(directory)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

const [ROOT, MALLORY, NEXT, LAST] = ['root-1', 'mallory-1', 'next-1', 'last-1'].map(generateKey) as [
  KeyPair,
  KeyPair,
  KeyPair,
  KeyPair,
]

test('a narinfo signed by the second successor of a listed key counts for its principal', () =>
  inDirectory(directory => {
    put(directory, ROOT, [certified(ROOT, NEXT, ROOT, true)])
    put(directory, NEXT, [certified(NEXT, LAST, NEXT, true)])
    const read = readCertificates(policyFor(ROOT), [directory], () => {})
    const { policy } = applyCertificates(policyFor(ROOT), read.certificates, NOW)
    const signed = { path: PATH, narHash: HASH, narSize: 100, references: [] }
    const signature = signEd25519(Buffer.from(narFingerprint(signed)), LAST.secretKey)
    const found = storeSignatureEvidence(
      policy,
      { ...signed, signatures: [`last-1:${toBase64(signature)}`] },
      'cache',
    )
    assert.deepEqual(
      found.claims.map(({ key }) => key),
      [`ed25519:${toHex(LAST.publicKey)}`],
    )
  }))

test('attack: certificates that somebody else signed, or in the name of another key', () =>
  inDirectory(directory => {
    put(directory, ROOT, [
      certified(MALLORY, MALLORY, ROOT),
      certified(ROOT, NEXT, MALLORY),
      certified(MALLORY, MALLORY),
    ])
    assert.deepEqual(readCertificates(policyFor(ROOT), [directory], () => {}).certificates, [])
  }))

test('attack: 10,000 files of a publisher are not even looked at, and hide nothing', () =>
  inDirectory(directory => {
    const genuine = join(directory, 'genuine')
    put(genuine, ROOT, [certified(ROOT, NEXT)])
    const flood = join(directory, 'flood')
    put(flood, ROOT, [])
    for (let at = 0; at < 10_000; at++)
      writeFileSync(join(flood, 'keys', `ed25519-${at.toString(16).padStart(64, '0')}.intoto.jsonl`), 'x\n')
    assert.equal(readdirSync(join(flood, 'keys')).length, 10_001)
    const files: string[] = []
    const { certificates } = readCertificates(policyFor(ROOT), [flood, genuine], file => files.push(file))
    assert.deepEqual([certificates.length, files.length], [1, 2])
  }))

test('attack: a key that names very many successors hides none of another principal', () =>
  inDirectory(directory => {
    const many = Array.from({ length: 150 }, (_, at) =>
      certified(MALLORY, generateKey(`m${at}-1`), MALLORY, true),
    )
    put(directory, MALLORY, many)
    put(directory, ROOT, [certified(ROOT, NEXT, ROOT, true)])
    put(directory, NEXT, [certified(NEXT, LAST, NEXT, true)])
    const two = (powers: string) =>
      policyOf(`version = 1
mode = "enforce"
[principals.evil]
keys = [{ key = "${printNixPublicKey(MALLORY)}", ${powers} }]
[principals.cache]
keys = [{ key = "${printNixPublicKey(ROOT)}", rotates = true }]
[default]
require = { source = "nothing", derivation = "nothing", output = "cache" }`)
    for (const powers of ['certifies = ["builder"], for-at-most = 90', 'rotates = true']) {
      const files: string[] = []
      const { certificates } = readCertificates(two(powers), [directory], file => files.push(file))
      const keys = certificates.map(({ key }) => key.identity)
      assert.ok(keys.includes(`ed25519:${toHex(LAST.publicKey)}`), powers)
      assert.ok(files.length <= 35, `${powers}: ${files.length} files`)
      if (powers.startsWith('certifies')) assert.equal(files.length, 4)
    }
  }))

test('attack: a file of rubbish lines, or one that is too large, takes nothing from another directory', () =>
  inDirectory(directory => {
    const [rubbish, large, genuine] = ['a', 'b', 'c'].map(name => join(directory, name)) as [
      string,
      string,
      string,
    ]
    put(rubbish, ROOT, ['{', certified(MALLORY, NEXT), certified(ROOT, NEXT)])
    put(large, ROOT, ['x'.repeat(300_000)])
    put(genuine, ROOT, [certified(ROOT, LAST)])
    const { certificates, problems } = readCertificates(policyFor(ROOT), [rubbish, large, genuine], () => {})
    assert.deepEqual(
      certificates.map(({ key }) => key.label),
      ['next-1', 'last-1'],
    )
    assert.match(problems[0]?.detail ?? '', /larger than 262144 bytes/)
  }))

test('a certificate that counted is kept, and found after its publisher withdrew it', () =>
  inDirectory(directory => {
    const [publisher, state] = [join(directory, 'publisher'), join(directory, 'state')]
    put(publisher, ROOT, [certified(ROOT, NEXT)])
    const { certificates } = readCertificates(policyFor(ROOT), [publisher], () => {})
    keepCertificates(state, certificates, certificates)
    rmSync(publisher, { recursive: true })
    const after = readCertificates(policyFor(ROOT), [publisher, keptCertificates(state)], () => {})
    assert.deepEqual(
      after.certificates.map(({ key }) => key.label),
      ['next-1'],
    )
  }))
