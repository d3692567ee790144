import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash, createPrivateKey, type KeyObject, sign } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { verifySshBlob, verifySshSignature } from '../../src/crypto/ssh-signature.ts'
import { parseSshPublicKey, printSshPublicKey, type SshPublicKey } from '../../src/formats/ssh/key.ts'
import {
  parseSshSignature,
  printSshSignature,
  type SshSignature,
  sshSignedData,
} from '../../src/formats/ssh/sshsig.ts'
import { wireReader, wireString } from '../../src/formats/ssh/wire.ts'
import { makeSecurityKey, sshSignatureFile } from '../support/security-key.ts'

const dir = mkdtempSync(join(tmpdir(), 'nixsig-sshsig-'))
after(() => rmSync(dir, { recursive: true, force: true }))
const message = Buffer.from('a release\n')

async function outcome(signature: SshSignature, key: SshPublicKey, judged = message, namespaces = ['file']) {
  const digestOf = (hash: string) => createHash(hash).update(judged).digest()
  return (await verifySshSignature({ signature, key, namespaces, digestOf })).outcome
}

/** The verdict of ssh-keygen: whether the signature is good, and whether it is by this key. */
function oracle(signature: string, key: SshPublicKey, judged = message, namespace = 'file') {
  const [file, signers] = [join(dir, 'asked.sig'), join(dir, 'signers')]
  writeFileSync(file, signature)
  writeFileSync(signers, `alice ${printSshPublicKey(key, '')}\n`)
  const ask = (...args: readonly string[]) =>
    spawnSync('ssh-keygen', ['-Y', ...args, '-n', namespace, '-s', file], { input: judged }).status === 0
  return { isGood: ask('check-novalidate'), isByKey: ask('verify', '-f', signers, '-I', 'alice') }
}

interface Made {
  readonly name: string
  readonly key: SshPublicKey
  readonly signature: string
}

