import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { describe, it } from 'node:test'
import { verifyDetached } from '../../../src/crypto/detached/verify.ts'
import { parseEnvelope, printEnvelope } from '../../../src/formats/in-toto/dsse.ts'
import { sigstoreBundle } from '../../../src/formats/sigstore/bundle.ts'
import type { EcdsaKey, Ed25519Key, Key, RsaKey } from '../../../src/policy/policy.ts'
import { FormatError } from '../../../src/primitives/format-error.ts'
import { releaseFiles } from '../../support/release-files.ts'
import {
  bundle,
  type Content,
  certify,
  dsseEnvelope,
  ecdsaPair,
  idOf,
  keyBundle,
  loggedBundle,
  makeInstance,
  messageSignature,
  statement,
} from '../../support/sigstore.ts'

const release = Buffer.from('release 1.0\n')
const { file, otherFile } = releaseFiles(release, 'release 6.6\n')
const sha256 = '6d17ea3ebb3bbb4ffca1eb7cc3b8b2bb8a4ee1cdd7c2ed6d2d8c1ae2f5dcd9f0'

const CURVES = { 'P-256': 'nistp256', 'P-384': 'nistp384', 'P-521': 'nistp521' } as const
const base = { identity: 'test', label: 'SHA256:test' }

function ecdsaKey(publicKey: KeyObject, curve: keyof typeof CURVES = 'P-256'): EcdsaKey {
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const point = Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')])
  return { ...base, kind: 'ecdsa', form: 'pem', curve: CURVES[curve], publicKey: point }
}

function ed25519Key(publicKey: KeyObject, change: Partial<Ed25519Key> = {}): Ed25519Key {
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url')
  return { ...base, kind: 'ed25519', form: 'pem', publicKey: raw, ...change }
}

function rsaKey(publicKey: KeyObject): RsaKey {
  const { n = '', e = '' } = publicKey.export({ format: 'jwk' })
  return {
    ...base,
    kind: 'rsa',
    form: 'pem',
    modulus: Buffer.from(n, 'base64url'),
    exponent: Buffer.from(e, 'base64url'),
  }
}

async function verdicts(signature: object | string, keys: readonly Key[], message = file) {
  const text = typeof signature === 'string' ? signature : JSON.stringify(signature)
  const results = await verifyDetached({ file: message, signature: Buffer.from(text), keys })
  return results.map(({ outcome, detail }) => `${outcome}: ${detail}`)
}

/** A bundle as cosign signs with an Ed25519 key: over the file itself, without its digest. */
function ed25519Message(privateKey: KeyObject) {
  return {
    messageSignature: { messageDigest: {}, signature: sign(null, release, privateKey).toString('base64') },
  }
}

const ed25519 = generateKeyPairSync('ed25519')
const ecdsa = ecdsaPair()

