import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { SignatureUse } from '../../../src/crypto/detached/kind.ts'
import { signatureKind, verifyDetached } from '../../../src/crypto/detached/verify.ts'
import { printPemPublicKey } from '../../../src/formats/keys/pem.ts'
import { sshFingerprint } from '../../../src/formats/ssh/key.ts'
import { parseKey, type TextKey } from '../../../src/policy/language/keys.ts'

const dir = mkdtempSync(join(tmpdir(), 'nixsig-sshfile-'))
after(() => rmSync(dir, { recursive: true, force: true }))
const at = (name: string) => join(dir, name)
// Larger than one piece, to test hashing in pieces.
writeFileSync(at('release'), Buffer.alloc(3 * 1024 * 1024 + 17, 'release '))
writeFileSync(at('other'), 'another')

function makeKey(name: string): TextKey {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', at(name)])
  return parseKey(readFileSync(at(`${name}.pub`), 'latin1').trimEnd())
}

function sign(name: string, namespace: string): Buffer {
  rmSync(at('release.sig'), { force: true })
  execFileSync('ssh-keygen', ['-q', '-Y', 'sign', '-f', at(name), '-n', namespace, at('release')], {
    stdio: 'ignore',
  })
  return readFileSync(at('release.sig'))
}

const alice = makeKey('alice')
const mallory = makeKey('mallory')

interface Question {
  readonly file?: string
  readonly keys?: readonly TextKey[]
  readonly namespaces?: readonly string[]
  readonly use?: SignatureUse
}

async function judged(
  signature: Uint8Array,
  { file = 'release', keys = [alice], namespaces, use }: Question = {},
) {
  const listed = namespaces === undefined ? keys : keys.map(key => ({ ...key, namespaces }))
  const question = { file: at(file), signature, keys: listed }
  const results = await verifyDetached(use === undefined ? question : { ...question, use })
  return results.map(({ outcome, detail }) => ({ outcome, detail }))
}

async function outcome(signature: Uint8Array, question: Question = {}): Promise<string | undefined> {
  return (await judged(signature, question))[0]?.outcome
}

describe('an SSH signature of a file', () => {
  it('is good in the namespace of files', async () => {
    const signature = sign('alice', 'file')
    assert.equal(signatureKind(signature), 'sshsig')
    assert.deepEqual(await judged(signature), [{ outcome: 'good', detail: 'made for the namespace "file"' }])
    assert.equal(await outcome(signature, { file: 'other' }), 'bad-signature')
  })

  it('by another key is by an unknown signer, whose key is reported', async () => {
    const [result] = await judged(sign('mallory', 'file'))
    assert.ok(mallory.kind === 'ed25519')
    assert.deepEqual(result, { outcome: 'unknown-signer', detail: `SSH key ${sshFingerprint(mallory)}` })
  })

  it('for git, e-mail or anything else is not acceptable', async () => {
    for (const namespace of ['git', 'email', 'nixsig', 'file2']) {
      const [result] = await judged(sign('alice', namespace))
      assert.equal(result?.outcome, 'unacceptable')
      assert.match(
        result?.detail ?? '',
        new RegExp(`^made for the namespace "${namespace}", accepted: file$`),
      )
    }
  })

  it('may be in the namespaces that the policy lists, and then in no others', async () => {
    const namespaces = ['release@example.org']
    assert.equal(await outcome(sign('alice', 'release@example.org'), { namespaces }), 'good')
    assert.equal(await outcome(sign('alice', 'file'), { namespaces }), 'unacceptable')
    assert.equal(await outcome(sign('alice', 'release@example.org')), 'unacceptable')
  })

  it('for git does not sign a file, even if the key may sign for git, and the other way round', async () => {
    const namespaces = ['file', 'git', 'nixsig']
    assert.equal(await outcome(sign('alice', 'git'), { namespaces }), 'unacceptable')
    assert.equal(await outcome(sign('alice', 'nixsig'), { namespaces }), 'unacceptable')
    assert.equal(await outcome(sign('alice', 'file'), { namespaces, use: 'git' }), 'unacceptable')
    assert.equal(await outcome(sign('alice', 'git'), { namespaces, use: 'git' }), 'good')
    assert.equal(await outcome(sign('alice', 'git'), { use: 'git' }), 'good')
    assert.equal(await outcome(sign('alice', 'git'), { namespaces: ['file'], use: 'git' }), 'unacceptable')
  })

  it('is not tried with the same key in another form', async () => {
    assert.ok(alice.kind === 'ed25519')
    const asPem = parseKey(printPemPublicKey(alice))
    assert.equal(asPem.identity, alice.identity)
    assert.deepEqual(await judged(sign('alice', 'file'), { keys: [asPem] }), [])
  })
})
