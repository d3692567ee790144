import assert from 'node:assert/strict'
import { it } from 'node:test'
import { parseAllowedSigners, printAllowedSigner } from '../../src/formats/ssh/allowed-signers.ts'
import { printSshPublicKey } from '../../src/formats/ssh/key.ts'
import { allowedSignersOf, principalsOfSigners } from '../../src/policy/allowed-signers.ts'
import { parsePolicy } from '../../src/policy/language/parse.ts'
import { ed25519KeyPair } from '../../src/primitives/sodium.ts'
import { sourceOf } from './policies.ts'

const line = (seed: number) => printSshPublicKey(ed25519KeyPair(new Uint8Array(32).fill(seed)).publicKey, '')
const [A, B, C, D] = [line(1), line(2), line(3), line(4)]
const NIX = `carol-1:${Buffer.from(ed25519KeyPair(new Uint8Array(32).fill(5)).publicKey).toString('base64')}`

function policyOf(principals: string, revocations = '') {
  const require = 'require = { source = "nothing", derivation = "nothing", output = "nothing" }'
  const toml = `version = 1\nmode = "enforce"\n${principals}\n${revocations}\n[default]\n${require}\n`
  return parsePolicy(sourceOf(toml))
}

it('prints the SSH keys of a policy, each until it ends or is revoked', () => {
  const policy = policyOf(
    `[principals.alice]
keys = ["${A}", { key = "${B}", namespaces = ["file"], valid-from = 2026-01-01, valid-until = 2027-01-01 }]
[principals.bob]
keys = ["${C}"]
[principals.carol]
keys = ["${NIX}", "${D}"]`,
    `[[revocations]]
principal = "bob"
date = 2026-06-01
[[revocations]]
key = "${B}"
date = 2026-07-01`,
  )
  assert.deepEqual(allowedSignersOf(policy).map(printAllowedSigner), [
    `alice namespaces="file,git" ${A}`,
    `alice namespaces="file",valid-after="20260101000000Z",valid-before="20260701000000Z" ${B}`,
    `bob namespaces="file,git",valid-before="20260601000000Z" ${C}`,
    `carol namespaces="file,git" ${D}`,
  ])
})

it('leaves out a key that was revoked before it began', () => {
  const policy = policyOf(
    `[principals.alice]\nkeys = [{ key = "${A}", valid-from = 2026-01-01 }, "${B}"]`,
    `[[revocations]]\nkey = "${A}"\ndate = 2025-06-01`,
  )
  assert.deepEqual(allowedSignersOf(policy).length, 1)
})

it('writes what it read as principals of a policy', () => {
  const list = [
    `alice@example.org namespaces="file,git",valid-after="20260101Z",valid-before="20270101Z" ${A}`,
    `bob,robert ${B}`,
    `alice@example.org namespaces="file,git" ${C}`,
    '',
  ].join('\n')
  const policy = policyOf(principalsOfSigners(parseAllowedSigners(Buffer.from(list))))
  assert.deepEqual(allowedSignersOf(policy).map(printAllowedSigner), [
    `alice@example.org namespaces="file,git",valid-after="20260101000000Z",valid-before="20270101000000Z" ${A}`,
    `alice@example.org namespaces="file,git" ${C}`,
    `bob namespaces="file,git" ${B}`,
  ])
})

it('refuses to give one key to two, or twice', () => {
  for (const list of [`alice ${A}\nbob ${A}\n`, `alice ${A}\nalice namespaces="git" ${A} x\n`]) {
    const signers = parseAllowedSigners(Buffer.from(list))
    assert.throws(() => principalsOfSigners(signers), /of line 1 again.*\(line 2\)/)
  }
})
