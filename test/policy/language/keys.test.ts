import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createPublicKey } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { printPemPublicKey } from '../../../src/formats/keys/pem.ts'
import { printSshPublicKey } from '../../../src/formats/ssh/key.ts'
import { describePolicy } from '../../../src/policy/describe.ts'
import { parseKey } from '../../../src/policy/language/keys.ts'
import { parsePolicy } from '../../../src/policy/language/parse.ts'
import { PolicyError } from '../../../src/policy/language/policy-error.ts'
import { sha256 } from '../../../src/primitives/sodium.ts'
import { makeSecurityKey } from '../../support/security-key.ts'
import { sourceOf } from '../policies.ts'

const dir = mkdtempSync(join(tmpdir(), 'nixsig-keys-'))
after(() => rmSync(dir, { recursive: true, force: true }))

function sshKey(type: string, bits: string): string {
  const file = join(dir, type + bits)
  execFileSync('ssh-keygen', ['-q', '-t', type, '-b', bits, '-N', '', '-C', '', '-f', file])
  return readFileSync(`${file}.pub`, 'utf8').trim()
}

/** The same key in PEM, as ssh-keygen and openssl write it. */
function asPem(file: string): string {
  const pkcs8 = execFileSync('ssh-keygen', ['-e', '-m', 'PKCS8', '-f', `${join(dir, file)}.pub`], {
    encoding: 'utf8',
  })
  return createPublicKey(pkcs8).export({ type: 'spki', format: 'pem' }).toString()
}

describe('a key in SSH form and the same key in PEM', () => {
  for (const [type, bits] of [
    ['ecdsa', '256'],
    ['ecdsa', '384'],
    ['ecdsa', '521'],
    ['rsa', '2048'],
  ] as const) {
    it(`are one key: ${type} ${bits}`, () => {
      const line = sshKey(type, bits)
      const [ssh, pem] = [parseKey(line), parseKey(asPem(type + bits))]
      assert.deepEqual([ssh.form, pem.form], ['ssh', 'pem'])
      assert.equal(ssh.identity, pem.identity)
      assert.match(ssh.identity, type === 'rsa' ? /^rsa:[0-9a-f]{64}$/ : /^ecdsa-nistp\d{3}:04[0-9a-f]+$/)
      assert.match(ssh.label, /^SHA256:/)
    })
  }

  it('are identified by public exponent and modulus in SSH form', () => {
    const blob = Buffer.from(readFileSync(join(dir, 'rsa2048.pub'), 'utf8').split(' ')[1] ?? '', 'base64')
    const numbers = blob.subarray(4 + 'ssh-rsa'.length)
    const { identity } = parseKey(asPem('rsa2048'))
    assert.equal(identity, `rsa:${Buffer.from(sha256(numbers)).toString('hex')}`)
  })
})

describe('a security key', () => {
  it('is the same key as the plain one inside it', () => {
    for (const kind of ['ed25519', 'ecdsa'] as const) {
      const { publicKey } = makeSecurityKey(kind)
      const key = parseKey(printSshPublicKey(publicKey, ''))
      assert.equal(key.application, 'ssh:')
      assert.equal(parseKey(printPemPublicKey(publicKey)).identity, key.identity)
    }
  })

  it('for which everybody could sign is refused', () => {
    const weak = { kind: 'ed25519', publicKey: new Uint8Array(32), application: 'ssh:' } as const
    assert.throws(() => parseKey(printSshPublicKey(weak, '')), /anybody could sign for it/)
  })
})

describe('keys of a policy', () => {
  const SSH = sshKey('ed25519', '256')

  /** The first problem of a policy in which Alice has these keys; undefined if it is valid. */
  function problemWith(keys: string): string | undefined {
    try {
      policyWith(keys)
      return undefined
    } catch (error) {
      if (error instanceof PolicyError) return error.problems[0]?.message
      throw error
    }
  }

  function policyWith(keys: string) {
    const needs = 'require = { source = "alice", derivation = "alice", output = "alice" }'
    const principals = `[principals.alice]\nkeys = [${keys}]`
    return parsePolicy(sourceOf(`version = 1\nmode = "enforce"\n${principals}\n[default]\n${needs}\n`))
  }

  it('may be limited to namespaces if they are SSH keys', () => {
    const policy = policyWith(`{ key = "${SSH}", namespaces = ["file", "release@example.org"] }`)
    const [key] = policy.principals.get('alice')?.keys ?? []
    assert.deepEqual(key && 'namespaces' in key && key.namespaces, ['file', 'release@example.org'])
    assert.match(describePolicy(policy), /SSH key SHA256:\S+ for file, release@example\.org$/m)
  })

  it('are listed once, whatever form they are written in', () => {
    const [line, pem] = [
      readFileSync(join(dir, 'ecdsa256.pub'), 'utf8').trim(),
      JSON.stringify(asPem('ecdsa256')),
    ]
    assert.match(problemWith(`"${line}", ${pem}`) ?? '', /is the same key as one of alice/)
    const { publicKey } = makeSecurityKey('ecdsa')
    const both = [
      JSON.stringify(printSshPublicKey(publicKey, '')),
      JSON.stringify(printPemPublicKey(publicKey)),
    ]
    assert.match(problemWith(both.join(', ')) ?? '', /is the same key as one of alice/)
  })

  for (const [name, keys, reason] of [
    ['a pattern of namespaces', `{ key = "${SSH}", namespaces = ["*"] }`, /exact: no wildcards/],
    ['a list of namespaces in one', `{ key = "${SSH}", namespaces = ["file,git"] }`, /exact: no wildcards/],
    ['no namespaces', `{ key = "${SSH}", namespaces = [] }`, /at least one namespace/],
    ['an empty namespace', `{ key = "${SSH}", namespaces = [""] }`, /must not be empty/],
    ['a namespace twice', `{ key = "${SSH}", namespaces = ["a", "a"] }`, /twice/],
    ['a namespace that is no list', `{ key = "${SSH}", namespaces = "file" }`, /must be a list/],
    ['namespaces for a Nix key', '{ key = "KEY(a)", namespaces = ["file"] }', /only keys in the form of SSH/],
    ['an RSA key of 1024 bits', JSON.stringify(sshKey('rsa', '1024')), /1024 bits, and 2048 to 16384/],
    ['a signify key that breaks off', '"signify:RWQ="', /not 42 bytes/],
  ] as const) {
    it(`are refused with ${name}`, () => assert.match(problemWith(keys) ?? '', reason))
  }
})
