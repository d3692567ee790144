import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, afterEach, before, test } from 'node:test'
import { envelopeBy, keyRing, openEnvelope } from '../../../src/crypto/envelope.ts'
import { openSigner } from '../../../src/crypto/signers/open-signer.ts'
import type { Signer } from '../../../src/crypto/signers/signer.ts'
import { SignerError } from '../../../src/crypto/signers/signer-error.ts'
import { parseEnvelope } from '../../../src/formats/in-toto/dsse.ts'
import { printNixPublicKey } from '../../../src/formats/nix/nix-key.ts'
import { parseSshSignatureBlob, printSshSignature } from '../../../src/formats/ssh/sshsig.ts'
import { wireString, wireUint32 } from '../../../src/formats/ssh/wire.ts'
import { parseKey } from '../../../src/policy/language/keys.ts'
import { signEd25519 } from '../../../src/primitives/sodium.ts'
import {
  fakeAgent,
  type SshAgent,
  securityKeyAgent,
  softwareSecurityKey,
  startSshAgent,
} from '../../support/ssh.ts'

const PAYLOAD = new Uint8Array(Buffer.from('{"what":"ever"}'))

let agent: SshAgent
const lines = new Map<string, string>()
before(async () => {
  agent = await startSshAgent()
  lines.set('ed25519', agent.add('ed25519', '-t', 'ed25519'))
  lines.set('nistp256', agent.add('nistp256', '-t', 'ecdsa', '-b', '256'))
  lines.set('nistp384', agent.add('nistp384', '-t', 'ecdsa', '-b', '384'))
  lines.set('nistp521', agent.add('nistp521', '-t', 'ecdsa', '-b', '521'))
  lines.set('rsa', agent.add('rsa', '-t', 'rsa', '-b', '2048'))
})
after(() => agent.close())
const usual = process.env['SSH_AUTH_SOCK']
afterEach(() => {
  if (usual === undefined) delete process.env['SSH_AUTH_SOCK']
  else process.env['SSH_AUTH_SOCK'] = usual
})

/** Opens a signer from the agent at a socket. */
function open(name: string, socket = agent.socket): Promise<Signer> {
  process.env['SSH_AUTH_SOCK'] = socket
  return openSigner(`ssh:${name}`, { passphrase: () => assert.fail('no passphrase is needed') })
}

const refused = (promise: Promise<unknown>, reason: RegExp) =>
  assert.rejects(promise, (error: unknown) => error instanceof SignerError && reason.test(error.message))

/** The signers of an envelope, by a list with only this key. */
async function signersOf(signer: Signer, line: string) {
  const envelope = parseEnvelope(await envelopeBy(signer, PAYLOAD))
  return { envelope, ...(await openEnvelope(envelope, keyRing([parseKey(line)]))) }
}

for (const name of ['ed25519', 'nistp256', 'nistp384', 'nistp521', 'rsa']) {
  test(`OpenSSH's agent signs with its key ${name}, and the envelope opens with the public half`, async () => {
    const line = lines.get(name) ?? ''
    const signer = await open(name)
    const { envelope, signers, strays } = await signersOf(signer, line)
    assert.deepEqual(
      signers.map(({ key }) => key.identity),
      [parseKey(line).identity],
    )
    assert.deepEqual(strays, [])
    const printed = execFileSync('ssh-keygen', ['-l', '-f', join(agent.dir, `${name}.pub`)], {
      encoding: 'utf8',
    })
    assert.equal(envelope.signatures[0]?.keyid, printed.split(' ')[1])
    assert.equal(signer.identity, parseKey(line).identity)
  })
}

test('ssh-keygen verifies the signature in an envelope by an RSA key', async () => {
  const signer = await open('rsa')
  const message = Buffer.from('a message')
  const signature = parseSshSignatureBlob(await signer.sign(message))
  const [file, signers] = ['message.sig', 'signers'].map(name => join(agent.dir, name))
  writeFileSync(file ?? '', printSshSignature(signature))
  writeFileSync(signers ?? '', `alice ${lines.get('rsa')}\n`)
  const args = ['-Y', 'verify', '-f', signers ?? '', '-I', 'alice', '-n', 'nixsig', '-s', file ?? '']
  assert.match(
    execFileSync('ssh-keygen', args, { input: message, encoding: 'utf8' }),
    /^Good "nixsig" signature/,
  )
})

test('a key is named by its fingerprint, the file of its public half, or its whole comment', async () => {
  const { keyid } = await open('rsa')
  for (const name of [keyid, join(agent.dir, 'rsa.pub')]) assert.equal((await open(name)).keyid, keyid)
})

