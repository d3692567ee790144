import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { parseAllowedSigners, printAllowedSigner } from '../../src/formats/ssh/allowed-signers.ts'
import { printSshPublicKey } from '../../src/formats/ssh/key.ts'
import { allowedSignersOf, principalsOfSigners } from '../../src/policy/allowed-signers.ts'
import { parsePolicy } from '../../src/policy/language/parse.ts'
import { ed25519KeyPair } from '../../src/primitives/sodium.ts'
import { sourceOf } from './policies.ts'

const line = (seed: number) => printSshPublicKey(ed25519KeyPair(new Uint8Array(32).fill(seed)).publicKey, '')
const [A, B, C, D] = [line(1), line(2), line(3), line(4)]
const NIX = `carol-1:${Buffer.from(ed25519KeyPair(new Uint8Array(32).fill(5)).publicKey).toString('base64')}`

/** Before every end below. */
const NOW = Date.UTC(2026, 2, 1) / 1000

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
  assert.deepEqual(allowedSignersOf(policy, NOW).map(printAllowedSigner), [
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
  assert.deepEqual(allowedSignersOf(policy, NOW).length, 1)
})

it('leaves out the namespace of Sigstore bundles, which ssh-keygen does not know', () => {
  const policy = policyOf(
    `[principals.alice]
keys = [{ key = "${A}", namespaces = ["sigstore-bundle"] }, { key = "${B}", namespaces = ["sigstore-bundle", "file"] }]`,
  )
  assert.deepEqual(allowedSignersOf(policy, NOW).map(printAllowedSigner), [`alice namespaces="file" ${B}`])
})

describe('attack: a backdated signature of a thief', () => {
  const dir = mkdtempSync(join(tmpdir(), 'nixsig-signers-'))
  after(() => rmSync(dir, { recursive: true, force: true }))
  const run = (program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    spawnSync(program, args, { cwd: dir, env: { ...process.env, HOME: dir, ...env }, encoding: 'utf8' })
  run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', 'key'])
  const stolen = readFileSync(join(dir, 'key.pub'), 'utf8').trim()
  const identity =
    '-c user.name=alice -c user.email=alice -c gpg.format=ssh -c user.signingkey=key.pub'.split(' ')
  run('git', ['init', '-q'])
  const date = '2026-04-01T00:00:00Z'
  run('git', [...identity, 'commit', '-q', '-S', '--allow-empty', '-m', 'evil'], {
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_DATE: date,
  })

  /** Whether git accepts the commit by the list that is exported from this policy at an instant. */
  function isGood(keys: string, revocation: string, now: string): boolean {
    const policy = policyOf(`[principals.alice]\nkeys = [${keys}]`, revocation)
    const list = allowedSignersOf(policy, Date.parse(now) / 1000).map(
      signer => `${printAllowedSigner(signer)}\n`,
    )
    writeFileSync(join(dir, 'signers'), list.join(''))
    return run('git', ['-c', 'gpg.ssh.allowedSignersFile=signers', 'verify-commit', 'HEAD']).status === 0
  }

  const ends = `{ key = "${stolen}", valid-until = 2026-05-01 }`
  const revoked = '[[revocations]]\nprincipal = "alice"\ndate = 2026-05-01'
  const revokedKey = `[[revocations]]\nkey = "${stolen}"\ndate = 2026-05-01`
  for (const [what, keys, revocation] of [
    ['ended', ends, ''],
    ['whose owner was revoked', `"${stolen}"`, revoked],
    ['that was revoked', `"${stolen}"`, revokedKey],
  ] as const) {
    it(`is good to git by a key ${what} before that, and not after`, () => {
      assert.equal(isGood(keys, revocation, '2026-04-02T00:00:00Z'), true)
      assert.equal(isGood(keys, revocation, '2026-04-30T23:59:59Z'), true)
      assert.equal(isGood(keys, revocation, '2026-05-01T00:00:00Z'), false)
      assert.equal(isGood(keys, revocation, '2026-11-01T00:00:00Z'), false)
    })
  }
})

it('writes a list as the principals of a policy', () => {
  const list = [
    `alice@example.org namespaces="file,git",valid-after="20260101Z",valid-before="20270101Z" ${A}`,
    `bob,robert ${B}`,
    `alice@example.org namespaces="file,git" ${C}`,
    '',
  ].join('\n')
  const policy = policyOf(principalsOfSigners(parseAllowedSigners(Buffer.from(list))))
  assert.deepEqual(allowedSignersOf(policy, NOW).map(printAllowedSigner), [
    `alice@example.org namespaces="file,git",valid-after="20260101000000Z",valid-before="20270101000000Z" ${A}`,
    `alice@example.org namespaces="file,git" ${C}`,
    `bob namespaces="file,git" ${B}`,
  ])
})

it('refuses a key with two holders, and a repeated one', () => {
  for (const list of [`alice ${A}\nbob ${A}\n`, `alice ${A}\nalice namespaces="git" ${A} x\n`]) {
    const signers = parseAllowedSigners(Buffer.from(list))
    assert.throws(() => principalsOfSigners(signers), /of line 1 again.*\(line 2\)/)
  }
})
