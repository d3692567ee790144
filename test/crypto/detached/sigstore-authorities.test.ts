// Authorities of a trusted root that must not be used, although the signatures along their chains
// are right.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { verifyDetached } from '../../../src/crypto/detached/verify.ts'
import { sigstoreIdentity } from '../../../src/policy/language/sigstore-key.ts'
import { bits, der, number, objectIdentifier, octets, sequence, yes } from '../../support/der.ts'
import {
  ALICE,
  AUTHORITY,
  bundle,
  certify,
  type Extension,
  ecdsaPair,
  emailName,
  ISSUER,
  logBody,
  logEntry,
  loggedBundle,
  makeInstance,
  messageSignature,
  trustedRoot,
  uriName,
} from '../../support/sigstore.ts'
import {
  FOR_TIMESTAMPS,
  logEntryV2,
  signatureOf,
  timestamp,
  trustedRootWithTimestamps,
} from '../../support/sigstore-v2.ts'

const dir = mkdtempSync('/tmp/nixsig-authorities-')
after(() => rmSync(dir, { recursive: true, force: true }))
const release = Buffer.from('what is released\n')
writeFileSync(join(dir, 'file'), release)
const instance = makeInstance()
const { publicKey, privateKey } = ecdsaPair()
const content = messageSignature(privateKey, release)

async function verdict(root: string, signature: object, subject = ALICE): Promise<string> {
  writeFileSync(join(dir, 'root.json'), root)
  const key = {
    kind: 'sigstore',
    ...sigstoreIdentity(subject, ISSUER),
    trustedRoot: join(dir, 'root.json'),
  } as const
  const [result] = await verifyDetached({
    file: join(dir, 'file'),
    signature: Buffer.from(JSON.stringify(signature)),
    keys: [key],
  })
  return `${result?.outcome}: ${result?.detail}`
}

const [CONSTRAINTS, USAGE] = AUTHORITY as [Extension, Extension]
const purposes = (...names: readonly string[]): Extension => ({
  name: '2.5.29.37',
  value: sequence(...names.map(objectIdentifier)),
})
const [CODE_SIGNING, TIMESTAMPS, ANY] = ['1.3.6.1.5.5.7.3.3', '1.3.6.1.5.5.7.3.8', '2.5.29.37.0'] as const

/** Name constraints with one subtree in `permitted` (0xa0) or `excluded` (0xa1). */
const names = (tag: number, name: Buffer, ...more: readonly Buffer[]): Extension => ({
  name: '2.5.29.30',
  value: sequence(der(tag, sequence(name, ...more))),
  critical: true,
})
const permitted = (text: string) => names(0xa0, emailName(text))
const excluded = (text: string) => names(0xa1, emailName(text))