test('a name that matches no key of the agent, or several', async () => {
  await refused(open('carol'), /has no key carol; it has: SHA256:/)
  await refused(open('SHA256:AAAA'), /has no key SHA256:AAAA/)
  await refused(open('ed2551'), /has no key ed2551;/)
  await refused(open('/nowhere/key.pub'), /there is no public key at \/nowhere\/key\.pub/)
  const [blob = ''] = (lines.get('rsa') ?? '').split(' ').slice(1)
  const identity = [Buffer.from(blob, 'base64'), 'twice'].map(wireString)
  const both = await fakeAgent(() => Buffer.concat([Buffer.of(12), wireUint32(2), ...identity, ...identity]))
  await refused(open('twice', both.socket), /several keys twice: name one by its fingerprint/)
  both.close()
})

test('no agent', async () => {
  await refused(open('rsa', ''), /there is no SSH agent \(SSH_AUTH_SOCK is not set\)/)
  await refused(open('rsa', '/nowhere/socket'), /the SSH agent cannot be reached/)
})

test('a security key in software signs when touched; its signature covers the application and the counter', async () => {
  const key = softwareSecurityKey()
  const stand = await securityKeyAgent(key)
  const signer = await open('security key', stand.socket)
  const { envelope, signers } = await signersOf(signer, key.line)
  assert.equal(signers[0]?.key.identity, parseKey(key.line).identity)

  const elsewhere = softwareSecurityKey('ssh:elsewhere')
  const others = await openEnvelope(envelope, keyRing([parseKey(elsewhere.line)]))
  assert.deepEqual(others.signers, [], 'a key of another application')
  const plain = printNixPublicKey({ name: 'plain', publicKey: key.publicKey })
  const raw = await openEnvelope(envelope, keyRing([parseKey(plain)]))
  assert.deepEqual(raw.signers, [], 'the same key without an application')
  const again = parseSshSignatureBlob(await signer.sign(PAYLOAD))
  assert.equal(
    Buffer.from(again.signature).readUInt32BE(again.signature.length - 4),
    2,
    'the counter goes on',
  )
  stand.close()
})

test('attack: a security key that nobody touched', async () => {
  const stand = await securityKeyAgent(softwareSecurityKey(), 0)
  const signer = await open('security key', stand.socket)
  await refused(signer.sign(PAYLOAD), /would not be accepted: .*does not say that anybody touched it/)
  stand.close()
})

const SECRET = Buffer.alloc(64, 7)
const ed25519Blob = () => Buffer.from((lines.get('ed25519') ?? '').split(' ')[1] ?? '', 'base64')

/** An agent that lists the Ed25519 key and answers signing requests with these bytes. */
function lyingAgent(answer: Uint8Array | { readonly raw: Uint8Array } | undefined) {
  return fakeAgent(message => {
    if (message[0] !== 11) return answer
    return Buffer.concat([Buffer.of(12), wireUint32(1), ...[ed25519Blob(), 'ed25519'].map(wireString)])
  })
}

const signatureAnswer = (algorithm: string, signature: Uint8Array) =>
  Buffer.concat([Buffer.of(14), wireString(Buffer.concat([algorithm, signature].map(wireString)))])

for (const [what, answer, reason] of [
  [
    'signs with another key',
    signatureAnswer('ssh-ed25519', signEd25519(PAYLOAD, SECRET)),
    /would not be accepted/,
  ],
  ['signs by another algorithm', signatureAnswer('ssh-rsa', new Uint8Array(256)), /signed by ssh-rsa/],
  ['gives a short signature', signatureAnswer('ssh-ed25519', new Uint8Array(63)), /would not be accepted/],
  ['refuses', Uint8Array.of(5), /did not sign with SHA256:\S*: it refused or nobody agreed/],
  ['goes away', undefined, /ended before it had answered/],
  ['announces gigabytes', { raw: Uint8Array.of(255, 255, 255, 255) }, /a message of 4294967295 bytes/],
  ['announces nothing', { raw: new Uint8Array(4) }, /a message of 0 bytes/],
  [
    'answers with more than one message',
    { raw: Uint8Array.of(0, 0, 0, 1, 5, 5) },
    /answers with more than one message/,
  ],
] as const) {
  test(`attack: an agent that ${what}`, async () => {
    const liar = await lyingAgent(answer)
    const signer = await open('ed25519', liar.socket)
    await refused(signer.sign(PAYLOAD), reason)
    liar.close()
  })
}

test('a key of an algorithm that cannot sign envelopes', async () => {
  const blob = Buffer.concat(['ssh-dss', 'p', 'q', 'g', 'y'].map(wireString))
  const old = await fakeAgent(() =>
    Buffer.concat([Buffer.of(12), wireUint32(1), ...[blob, 'old'].map(wireString)]),
  )
  await refused(open('old', old.socket), /cannot sign attestations: /)
  old.close()
})
