/** Sigstore bundles and their contents, and forgeries of a real one. */
import { strict as assert } from 'node:assert'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { verifyDetached } from '../../src/crypto/detached/verify.ts'
import { parseFileStatement } from '../../src/formats/in-toto/file-statement.ts'
import { readAuthorityChain } from '../../src/formats/sigstore/authority-chain.ts'
import { parseSigstoreBundle } from '../../src/formats/sigstore/bundle.ts'
import { parseSigstoreCertificate } from '../../src/formats/sigstore/certificate.ts'
import { parseLogBody } from '../../src/formats/sigstore/log-body.ts'
import { checkTrustedRoot } from '../../src/formats/sigstore/trusted-root.ts'
import { sigstoreIdentity } from '../../src/policy/language/sigstore-key.ts'
import type { SigstoreKey } from '../../src/policy/policy.ts'
import { FormatError } from '../../src/primitives/format-error.ts'
import { formatTarget, refusalOf, type Target } from '../target.ts'

const VECTORS = join(PROJECT_ROOT, 'test/vectors/sigstore')
const FILE = join(VECTORS, 'sigstore-2.0.0.tgz')
const BUNDLE = readFileSync(`${FILE}.sigstore.json`)
const TRUSTED_ROOT = join(VECTORS, 'trusted_root.json')

const GENUINE = parseSigstoreBundle(BUNDLE)
const { material, content } = GENUINE
const [ENTRY] = GENUINE.entries
assert.ok(material.kind === 'certificate' && content.kind === 'envelope' && ENTRY)
const { certificate } = material

/** A bundle as cosign makes it with a key. */
const KEY_BUNDLE =
  '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"x"},' +
  '"tlogEntries":[],"timestampVerificationData":{"rfc3161Timestamps":[]}},' +
  '"messageSignature":{"messageDigest":{},"signature":"AAAA"}}'

const AUTHORITIES: readonly Uint8Array[] = JSON.parse(
  readFileSync(TRUSTED_ROOT, 'utf8'),
).certificateAuthorities.flatMap(({ certChain }: { certChain: { certificates: { rawBytes: string }[] } }) =>
  certChain.certificates.map(({ rawBytes }) => Buffer.from(rawBytes, 'base64')),
)

const JSON_TOKENS: readonly string[] = [
  '{',
  '}',
  '[',
  ']',
  ':',
  ',',
  '"',
  'null',
  '0',
  '""',
  '{}',
  '[]',
  '\\u0041',
]
const DER_TOKENS: readonly string[] = ['\x30\x80', '\x30\x00', '\x30\x82', '\x06\x03', '\x04\x84', '\xa3\x82']

const SIGNER: SigstoreKey = {
  kind: 'sigstore',
  ...sigstoreIdentity(
    'https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main',
    'https://token.actions.githubusercontent.com',
  ),
  trustedRoot: TRUSTED_ROOT,
}

/**
 * Another bundle beside a signed file: what verifies must have the original certificate and
 * statement.
 */
const FORGED_BUNDLE: Target = {
  name: 'forged sigstore bundle',
  seeds: [BUNDLE],
  tokens: [...JSON_TOKENS, '"inclusionProof"', '"inclusionPromise"', 'version=0.2', '\\n\\n', '\\u2014 '],
  check: async input => {
    try {
      const [result] = await verifyDetached({ file: FILE, signature: input, keys: [SIGNER] })
      if (result?.outcome !== 'good') return `${result?.outcome}`
      const bundle = parseSigstoreBundle(input)
      assert.ok(isDeepStrictEqual(bundle.material, material), 'another certificate verifies')
      assert.ok(isDeepStrictEqual(bundle.content, content), 'another statement verifies')
      return 'good'
    } catch (error) {
      return refusalOf(error, [FormatError])
    }
  },
}

export const SIGSTORE: readonly Target[] = [
  formatTarget({
    name: 'sigstore bundle',
    seeds: [BUNDLE, KEY_BUNDLE],
    tokens: [...JSON_TOKENS, '"hint":""', '"x509CertificateChain"', '"publicKey"', '"SHA2_256"', 'AAAA'],
    read: parseSigstoreBundle,
    also: ({ content: read }) => assert.ok(read.signature.length > 0, 'a bundle without a signature'),
  }),
  formatTarget({
    name: 'sigstore certificate',
    seeds: [certificate],
    tokens: DER_TOKENS,
    read: parseSigstoreCertificate,
    also: ({ subject, issuer }) => assert.ok(subject !== '' && issuer !== '', 'a certificate of nobody'),
  }),
  formatTarget({
    name: 'sigstore authority',
    seeds: AUTHORITIES,
    tokens: [
      ...DER_TOKENS,
      '\x55\x1d\x1e',
      '\x55\x1d\x25',
      '\x01\x01\xff',
      '\x81\x0bexample.org',
      '\xa0\x0d',
    ],
    read: der => readAuthorityChain([der], 'certificates', certificate),
  }),
  formatTarget({
    name: 'sigstore log entry',
    seeds: [ENTRY.body],
    tokens: JSON_TOKENS,
    read: body => parseLogBody({ ...ENTRY, body }),
  }),
  formatTarget({
    name: 'sigstore trusted root',
    seeds: [readFileSync(TRUSTED_ROOT)],
    tokens: [...JSON_TOKENS, '"validFor"', '"start"', '"end"', '2022-02-30T00:00:00Z'],
    read: checkTrustedRoot,
  }),
  formatTarget({
    name: 'file statement',
    seeds: [content.payload],
    tokens: [...JSON_TOKENS, '"sha256"', '"digest"', '"subject"', '1e5', '0.5'],
    read: parseFileStatement,
    also: ({ subjects }) => assert.ok(subjects.length > 0, 'a statement about nothing'),
  }),
  FORGED_BUNDLE,
]