describe('a certificate authority', () => {
  const signature = loggedBundle(instance, content, { publicKey })
  const judged = (extensions: readonly Extension[]) =>
    verdict(trustedRoot(instance, undefined, extensions), signature)

  const good: Readonly<Record<string, readonly Extension[]>> = {
    'with no more than the basic constraints': AUTHORITY,
    'for signing code': [...AUTHORITY, purposes(CODE_SIGNING)],
    'for everything': [...AUTHORITY, purposes(ANY)],
    'with no authority below it allowed': [{ ...CONSTRAINTS, value: sequence(yes, number(0)) }, USAGE],
    'without a key usage': [CONSTRAINTS],
    'with an extension that is not critical': [
      ...AUTHORITY,
      { name: '1.2.3.4.5', value: octets(Buffer.of(1)) },
    ],
    'for the host of the address': [...AUTHORITY, permitted('example.org')],
    'for the host in capitals': [...AUTHORITY, permitted('Example.ORG')],
    'for the address itself': [...AUTHORITY, permitted(ALICE)],
    'for all hosts below a domain': [...AUTHORITY, permitted('.org')],
    'for addresses of all kinds': [...AUTHORITY, permitted('')],
    'for names of another kind': [...AUTHORITY, names(0xa0, uriName('corp.test'))],
    'not for another host': [...AUTHORITY, excluded('corp.test')],
    'not for another address': [...AUTHORITY, excluded('bob@example.org')],
  }
  for (const [title, extensions] of Object.entries(good)) {
    it(`${title} certifies`, async () => assert.match(await judged(extensions), /^good/))
  }

  const refused: Readonly<Record<string, readonly [readonly Extension[], RegExp]>> = {
    'with an unknown critical extension': [
      [...AUTHORITY, { name: '1.2.3.4.5', value: octets(Buffer.of(1)), critical: true }],
      /unknown critical extension 1\.2\.3\.4\.5/,
    ],
    'with critical constraints of policies': [
      [...AUTHORITY, { name: '2.5.29.36', value: sequence(), critical: true }],
      /unknown critical extension 2\.5\.29\.36/,
    ],
    'with a repeated extension': [[...AUTHORITY, USAGE], /is there twice/],
    'for another host': [
      [...AUTHORITY, permitted('corp.test')],
      /name constraints do not allow "alice@example\.org"/,
    ],
    'for a host below': [[...AUTHORITY, permitted('mail.example.org')], /name constraints do not allow/],
    'for a host that ends alike': [[...AUTHORITY, permitted('ample.org')], /name constraints do not allow/],
    'for hosts below the host': [[...AUTHORITY, permitted('.example.org')], /name constraints do not allow/],
    'for another address there': [
      [...AUTHORITY, permitted('bob@example.org')],
      /name constraints do not allow/,
    ],
    'for an address in other letters': [
      [...AUTHORITY, permitted('Alice@example.org')],
      /name constraints do not allow/,
    ],
    'not for the host': [[...AUTHORITY, excluded('example.org')], /name constraints do not allow/],
    'not for the domain': [[...AUTHORITY, excluded('org')], /name constraints do not allow/],
    'not for the address': [[...AUTHORITY, excluded(ALICE)], /name constraints do not allow/],
    'not for any address': [[...AUTHORITY, excluded('')], /name constraints do not allow/],
    'with constraints that are not critical': [
      [...AUTHORITY, { ...permitted('corp.test'), critical: false }],
      /name constraints do not allow/,
    ],
    'with constraints on names of directories': [
      [...AUTHORITY, names(0xa0, der(0xa4, sequence()))],
      /a kind that is not compared/,
    ],
    'with constraints of a depth': [
      [...AUTHORITY, names(0xa0, emailName('example.org'), der(0x80, Buffer.of(1)))],
      /with a depth/,
    ],
    'with empty constraints': [
      [...AUTHORITY, { name: '2.5.29.30', value: sequence(), critical: true }],
      /name constraints of an unknown form/,
    ],
    'for timestamps': [[...AUTHORITY, purposes(TIMESTAMPS)], /not for signing code \(extended key usage\)/],
    'for no purpose': [[...AUTHORITY, purposes()], /not for signing code/],
    'that is not one': [[USAGE], /not an authority \(basic constraints\)/],
    'that states that it is not one': [[{ ...CONSTRAINTS, value: sequence() }, USAGE], /not an authority/],
    'with a key that is not for certificates': [
      [CONSTRAINTS, { ...USAGE, value: bits(Buffer.of(0x80), 7) }],
      /not for signing certificates/,
    ],
    'without any extension': [[], /./],
  }
  for (const [title, [extensions, reason]] of Object.entries(refused)) {
    it(`attack: ${title} certifies nobody`, async () => {
      const said = await judged(extensions)
      assert.match(said, /^bad-signature: .*certificate authority 1 of the trusted root cannot be used: /)
      assert.match(said, reason)
    })
  }

  it('is ignored if another one of the root issued the certificate', async () => {
    const root = JSON.parse(trustedRoot(instance))
    const other = JSON.parse(trustedRoot(makeInstance(), undefined, [...AUTHORITY, permitted('corp.test')]))
    root.certificateAuthorities.unshift(...other.certificateAuthorities)
    assert.match(await verdict(JSON.stringify(root), signature), /^good/)
  })

  it('attack: a name constraint on URIs is applied to hosts, and to URIs without one', async () => {
    for (const [subject, host, isAllowed] of [
      ['https://example.org/a@refs/tags/v1', 'example.org', true],
      ['https://ci.example.org:8080/a', '.example.org', true],
      ['https://example.org@evil.test/a', 'example.org', false],
      ['https://example.org.evil.test/a', 'example.org', false],
      ['urn:example.org', 'example.org', false],
      ['https://192.0.2.1/a', '192.0.2.1', false],
    ] as const) {
      const by = loggedBundle(instance, content, { publicKey, subject: [uriName(subject)] })
      const root = trustedRoot(instance, undefined, [...AUTHORITY, names(0xa0, uriName(host))])
      assert.equal((await verdict(root, by, subject)).startsWith('good'), isAllowed, subject)
    }
  })
})

