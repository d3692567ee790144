// Envelopes by keys other than Ed25519: which signatures open them, and which must not.
import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { keyRing, openEnvelope, openingCost } from '../../src/crypto/envelope.ts'
import { type EnvelopeKey, keyIdOf } from '../../src/crypto/envelope-keys.ts'
import { openSigner } from '../../src/crypto/signers/open-signer.ts'
import { openWork, WorkLimitError } from '../../src/crypto/work.ts'
import { type Envelope, PAYLOAD_TYPE, pae } from '../../src/formats/in-toto/dsse.ts'
import { sshKeyBlob } from '../../src/formats/ssh/key.ts'
import { printSshSignatureBlob, sshSignedData } from '../../src/formats/ssh/sshsig.ts'
import { wireMpint, wireString } from '../../src/formats/ssh/wire.ts'
import { parseKey } from '../../src/policy/language/keys.ts'
import type { Key, OpenPgpKey } from '../../src/policy/policy.ts'
import { openGnupg } from '../support/gnupg.ts'

const PAYLOAD = new Uint8Array(Buffer.from('{"what":"ever"}'))
const MESSAGE = pae(PAYLOAD_TYPE, PAYLOAD)

const gnupg = openGnupg()
const dir = mkdtempSync('/tmp/nixsig-kinds-')
after(() => {
  gnupg.remove()
  rmSync(dir, { recursive: true, force: true })
})

function envelope(keyid: string, ...signatures: readonly Uint8Array[]): Envelope {
  const signed = signatures.map(signature => ({ keyid, signature: new Uint8Array(signature) }))
  return { payloadType: PAYLOAD_TYPE, payload: PAYLOAD, signatures: signed }
}

/** The labels of the signers, the problems of key ids, and the undecided signatures. */
async function opened(subject: Envelope, ...keys: readonly Key[]) {
  const { signers, strays, undecided } = await openEnvelope(subject, keyRing(keys))
  return {
    signers: signers.map(({ key }) => key.identity),
    strays: strays.map(({ problem, detail }) =>
      [problem, ...(detail === undefined ? [] : [detail])].join(': '),
    ),
    undecided,
  }
}

const onlyBad = { signers: [], strays: ['bad-signature'], undecided: [] }

/** An ECDSA key, with its public half in PEM and OpenSSH form. */
function ecdsa(curve = 'P-256') {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: curve })
  const pem = parseKey(publicKey.export({ format: 'pem', type: 'spki' }).toString())
  return { pem, privateKey, ssh: sshForm(pem) }
}

function rsa() {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const pem = parseKey(publicKey.export({ format: 'pem', type: 'spki' }).toString())
  return { pem, privateKey, ssh: sshForm(pem) }
}

/** The same key, as if it had been written in OpenSSH form. */
function sshForm(key: Key): EnvelopeKey {
  assert.ok(key.kind === 'ecdsa' || key.kind === 'rsa')
  return { ...key, form: 'ssh' }
}

/** An SSH signature in a namespace, by an ECDSA key on P-256. */
function sshsig(key: EnvelopeKey, privateKey: KeyObject, namespace: string, message = MESSAGE): Uint8Array {
  assert.ok(key.kind === 'ecdsa')
  const digest = createHash('sha512').update(message).digest()
  const halves = sign('sha256', sshSignedData(namespace, 'sha512', digest), {
    key: privateKey,
    dsaEncoding: 'ieee-p1363',
  })
  const [r, s] = [halves.subarray(0, 32), halves.subarray(32)].map(stripped)
  const numbers = Buffer.concat([wireMpint(r ?? Buffer.alloc(0)), wireMpint(s ?? Buffer.alloc(0))])
  const signature = Buffer.concat(['ecdsa-sha2-nistp256', numbers].map(wireString))
  return printSshSignatureBlob({ keyBlob: sshKeyBlob(key), namespace, hash: 'sha512', signature })
}

/** A number without its leading zeros. */
function stripped(number: Buffer): Buffer {
  return number.subarray(
    Math.max(
      0,
      number.findIndex(byte => byte !== 0),
    ),
  )
}

const alice = ecdsa()
const bob = ecdsa()
const carol = rsa()

for (const curve of ['P-256', 'P-384', 'P-521']) {
  test(`an ECDSA key in PEM form, on ${curve}: DER over SHA-256, as cosign signs`, async () => {
    const { pem, privateKey } = ecdsa(curve)
    const signature = sign('sha256', MESSAGE, privateKey)
    for (const keyid of [keyIdOf(pem), '', 'whatever']) {
      const result = await opened(envelope(keyid, signature), pem, bob.pem, carol.pem)
      assert.deepEqual(result, { signers: [pem.identity], strays: [], undecided: [] })
    }
  })
}