describe('a bundle that was signed with a key', () => {
  it('is accepted for every kind of key, over the file', async () => {
    for (const curve of ['P-256', 'P-384', 'P-521'] as const) {
      const { publicKey, privateKey } = ecdsaPair(curve)
      for (const hash of ['sha256', 'sha384', 'sha512']) {
        const signed = keyBundle(publicKey, messageSignature(privateKey, release, hash))
        assert.deepEqual(await verdicts(signed, [ecdsaKey(publicKey, curve)]), ['good: the file itself'])
      }
    }
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const byRsa = keyBundle(rsa.publicKey, messageSignature(rsa.privateKey, release))
    assert.deepEqual(await verdicts(byRsa, [rsaKey(rsa.publicKey)]), ['good: the file itself'])
    const byEd25519 = keyBundle(ed25519.publicKey, ed25519Message(ed25519.privateKey) as Content)
    assert.deepEqual(await verdicts(byEd25519, [ed25519Key(ed25519.publicKey)]), ['good: the file itself'])
  })

  it('is accepted over a statement, by the hash of the curve and by SHA-256', async () => {
    const said = statement({ sha256: hashOf(release) })
    for (const curve of ['P-256', 'P-384', 'P-521'] as const) {
      const { publicKey, privateKey } = ecdsaPair(curve)
      for (const hash of ['sha256', { 'P-256': 'sha256', 'P-384': 'sha384', 'P-521': 'sha512' }[curve]]) {
        const signed = keyBundle(publicKey, dsseEnvelope(privateKey, said, hash))
        assert.deepEqual(await verdicts(signed, [ecdsaKey(publicKey, curve)]), [
          'good: built by https://example.org/builder',
        ])
      }
    }
    const signed = keyBundle(ed25519.publicKey, dsseEnvelope(ed25519.privateKey, said, null))
    assert.deepEqual(await verdicts(signed, [ed25519Key(ed25519.publicKey)]), [
      'good: built by https://example.org/builder',
    ])
  })

  it('is refused for another file', async () => {
    const signed = keyBundle(ecdsa.publicKey, messageSignature(ecdsa.privateKey, release))
    assert.match(
      (await verdicts(signed, [ecdsaKey(ecdsa.publicKey)], otherFile))[0] ?? '',
      /^bad-signature: hint/,
    )
    const said = keyBundle(
      ecdsa.publicKey,
      dsseEnvelope(ecdsa.privateKey, statement({ sha256: hashOf(release) })),
    )
    assert.deepEqual(await verdicts(said, [ecdsaKey(ecdsa.publicKey)], otherFile), [
      'bad-signature: not about this file: none of its subjects has its hash',
    ])
  })

  it("by another key is a forgery if its hint names the key, or else a stranger's", async () => {
    const content = messageSignature(ecdsaPair().privateKey, release)
    const key = ecdsaKey(ecdsa.publicKey)
    const forged = keyBundle(ecdsa.publicKey, content)
    assert.match((await verdicts(forged, [key]))[0] ?? '', /^bad-signature/)
    assert.match(
      (await verdicts(keyBundle(ecdsa.publicKey, content, key.label), [key]))[0] ?? '',
      /^bad-signature/,
    )
    assert.deepEqual(await verdicts(keyBundle(ecdsa.publicKey, content, '\u001b[2J'), [key]), [
      'unknown-signer: hint "\\u{1b}[2J"',
    ])
  })

  it('is matched by the key, not by the hint, which can be any text', async () => {
    const content = messageSignature(ecdsa.privateKey, release)
    const keys = [ecdsaKey(ecdsaPair().publicKey), ecdsaKey(ecdsa.publicKey)]
    for (const hint of ['', 'another key', idOf(ed25519.publicKey).toString('base64')]) {
      const [first, second] = await verdicts(keyBundle(ecdsa.publicKey, content, hint), keys)
      assert.match(first ?? '', /^unknown-signer/)
      assert.equal(second, 'good: the file itself')
    }
  })

  it('is not accepted for points of small order, whatever the policy says', async () => {
    const identityPoint = Buffer.concat([Buffer.of(1), Buffer.alloc(31)])
    const key = createPublicKey({
      format: 'jwk',
      key: { kty: 'OKP', crv: 'Ed25519', x: identityPoint.toString('base64url') },
    })
    const signature = Buffer.concat([identityPoint, Buffer.alloc(32)]).toString('base64')
    const content = { messageSignature: { messageDigest: {}, signature } }
    assert.match(
      (await verdicts(keyBundle(key, content as Content), [ed25519Key(key)]))[0] ?? '',
      /^bad-signature/,
    )
  })

  it('is not tried with keys that sign something else', async () => {
    const signed = keyBundle(ed25519.publicKey, ed25519Message(ed25519.privateKey) as Content)
    const others = (['nix', 'minisign', 'signify'] as const).map(form =>
      ed25519Key(ed25519.publicKey, { form }),
    )
    const securityKey = ed25519Key(ed25519.publicKey, { form: 'ssh', application: 'ssh:' })
    assert.deepEqual(await verdicts(signed, [...others, securityKey]), [])
  })

  it('is tried with SSH keys, and only counts if the policy says so', async () => {
    const said = statement({ sha256: hashOf(release) })
    const signed = keyBundle(ed25519.publicKey, ed25519Message(ed25519.privateKey) as Content)
    const stated = keyBundle(ed25519.publicKey, dsseEnvelope(ed25519.privateKey, said, null))
    const ssh = (namespaces?: readonly string[]) =>
      ed25519Key(ed25519.publicKey, { form: 'ssh', ...(namespaces && { namespaces }) })
    const unacceptable =
      'unacceptable: an SSH key signs Sigstore bundles only if its namespaces have "sigstore-bundle"'
    for (const key of [ssh(), ssh(['file']), ssh(['file', 'nixsig', 'git'])]) {
      assert.deepEqual(await verdicts(signed, [key]), [unacceptable])
      assert.deepEqual(await verdicts(stated, [key]), [unacceptable])
      assert.match((await verdicts(signed, [key], otherFile)).join(), /^bad-signature/)
    }
    assert.deepEqual(await verdicts(signed, [ssh(['sigstore-bundle'])]), ['good: the file itself'])
    assert.deepEqual(await verdicts(stated, [ssh(['file', 'sigstore-bundle'])]), [
      'good: built by https://example.org/builder',
    ])
  })

  it('must not have a certificate, even if a listed key made it', async () => {
    const instance = makeInstance()
    const content = messageSignature(ecdsa.privateKey, release)
    const certified = loggedBundle(instance, content, { publicKey: ecdsa.publicKey })
    assert.deepEqual(await verdicts(certified, [ecdsaKey(ecdsa.publicKey)]), [
      'unknown-signer: alice@example.org by https://accounts.example.org',
    ])
  })

  it("is not a signature over a file if it is nixsig's own, over a store path", async () => {
    const said = dsseEnvelope(
      ed25519.privateKey,
      statement({ sha256: hashOf(release), nixNarSha256: hashOf(release) }),
      null,
    )
    const line = JSON.stringify({
      ...said.dsseEnvelope,
      signatures: said.dsseEnvelope.signatures.map(({ sig }) => ({ keyid: 'SHA256:test', sig })),
    })
    const own = sigstoreBundle(printEnvelope(parseEnvelope(line)), 'SHA256:test')
    assert.deepEqual(await verdicts(own, [ed25519Key(ed25519.publicKey)]), [
      'bad-signature: not about this file: the digests of its subject contradict each other',
    ])
  })

  it('attack: digests by the names of what every object has are of no known algorithm', async () => {
    for (const name of ['constructor', 'toString', 'valueOf', 'hasOwnProperty']) {
      const key = [ed25519Key(ed25519.publicKey)]
      const of = (digests: Record<string, string>) =>
        keyBundle(ed25519.publicKey, dsseEnvelope(ed25519.privateKey, statement(digests), null))
      assert.deepEqual(await verdicts(of({ sha256: hashOf(release), [name]: 'x' }), key), [
        'good: built by https://example.org/builder',
      ])
      assert.deepEqual(await verdicts(of({ [name]: 'x' }), key), [
        'bad-signature: not about this file: none of its subjects has its hash',
      ])
    }
  })

  function hashOf(bytes: Buffer): string {
    const { digest } = messageSignature(ecdsa.privateKey, bytes).messageSignature.messageDigest
    return Buffer.from(digest, 'base64').toString('hex')
  }
})

