/**
 * Documents that hold Sigstore bundles, forgeries of real ones, and files that are not signatures.
 */
import { strict as assert } from 'node:assert'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { outcomeOf } from '../../src/crypto/detached/severity.ts'
import { verifyDetached } from '../../src/crypto/detached/verify.ts'
import { otherThanSignature } from '../../src/formats/not-a-signature.ts'
import { parseSigstoreBundle } from '../../src/formats/sigstore/bundle.ts'
import { looksLikeSigstoreDocument, parseSigstoreDocument } from '../../src/formats/sigstore/documents.ts'
import { sigstoreIdentity } from '../../src/policy/language/sigstore-key.ts'
import type { SigstoreKey } from '../../src/policy/policy.ts'
import { FormatError } from '../../src/primitives/format-error.ts'
import { formatTarget, refusalOf, type Target } from '../target.ts'

const VECTORS = join(PROJECT_ROOT, 'test/vectors/sigstore')
const FILE = join(VECTORS, 'sigstore-2.0.0.tgz')
const BUNDLE = readFileSync(`${FILE}.sigstore.json`)
const GENUINE = parseSigstoreBundle(BUNDLE)
const REAL = JSON.parse(BUNDLE.toString('utf8'))
const LINE = JSON.stringify(REAL)
const { verificationMaterial, dsseEnvelope } = REAL

const PYPI = {
  version: 1,
  verification_material: {
    certificate: verificationMaterial.x509CertificateChain.certificates[0].rawBytes,
    transparency_entries: verificationMaterial.tlogEntries,
  },
  envelope: { statement: dsseEnvelope.payload, signature: dsseEnvelope.signatures[0].sig },
}

/** As cosign writes it with a key; the numbers mean nothing. */
const BARE = `${Buffer.from(`30440220${'11'.repeat(32)}0220${'22'.repeat(32)}`, 'hex').toString('base64')}\n`
const PEM = Buffer.from('-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n').toString('base64')
const BODY = JSON.stringify({
  apiVersion: '0.0.1',
  kind: 'hashedrekord',
  spec: {
    data: { hash: { algorithm: 'sha256', value: 'a'.repeat(64) } },
    signature: {
      content: 'AAAA',
      publicKey: {
        content: PEM,
      },
    },
  },
})
const OLD_COSIGN = JSON.stringify({
  base64Signature: 'AAAA',
  cert: PEM,
  rekorBundle: {
    SignedEntryTimestamp: 'AAAA',
    Payload: {
      body: Buffer.from(BODY).toString('base64'),
      integratedTime: 1600000000,
      logIndex: 1,
      logID: 'ab'.repeat(32),
    },
  },
})

const SEEDS: readonly string[] = [
  LINE,
  `${LINE}\n${LINE}\n`,
  JSON.stringify({ attestations: [{ predicateType: 'x', bundle: REAL }] }),
  JSON.stringify([{ attestation: { bundle: REAL }, verificationResult: {} }]),
  JSON.stringify(PYPI),
  JSON.stringify({
    version: 1,
    attestation_bundles: [{ publisher: { kind: 'GitHub' }, attestations: [PYPI] }],
  }),
  OLD_COSIGN,
  BARE,
]

const TOKENS: readonly string[] = [
  '{',
  '}',
  '[',
  ']',
  ',',
  '\n',
  'null',
  '0',
  '{}',
  '[]',
  '"attestations":',
  '"bundle":',
  '"attestation_bundles":',
  '"verification_material":',
  '"base64Signature":',
  '"mediaType":',
]

const SIGNER: SigstoreKey = {
  kind: 'sigstore',
  ...sigstoreIdentity(
    'https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main',
    'https://token.actions.githubusercontent.com',
  ),
  trustedRoot: join(VECTORS, 'trusted_root.json'),
}

/** Whatever document verifies has the original certificate with the original statement in it. */
const FORGED: Target = {
  name: 'forged sigstore document',
  seeds: SEEDS.slice(0, 6).map(seed => Buffer.from(seed)),
  tokens: TOKENS,
  check: async input => {
    try {
      const results = await verifyDetached({ file: FILE, signature: input, keys: [SIGNER] })
      if (outcomeOf(results) !== 'good') return outcomeOf(results)
      const certificateOf = ({ material }: typeof GENUINE) =>
        material.kind === 'certificate' ? Buffer.from(material.certificate) : undefined
      const isGenuine = parseSigstoreDocument(input).some(
        each =>
          isDeepStrictEqual(certificateOf(each), certificateOf(GENUINE)) &&
          isDeepStrictEqual(each.content, GENUINE.content),
      )
      assert.ok(isGenuine, 'another statement or certificate verifies')
      return 'good'
    } catch (error) {
      return refusalOf(error, [FormatError])
    }
  },
}

export const SIGSTORE_DOCUMENTS: readonly Target[] = [
  formatTarget({
    name: 'sigstore document',
    seeds: SEEDS,
    tokens: TOKENS,
    read: parseSigstoreDocument,
    also: (bundles, input) => {
      assert.ok(bundles.length > 0 && bundles.length <= 32, 'none, or too many')
      assert.ok(
        bundles.every(({ content }) => content.signature.length > 0),
        'a bundle without a signature',
      )
      const isFound = looksLikeSigstoreDocument(input)
      assert.ok(isFound || /^\s{64}/.test(Buffer.from(input).toString('latin1')), 'it is not recognised')
    },
  }),
  formatTarget({
    name: 'file that is no signature',
    seeds: [
      ...SEEDS,
      '-----BEGIN SIGNED MESSAGE-----\nBgorBgEEAYO/MAEB\n-----END SIGNED MESSAGE-----\n',
      'text\n-----BEGIN PGP SIGNED MESSAGE-----\n',
      '{"signed":{},"signatures":[]}',
      '<!doctype html>',
      '\0\0\0\x20\x01\x01\0\x02KBXf',
    ],
    tokens: [...TOKENS, '-----BEGIN ', 'CERTIFICATE-----', 'PUBLIC KEY-----', '-----\n', '"payload"', 'KBXf'],
    read: otherThanSignature,
    also: other =>
      assert.ok(other === undefined || (other.what !== '' && other.next !== ''), 'without words'),
  }),
  FORGED,
]