describe('a timestamp authority', () => {
  const timestamper = ecdsaPair()
  const certificate = certify(instance, { publicKey })
  const entries = [logEntryV2(instance, content, certificate, release)]
  const signature = bundle(certificate, content, entries)
  const response = timestamp(timestamper, Buffer.from(signatureOf(content), 'base64'))
  signature.verificationMaterial.timestampVerificationData.rfc3161Timestamps = [
    { signedTimestamp: response.toString('base64') },
  ]
  const judged = (extensions: readonly Extension[]) =>
    verdict(trustedRootWithTimestamps(instance, timestamper, extensions), signature)

  it('for timestamps alone gives the time', async () => {
    assert.match(await judged(FOR_TIMESTAMPS), /^good/)
    assert.match(await judged([...FOR_TIMESTAMPS, { ...USAGE, value: bits(Buffer.of(0x80), 7) }]), /^good/)
  })

  const critical = (...purpose: readonly string[]) => ({ ...purposes(...purpose), critical: true })
  const refused: Readonly<Record<string, readonly [readonly Extension[], RegExp]>> = {
    'for signing code': [[critical(CODE_SIGNING)], /not for timestamps alone/],
    'for signing code as well': [[critical(TIMESTAMPS, CODE_SIGNING)], /not for timestamps alone/],
    'for everything': [[critical(ANY)], /not for timestamps alone/],
    'without a purpose': [[], /not for timestamps alone/],
    'whose purpose is not critical': [[purposes(TIMESTAMPS)], /not for timestamps alone/],
    'with an unknown critical extension': [
      [...FOR_TIMESTAMPS, { name: '1.2.3', value: octets(Buffer.of(1)), critical: true }],
      /unknown critical extension 1\.2\.3/,
    ],
    'that is an authority': [[...FOR_TIMESTAMPS, CONSTRAINTS], /an authority that signs timestamps itself/],
    'with a key for certificates only': [[...FOR_TIMESTAMPS, USAGE], /its key is not for signatures/],
  }
  for (const [title, [extensions, reason]] of Object.entries(refused)) {
    it(`attack: ${title} attests no time`, async () => {
      const said = await judged(extensions)
      assert.match(said, /^bad-signature: .*timestamp authority 1 of the trusted root cannot be used: /)
      assert.match(said, reason)
    })
  }
})

describe('the state of a log', () => {
  const certificate = certify(instance, { publicKey })
  const root = trustedRoot(instance)
  const judged = (naming: { readonly origin?: string; readonly name?: string }) =>
    verdict(
      root,
      bundle(certificate, content, [logEntry(instance, logBody(content, certificate), undefined, naming)]),
    )

  it('is signed with its name, and with the id of its tree if it has one', async () => {
    assert.match(await judged({}), /^good/)
    assert.match(await judged({ origin: 'rekor.test - 2605736670972794746' }), /^good/)
  })

  for (const naming of [
    { name: 'rekor' },
    { name: 'test' },
    { name: '.' },
    { name: 'rekor.test/' },
    { name: 'Rekor.test' },
    { name: 'other.test' },
    { origin: 'other.test' },
    { origin: 'rekor.test.evil' },
    { origin: 'rekor.test - x' },
    { origin: 'rekor.test - 1 - 2' },
    { origin: 'other.test - 1', name: 'other.test' },
  ]) {
    it(`attack: is not signed as ${JSON.stringify(naming)}`, async () => {
      assert.match(
        await judged(naming),
        /^bad-signature: checkpoint: is signed under another name than the log has/,
      )
    })
  }
})