test('an RSA key in PEM form: PKCS #1 v1.5 over SHA-256', async () => {
  const signature = sign('sha256', MESSAGE, carol.privateKey)
  for (const keyid of [keyIdOf(carol.pem), '']) {
    const result = await opened(envelope(keyid, signature), alice.pem, carol.pem)
    assert.deepEqual(result.signers, [carol.pem.identity])
  }
})

test('an SSH key: signs as `ssh-keygen -Y sign -n nixsig` does, whatever the key id is', async () => {
  const signature = sshsig(alice.ssh, alice.privateKey, 'nixsig')
  for (const keyid of [keyIdOf(alice.ssh), '']) {
    const result = await opened(envelope(keyid, signature), bob.ssh, alice.ssh)
    assert.deepEqual(result, { signers: [alice.pem.identity], strays: [], undecided: [] })
  }
})

test('attack: an SSH signature for a file, for git, or for another purpose', async () => {
  for (const namespace of ['file', 'git', 'nixsig2', 'NIXSIG']) {
    const signature = sshsig(alice.ssh, alice.privateKey, namespace)
    const { signers, strays } = await opened(envelope(keyIdOf(alice.ssh), signature), alice.ssh)
    assert.deepEqual(signers, [], namespace)
    assert.match(strays.join(), /^bad-signature: .*made for the namespace ".*", accepted: nixsig$/)
  }
})

test('attack: an SSH signature over the payload alone, or by a key that the key id does not name', async () => {
  const over = sshsig(alice.ssh, alice.privateKey, 'nixsig', PAYLOAD)
  assert.deepEqual((await opened(envelope(keyIdOf(alice.ssh), over), alice.ssh)).signers, [])
  const lying = envelope(keyIdOf(bob.ssh), sshsig(alice.ssh, alice.privateKey, 'nixsig'))
  const { signers, strays } = await opened(lying, alice.ssh, bob.ssh)
  assert.deepEqual(signers, [])
  assert.match(strays.join(), /^bad-signature: SSH key SHA256:/)
})

test('attack: a signature of one form with the key listed in the other', async () => {
  const der = sign('sha256', MESSAGE, alice.privateKey)
  const ssh = sshsig(alice.ssh, alice.privateKey, 'nixsig')
  const id = keyIdOf(alice.pem)
  assert.deepEqual((await opened(envelope(id, der), alice.ssh)).signers, [])
  assert.deepEqual(await opened(envelope(id, ssh), alice.pem), onlyBad)
  assert.deepEqual((await opened(envelope('', der, ssh), alice.pem, alice.ssh)).signers.length, 2)
})

test('attack: ECDSA signatures in another encoding, and ones that would fit every message', async () => {
  const der = sign('sha256', MESSAGE, alice.privateKey)
  const zero = Uint8Array.of(0x30, 6, 2, 1, 0, 2, 1, 0)
  const one = Uint8Array.of(0x30, 6, 2, 1, 1, 2, 1, 1)
  const fixed = sign('sha256', MESSAGE, { key: alice.privateKey, dsaEncoding: 'ieee-p1363' })
  const longer = Buffer.concat([der, Buffer.of(0)])
  for (const signature of [zero, one, fixed, longer, sign('sha512', MESSAGE, alice.privateKey)]) {
    assert.deepEqual(await opened(envelope(keyIdOf(alice.pem), signature), alice.pem), onlyBad)
  }
})

test('attack: RSA signatures with another padding or another hash', async () => {
  const pss = sign('sha256', MESSAGE, { key: carol.privateKey, padding: 6 })
  for (const signature of [pss, sign('sha1', MESSAGE, carol.privateKey), new Uint8Array(256)]) {
    assert.deepEqual(await opened(envelope(keyIdOf(carol.pem), signature), carol.pem), onlyBad)
  }
})

test('a key that is limited to other namespaces opens no envelope, and one that is limited to ours does', async () => {
  const signature = sshsig(alice.ssh, alice.privateKey, 'nixsig')
  assert.ok(alice.ssh.kind === 'ecdsa')
  const forGit = { ...alice.ssh, namespaces: ['git', 'file'] }
  const forUs = { ...alice.ssh, namespaces: ['nixsig'] }
  assert.deepEqual((await opened(envelope('', signature), forGit)).strays, ['unknown-signer'])
  assert.deepEqual((await opened(envelope('', signature), forUs)).signers, [alice.pem.identity])
})