function withSshKeygen(type: string, bits: string, hash: 'sha256' | 'sha512'): Made {
  const name = `${type} ${bits} ${hash}`
  const secret = join(dir, name.replaceAll(' ', '-'))
  execFileSync('ssh-keygen', ['-q', '-t', type, '-b', bits, '-N', '', '-f', secret])
  const signature = execFileSync(
    'ssh-keygen',
    ['-q', '-Y', 'sign', '-f', secret, '-n', 'file', '-O', `hashalg=${hash}`],
    { input: message, encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'] },
  )
  return { name, key: parseSshPublicKey(readFileSync(`${secret}.pub`, 'utf8').trimEnd()), signature }
}

function withSecurityKey(kind: 'ed25519' | 'ecdsa', application: string): Made {
  const stick = makeSecurityKey(kind, application)
  const signature = sshSignatureFile(message, stick.publicKey, bytes => stick.sign(bytes))
  return { name: `security key of ${kind} for ${application}`, key: stick.publicKey, signature }
}

const MADE: readonly Made[] = [
  withSshKeygen('ed25519', '256', 'sha512'),
  withSshKeygen('ed25519', '256', 'sha256'),
  withSshKeygen('ecdsa', '256', 'sha256'),
  withSshKeygen('ecdsa', '384', 'sha512'),
  withSshKeygen('ecdsa', '521', 'sha256'),
  withSshKeygen('rsa', '2048', 'sha512'),
  withSshKeygen('rsa', '3072', 'sha256'),
  withSecurityKey('ed25519', 'ssh:'),
  withSecurityKey('ecdsa', 'ssh:release'),
]

for (const [index, { name, key, signature }] of MADE.entries()) {
  describe(`an SSH signature by ${name}`, () => {
    const parsed = parseSshSignature(Buffer.from(signature))

    it('is good here and for ssh-keygen, and printed as ssh-keygen prints it', async () => {
      assert.deepEqual(oracle(signature, key), { isGood: true, isByKey: true })
      assert.equal(await outcome(parsed, key), 'good')
      assert.equal(printSshSignature(parsed), signature)
    })

    it('is bad over another message', async () => {
      const other = Buffer.from('another release\n')
      assert.equal(oracle(signature, key, other).isGood, false)
      assert.equal(await outcome(parsed, key, other), 'bad-signature')
    })

    it('is unacceptable in a namespace that was not asked for', async () => {
      assert.equal(oracle(signature, key, message, 'git').isGood, false)
      assert.equal(
        await outcome(parsed, key, message, ['git', 'files', 'fil', 'File', 'file*']),
        'unacceptable',
      )
      assert.equal(await outcome(parsed, key, message, []), 'unacceptable')
      assert.equal(await outcome(parsed, key, message, ['git', 'file']), 'good')
    })

    it('is bad if it is relabelled for another namespace or hash', async () => {
      const relabelled = { ...parsed, namespace: 'git' }
      assert.equal(oracle(printSshSignature(relabelled), key, message, 'git').isGood, false)
      assert.equal(await outcome(relabelled, key, message, ['git']), 'bad-signature')
      const hash = parsed.hash === 'sha512' ? 'sha256' : 'sha512'
      assert.equal(await outcome({ ...parsed, hash }, key), 'bad-signature')
    })

    it('is by an unknown signer for any other key', async () => {
      const other = MADE[(index + 1) % MADE.length]
      assert.ok(other)
      assert.equal(oracle(signature, other.key).isByKey, false)
      assert.equal(await outcome(parsed, other.key), 'unknown-signer')
    })

    it("is bad if another key's signature is given this key's name", async () => {
      const other = MADE[(index + 1) % MADE.length]
      assert.ok(other)
      const forged = { ...parsed, signature: parseSshSignature(Buffer.from(other.signature)).signature }
      assert.equal(oracle(printSshSignature(forged), key).isGood, false)
      assert.notEqual(await outcome(forged, key), 'good')
    })

    it('is bad with any byte of the signature itself flipped', async () => {
      for (let at = 0; at < parsed.signature.length; at += 5) {
        const bytes = parsed.signature.map((byte, offset) => (offset === at ? byte ^ 0x10 : byte))
        assert.notEqual(await outcome({ ...parsed, signature: bytes }, key), 'good', `byte ${at}`)
      }
    })

    it('is bad if it is truncated or followed by more', async () => {
      const longer = { ...parsed, signature: Buffer.concat([parsed.signature, Buffer.of(0)]) }
      assert.equal(oracle(printSshSignature(longer), key).isGood, false)
      assert.equal(await outcome(longer, key), 'bad-signature')
      assert.equal(
        await outcome({ ...parsed, signature: parsed.signature.subarray(0, -1) }, key),
        'bad-signature',
      )
    })
  })
}

describe("OpenSSH's published signatures", () => {
  const vector = (name: string) => readFileSync(join(PROJECT_ROOT, 'test/vectors/ssh', name))
  const signed = vector('signed-data')
  const namespace = vector('namespace').toString()
  const signature = (name: string) => parseSshSignature(vector(`${name}.sig`))
  const key = (name: string) => parseSshPublicKey(vector(`${name}.pub`).toString().trimEnd())

  for (const name of ['ed25519', 'ecdsa', 'rsa', 'ed25519_sk', 'ecdsa_sk']) {
    it(`${name} is good, and with a flipped message it is not`, async () => {
      assert.equal(await outcome(signature(name), key(name), signed, [namespace]), 'good')
      const flipped = signed.map((byte, at) => (at === 0 ? byte ^ 1 : byte))
      assert.equal(
        await outcome(signature(name), key(name), Buffer.from(flipped), [namespace]),
        'bad-signature',
      )
    })
  }

  it('by a web browser is unacceptable, because of its algorithm', async () => {
    const digestOf = (hash: string) => createHash(hash).update(signed).digest()
    const [name, namespaces] = ['ecdsa_sk_webauthn', [namespace]]
    const result = await verifySshSignature({
      signature: signature(name),
      key: key(name),
      namespaces,
      digestOf,
    })
    assert.equal(result.outcome, 'unacceptable')
    assert.match(
      result.detail,
      /made by webauthn-sk-ecdsa-sha2-nistp256@openssh.com, and accepted is sk-ecdsa/,
    )
  })

  it('of an unknown algorithm is by an unknown signer, and its key is refused', async () => {
    const name = 'mldsa44-ed25519'
    assert.equal(await outcome(signature(name), key('ed25519'), signed, [namespace]), 'unknown-signer')
    assert.throws(() => key(name), /must be one of/)
  })
})

describe('a security key', () => {
  for (const kind of ['ed25519', 'ecdsa'] as const) {
    const stick = makeSecurityKey(kind)
    const signedWith = (flags: number) =>
      sshSignatureFile(message, stick.publicKey, bytes => stick.sign(bytes, flags))

    it(`of ${kind} that nobody touched is unacceptable, though ssh-keygen accepts it`, async () => {
      assert.ok(oracle(signedWith(0), stick.publicKey).isByKey)
      assert.equal(
        await outcome(parseSshSignature(Buffer.from(signedWith(0))), stick.publicKey),
        'unacceptable',
      )
      assert.equal(
        await outcome(parseSshSignature(Buffer.from(signedWith(4))), stick.publicKey),
        'unacceptable',
      )
    })

    it(`of ${kind} that was touched, with a PIN or without, is good`, async () => {
      for (const flags of [1, 5]) {
        assert.ok(oracle(signedWith(flags), stick.publicKey).isByKey)
        assert.equal(
          await outcome(parseSshSignature(Buffer.from(signedWith(flags))), stick.publicKey),
          'good',
        )
      }
    })

    it(`of ${kind} cannot be said to have been touched afterwards`, async () => {
      const untouched = parseSshSignature(Buffer.from(signedWith(0)))
      const signature = untouched.signature.map((byte, at, all) => (at === all.length - 5 ? 1 : byte))
      assert.equal(await outcome({ ...untouched, signature }, stick.publicKey), 'bad-signature')
    })

    it(`of ${kind} only signs for its own application`, async () => {
      const parsed = parseSshSignature(Buffer.from(signedWith(1)))
      const elsewhere: SshPublicKey = { ...stick.publicKey, application: 'ssh:other' }
      assert.equal(await outcome(parsed, elsewhere), 'unknown-signer')
      const renamed = sshSignatureFile(message, elsewhere, bytes => stick.sign(bytes))
      assert.equal(oracle(renamed, elsewhere).isGood, false)
      assert.equal(await outcome(parseSshSignature(Buffer.from(renamed)), elsewhere), 'bad-signature')
    })
  }

  it('and the plain key of the same bytes do not sign for each other', async () => {
    const stick = makeSecurityKey('ed25519')
    assert.ok(stick.publicKey.kind === 'ed25519')
    const plain: SshPublicKey = { kind: 'ed25519', publicKey: stick.publicKey.publicKey }
    const result = await verifySshBlob(message, stick.sign(message), plain)
    assert.equal(result.outcome, 'unacceptable')
    assert.match(result.detail, /made by sk-ssh-ed25519@openssh.com, and accepted is ssh-ed25519/)
  })
})

describe('an RSA signature', () => {
  const made = MADE.find(({ key }) => key.kind === 'rsa')
  assert.ok(made)
  const { key } = made
  const parsed = parseSshSignature(Buffer.from(made.signature))
  const reader = wireReader(parsed.signature, 'test')
  const [algorithm, raw] = [reader.name(), reader.string()]
  const relabelled = (name: string) => ({ ...parsed, signature: Buffer.concat([name, raw].map(wireString)) })

  it('states its hash, and is bad with another hash', async () => {
    assert.equal(algorithm, 'rsa-sha2-512')
    assert.equal(await outcome(relabelled('rsa-sha2-256'), key), 'bad-signature')
  })

  it('by SHA-1 is unacceptable', async () => {
    assert.equal(oracle(printSshSignature(relabelled('ssh-rsa')), key).isGood, false)
    assert.equal(await outcome(relabelled('ssh-rsa'), key), 'unacceptable')
  })

  it('that is longer than its key is bad', async () => {
    const longer = Buffer.concat([Buffer.of(0), raw])
    const signature = Buffer.concat([algorithm, longer].map(wireString))
    assert.equal(await outcome({ ...parsed, signature }, key), 'bad-signature')
  })

  it('whose leading zeros an agent dropped is good, as for ssh-keygen', async () => {
    const secret = readSecret(join(dir, 'rsa-2048-sha512'))
    for (let attempt = 0; attempt < 4096; attempt++) {
      const body = Buffer.from(`release ${attempt}`)
      const signature = signedData(body, secret)
      if (signature[0] !== 0) continue
      const blob = Buffer.concat(['rsa-sha2-512', signature.subarray(1)].map(wireString))
      const file = sshSignatureFile(body, key, () => blob)
      assert.ok(oracle(file, key, body).isByKey)
      assert.equal(await outcome(parseSshSignature(Buffer.from(file)), key, body), 'good')
      return
    }
    assert.fail('no signature began with a zero')
  })
})

/** A key by ssh-keygen, in a form that node:crypto reads. */
function readSecret(file: string): KeyObject {
  execFileSync('ssh-keygen', ['-q', '-p', '-m', 'PKCS8', '-N', '', '-f', file], { stdio: 'ignore' })
  return createPrivateKey(readFileSync(file))
}

/** The bytes that ssh-keygen signs for a message, signed by RSA with SHA-512. */
function signedData(message: Uint8Array, secret: KeyObject): Uint8Array {
  return sign(
    'sha512',
    sshSignedData('file', 'sha512', createHash('sha512').update(message).digest()),
    secret,
  )
}