describe('the form of a bundle', () => {
  const good = keyBundle(ecdsa.publicKey, messageSignature(ecdsa.privateKey, release))
  const text = JSON.stringify(good)
  const key = ecdsaKey(ecdsa.publicKey)
  const material = (change: object) => ({
    ...good,
    verificationMaterial: { ...good.verificationMaterial, ...change },
  })

  it('is accepted in all three versions, and with unset fields written as null', async () => {
    for (const mediaType of [
      'application/vnd.dev.sigstore.bundle+json;version=0.1',
      'application/vnd.dev.sigstore.bundle+json;version=0.2',
      'application/vnd.dev.sigstore.bundle+json;version=0.3',
    ]) {
      assert.deepEqual(await verdicts({ ...good, mediaType }, [key]), ['good: the file itself'])
    }
    const nulls = { ...material({ timestampVerificationData: null, certificate: null }), dsseEnvelope: null }
    assert.deepEqual(await verdicts(nulls, [key]), ['good: the file itself'])
  })

  const refused: readonly (readonly [string, object | string, RegExp])[] = [
    [
      'a repeated field',
      text.replace('"messageSignature"', '"mediaType":"x","messageSignature"'),
      /repeated/,
    ],
    [
      'a repeated field deep inside',
      text.replace('"hint"', '"hint":"other","hint"'),
      /key "hint" is repeated/,
    ],
    ['an unknown field', { ...good, extra: 1 }, /unknown field "extra"/],
    ['a field in the other spelling', text.replace('mediaType', 'media_type'), /unknown field "media_type"/],
    [
      'another version',
      { ...good, mediaType: 'application/vnd.dev.sigstore.bundle.v0.4+json' },
      /not a bundle/,
    ],
    ['two contents', { ...good, ...dsseEnvelope(ecdsa.privateKey, {}) }, /must have one of messageSignature/],
    ['no content', { ...good, messageSignature: null }, /must have one of messageSignature/],
    ['two signers', material({ certificate: { rawBytes: 'AAAA' } }), /must have one of certificate/],
    ['no signer', material({ publicKey: null }), /must have one of certificate/],
    ['a digest of another length', text.replace('SHA2_256', 'SHA2_512'), /must have 64 bytes/],
    ['half a digest', text.replace(/"digest":"[^"]*"/, '"digest":null'), /must be a string/],
    ['an empty signature', text.replace(/"signature":"[^"]*"/, '"signature":""'), /must not be empty/],
    ['base64 of the other alphabet', text.replace(/"signature":"[^"]/, '"signature":"_'), /base64/],
    ['something after it', `${text} {}`, /something follows/],
    ['only its beginning', '{', /JSON/],
    ['more than fits', `${text}${' '.repeat(256 * 1024)}`, /more than 262144 bytes/],
  ]
  for (const [what, signature, reason] of refused) {
    it(`is refused with ${what}`, async () => {
      await assert.rejects(verdicts(signature, [key]), error => {
        assert.ok(error instanceof FormatError)
        assert.match(error.message, reason)
        return true
      })
    })
  }

  it('is refused with two signatures on a statement', async () => {
    const said = dsseEnvelope(ecdsa.privateKey, statement({ sha256 }))
    said.dsseEnvelope.signatures.push({ sig: 'AAAA' })
    await assert.rejects(verdicts(keyBundle(ecdsa.publicKey, said), [key]), /must have one signature/)
  })

  it('is refused with a certificate and no digest, which its log could not have recorded', async () => {
    const certificate = certify(makeInstance(), { publicKey: ed25519.publicKey })
    const content = ed25519Message(ed25519.privateKey) as Content
    await assert.rejects(verdicts(bundle(certificate, content, []), [key]), /must say which digest/)
  })
})