test('signify keys and Sigstore identities open no envelopes', async () => {
  const ed25519 = {
    kind: 'ed25519',
    identity: 'ed25519:00',
    label: 'x',
    publicKey: new Uint8Array(32),
  } as const
  const signify: Key = { ...ed25519, form: 'signify', keyNumber: new Uint8Array(8) }
  const sigstore: Key = {
    kind: 'sigstore',
    identity: 'sigstore:00',
    label: 'x',
    subject: 'a@example.org',
    issuer: 'https://example.org',
    trustedRoot: '/nowhere',
  }
  assert.deepEqual(keyRing([signify, sigstore]).keys, [])
})

/** An OpenPGP key as a policy lists it, with its own certificate. */
function openpgp(fingerprint: string): OpenPgpKey {
  const certificate = gnupg.exportTo(join(dir, `${fingerprint}.pgp`), fingerprint)
  return { kind: 'openpgp', identity: `openpgp:${fingerprint}`, label: fingerprint, fingerprint, certificate }
}

function signedByGnupg(fingerprint: string, message: Uint8Array, args: readonly string[] = [], at?: string) {
  const file = join(dir, 'message')
  writeFileSync(file, message)
  return gnupg.sign(file, fingerprint, args, at)
}

const dave = openpgp(gnupg.makeKey('dave'))
const erin = openpgp(gnupg.makeKey('erin'))

test('an OpenPGP key: a binary detached signature, with the fingerprint of the certificate as key id', async () => {
  const result = await opened(
    envelope(dave.fingerprint, signedByGnupg(dave.fingerprint, MESSAGE)),
    dave,
    erin,
  )
  assert.deepEqual(result, { signers: [dave.identity], strays: [], undecided: [] })
})

test('attack: an OpenPGP signature without a key id starts no process', async () => {
  const signature = signedByGnupg(dave.fingerprint, MESSAGE)
  for (const keyid of ['', dave.fingerprint.toLowerCase(), dave.fingerprint.slice(-16)]) {
    const result = await openEnvelope(envelope(keyid, signature), keyRing([dave]), openWork(0))
    assert.deepEqual(result.signers, [])
  }
})

for (const [what, signature, reason] of [
  ['over the payload alone', () => signedByGnupg(dave.fingerprint, PAYLOAD), /^bad-signature: gpgv/],
  [
    'over another type of payload',
    () => signedByGnupg(dave.fingerprint, pae('text/plain', PAYLOAD)),
    /^bad-/,
  ],
  ['over text', () => signedByGnupg(dave.fingerprint, MESSAGE, ['--textmode']), /not one over the bytes/],
  [
    'by SHA-1',
    () => signedByGnupg(dave.fingerprint, MESSAGE, ['--digest-algo', 'SHA1']),
    /SHA-1, which is broken/,
  ],
  ['by another key', () => signedByGnupg(erin.fingerprint, MESSAGE), /^bad-signature: /],
  ['in armour', () => signedByGnupg(dave.fingerprint, MESSAGE, ['--armor']), /not one binary OpenPGP/],
  [
    'next to another one',
    () => Buffer.concat([1, 2].map(() => signedByGnupg(dave.fingerprint, MESSAGE))),
    /several OpenPGP signatures in one/,
  ],
  ['that is malformed', () => Uint8Array.of(0xc2, 0x01, 0x04), /^bad-signature: OpenPGP/],
  ['of length zero', () => new Uint8Array(), /not one binary OpenPGP|no signature/],
  ['of Ed25519', () => new Uint8Array(64), /not one binary OpenPGP/],
  ['of SSH', () => sshsig(alice.ssh, alice.privateKey, 'nixsig'), /not one binary OpenPGP/],
] as const) {
  test(`attack: an OpenPGP signature ${what}, with a listed fingerprint`, async () => {
    const result = await opened(envelope(dave.fingerprint, signature()), dave, erin)
    assert.deepEqual([result.signers, result.undecided], [[], []])
    assert.match(result.strays.join(), reason)
  })
}

test('an OpenPGP key that expired since: gives the times of the signature and of the expiry', async () => {
  const past = gnupg.makeKey('past', { at: '20200101T000000', expire: '1y' })
  const key = openpgp(past)
  const signature = signedByGnupg(past, MESSAGE, [], '20200601T000000')
  const { signers } = await openEnvelope(envelope(past, signature), keyRing([key]))
  const [signer] = signers
  assert.equal(signer?.expired?.signedAt, Date.UTC(2020, 5, 1) / 1000)
  assert.equal(signer?.expired?.at, Date.UTC(2020, 11, 31) / 1000)
})

test('an OpenPGP certificate that cannot be read leaves the envelope undecided', async () => {
  const signature = signedByGnupg(dave.fingerprint, MESSAGE)
  const lost = { ...dave, certificate: join(dir, 'nowhere.pgp') }
  const { signers, undecided } = await opened(envelope(dave.fingerprint, signature), lost)
  assert.deepEqual(signers, [])
  assert.match(undecided.join(), /nowhere\.pgp/)
})

test('many OpenPGP signatures: their cost is counted', async () => {
  const signature = signedByGnupg(dave.fingerprint, MESSAGE)
  const cost = openingCost(envelope(dave.fingerprint, signature), keyRing([dave]))
  assert.equal(Math.floor(20_000 / cost), 31)
  await assert.rejects(
    openEnvelope(envelope(dave.fingerprint, signature), keyRing([dave]), openWork(cost - 1)),
    WorkLimitError,
  )
})

test('a GnuPG signer: named by primary fingerprint, its envelopes open with its certificate', async () => {
  const signer = await withGnupgHome(() => openSigner(`gpg:${dave.fingerprint}`, needs))
  const signature = await withGnupgHome(() => signer.sign(MESSAGE))
  assert.equal(signer.keyid, dave.fingerprint)
  assert.deepEqual((await opened(envelope(signer.keyid, signature), dave)).signers, [dave.identity])
  signer.close()
})

test('GnuPG signers: a subkey by itself, and a primary key that can only certify', async () => {
  const name = 'frank <frank@example.org>'
  gnupg.gpg(['--quick-generate-key', name, 'ed25519', 'cert', 'never'])
  const list = () => gnupg.gpg(['--with-colons', '--list-keys', `=${name}`]).toString()
  const [, frank = ''] = /^fpr:+([0-9A-F]+):/m.exec(list()) ?? []
  gnupg.gpg(['--quick-add-key', frank, 'ed25519', 'sign', 'never'])
  const subkey = [...list().matchAll(/^fpr:+([0-9A-F]+):/gm)].at(-1)?.[1] ?? ''
  for (const wanted of [`${subkey}!`, subkey, frank]) {
    const signer = await withGnupgHome(() => openSigner(`gpg:${wanted}`, needs))
    assert.equal(signer.keyid, frank)
    const signature = await withGnupgHome(() => signer.sign(MESSAGE))
    const result = await opened(envelope(frank, signature), openpgp(frank))
    assert.deepEqual(result.signers, [`openpgp:${frank}`])
    signer.close()
  }
  const primary = await withGnupgHome(() => openSigner(`gpg:${frank}!`, needs))
  await assert.rejects(
    withGnupgHome(() => primary.sign(MESSAGE)),
    /GnuPG did not sign: /,
  )
  primary.close()
})

test('names that are not GnuPG signers: unknown, not a fingerprint, without secret key, expired', async () => {
  const open = (name: string) => withGnupgHome(() => openSigner(`gpg:${name}`, needs))
  await assert.rejects(open('0'.repeat(40)), /GnuPG has no key 0{40}/)
  await assert.rejects(open('dave@example.org'), /not a whole OpenPGP fingerprint/)
  const gone = gnupg.makeKey('gone')
  gnupg.gpg(['--delete-secret-keys', gone])
  const without = await open(gone)
  await assert.rejects(
    withGnupgHome(() => without.sign(MESSAGE)),
    /GnuPG did not sign: /,
  )
  without.close()
  const past = gnupg.makeKey('ended', { at: '20200101T000000', expire: '1y' })
  const expired = await open(past)
  await assert.rejects(
    withGnupgHome(() => expired.sign(MESSAGE)),
    /GnuPG did not sign: /,
  )
  expired.close()
})

test('attack: a gpg.conf that asks for other signatures has no effect', async () => {
  writeFileSync(join(gnupg.dir, 'gpg.conf'), 'textmode\narmor\ndigest-algo SHA1\n')
  const signer = await withGnupgHome(() => openSigner(`gpg:${erin.fingerprint}`, needs))
  const signature = await withGnupgHome(() => signer.sign(MESSAGE))
  assert.deepEqual((await opened(envelope(erin.fingerprint, signature), erin)).signers, [erin.identity])
  signer.close()
  rmSync(join(gnupg.dir, 'gpg.conf'))
})

const needs = { passphrase: () => assert.fail('no passphrase is needed') }

async function withGnupgHome<T>(use: () => Promise<T>): Promise<T> {
  const before = process.env['GNUPGHOME']
  process.env['GNUPGHOME'] = gnupg.dir
  try {
    return await use()
  } finally {
    if (before === undefined) delete process.env['GNUPGHOME']
    else process.env['GNUPGHOME'] = before
  }
}
