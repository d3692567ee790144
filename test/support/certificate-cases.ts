/**
 * Certificate files with more in them than one well-ordered certificate, and the result of a
 * signature with each.
 */
import type { OpenPgpResult } from '../../src/crypto/openpgp/conclude.ts'
import {
  binding,
  certificate,
  direct,
  FLAGS,
  flags,
  keyOfSeed,
  lifetimeOfKey,
  lifetimeOfSignature,
  type MadeKey,
  type SignatureOptions,
  signaturePacket,
  subkeyPacket,
  subkeyRevocation,
  TYPE,
  userId,
  userRevocation,
  withoutSecret,
} from './openpgp-maker.ts'

export const SIGNED = Buffer.from('what was released\n')

export interface CertificateCase {
  readonly what: string
  readonly fingerprint: string
  readonly file: Buffer
  readonly signature: Buffer
  readonly kind: OpenPgpResult['kind']
  readonly detail?: RegExp
  /** Set if it needs tools that support RFC 9580. */
  readonly isNew?: true
  /** Set if only gpgv cannot decide it. */
  readonly gpgv?: 'unreadable'
}

const in20 = (year: number, month = 1) => Date.UTC(2000 + year, month - 1) / 1000
const YEAR = 365 * 86400
const BOTH = flags(FLAGS.certify | FLAGS.sign)
const SIGN = flags(FLAGS.sign)
const MADE: SignatureOptions = { created: in20(20), subpackets: [BOTH] }
const lasting = (years: number, created = in20(20)): SignatureOptions => ({
  created,
  subpackets: [BOTH, lifetimeOfKey(years * YEAR)],
})
const signing = (years: number, created = in20(20)): SignatureOptions => ({
  created,
  subpackets: [SIGN, lifetimeOfKey(years * YEAR)],
})

const alice = keyOfSeed(in20(20), 'alice')
const signer = keyOfSeed(in20(20), 'subkey of alice')
const pat = keyOfSeed(in20(20), 'pat')
const stranger = keyOfSeed(in20(20), 'stranger')
const six = keyOfSeed(in20(20), 'six', 6)
const signerOfSix = keyOfSeed(in20(20), 'subkey of six', 6)

/** Alice's certificate: one user id and a signing subkey, each with its end. */
const own = (
  key: SignatureOptions = MADE,
  subkey: SignatureOptions = { created: in20(20), subpackets: [SIGN] },
) => certificate(alice, userId(alice, 'alice', key), subkeyPacket(signer), binding(alice, signer, subkey))
const ofPat = certificate(pat, userId(pat, 'pat', MADE))
const ofSix = certificate(
  six,
  direct(six, MADE),
  userId(six, 'six', MADE),
  subkeyPacket(signerOfSix),
  binding(six, signerOfSix, signing(1)),
)

const sign = (key: MadeKey) => signaturePacket(key, TYPE.file, SIGNED, { created: in20(20, 6) })
const REVOKED: SignatureOptions = { created: in20(22) }
const revocation = (key: MadeKey, options = REVOKED) => direct(key, options, TYPE.keyRevocation)
const bySubkey = { fingerprint: alice.fingerprint, signature: sign(signer) }
const byAlice = { fingerprint: alice.fingerprint, signature: sign(alice) }
const byPat = { fingerprint: pat.fingerprint, signature: sign(pat) }
const bySix = { fingerprint: six.fingerprint, signature: sign(signerOfSix), isNew: true } as const

/**
 * Alice's certificate with a direct-key signature that extends her key's life, and its revocation.
 */
const withDirect = (...revocations: readonly Buffer[]) =>
  certificate(alice, direct(alice, lasting(60)), ...revocations, userId(alice, 'alice', lasting(1)))
const ofDirect = (options = REVOKED) => direct(alice, options, TYPE.userRevocation)

const REVOCATIONS: readonly CertificateCase[] = [
  {
    what: 'a revocation of what the key said of itself, which a user id says as well',
    ...byAlice,
    file: certificate(alice, direct(alice, MADE), ofDirect(), userId(alice, 'alice', MADE)),
    kind: 'good',
  },
  {
    what: 'a direct-key signature that prolongs the key',
    ...byAlice,
    file: withDirect(),
    kind: 'good',
  },
  {
    what: 'a direct-key signature that prolonged the key, and was revoked',
    ...byAlice,
    file: withDirect(ofDirect()),
    kind: 'expired-since',
  },
  {
    what: 'a revocation of a direct-key signature behind a user id',
    ...byAlice,
    file: Buffer.concat([withDirect(), ofDirect()]),
    kind: 'expired-since',
  },
  {
    what: 'a made-up revocation of a direct-key signature',
    ...byAlice,
    file: withDirect(direct(withoutSecret(alice), REVOKED, TYPE.userRevocation)),
    kind: 'revoked-key',
    detail: /does not verify/,
  },
  {
    what: 'a revocation behind the last subkey',
    ...byAlice,
    file: Buffer.concat([own(), revocation(alice)]),
    kind: 'revoked-key',
    detail: /^key [0-9A-F]{40} is revoked$/,
  },
  {
    what: 'a revocation behind a user id',
    ...byAlice,
    file: Buffer.concat([certificate(alice, userId(alice, 'alice', MADE)), revocation(alice)]),
    kind: 'revoked-key',
  },
  {
    what: 'a revocation that does not say whose it is',
    ...byAlice,
    file: Buffer.concat([own(), revocation(alice, { ...REVOKED, isAnonymous: true })]),
    kind: 'revoked-key',
  },
  {
    what: 'a revocation of the key behind another certificate',
    ...byAlice,
    file: Buffer.concat([own(), ofPat, revocation(alice)]),
    kind: 'revoked-key',
  },
  {
    what: 'a revocation of another key of the file',
    ...byPat,
    file: Buffer.concat([own(), ofPat, revocation(alice)]),
    kind: 'good',
  },
  {
    what: 'a made-up revocation of another key of the file',
    ...byPat,
    file: Buffer.concat([own(), ofPat, revocation(withoutSecret(alice))]),
    kind: 'good',
  },
  {
    what: 'a made-up revocation in the name of the key',
    ...byAlice,
    file: Buffer.concat([own(), revocation(withoutSecret(alice))]),
    kind: 'revoked-key',
    detail: /in the name of key [0-9A-F]{40} that does not verify/,
  },
  {
    what: 'a revocation by a key that is not in the file',
    ...byAlice,
    file: Buffer.concat([own(), revocation({ ...stranger, body: alice.body })]),
    kind: 'revoked-key',
    detail: new RegExp(`a revocation by ${stranger.fingerprint}, which is not the primary key`),
  },
  {
    what: 'a revocation by another key of the file, as keys can name others that revoke them',
    ...byAlice,
    file: Buffer.concat([own(), ofPat, revocation({ ...pat, body: alice.body })]),
    kind: 'revoked-key',
    detail: new RegExp(`key ${pat.fingerprint} revoked key ${alice.fingerprint}`),
  },
  {
    what: 'a revocation of another key of the file by this one',
    ...byPat,
    file: Buffer.concat([own(), ofPat, revocation({ ...pat, body: alice.body })]),
    kind: 'good',
  },
  {
    what: 'a revocation of a subkey behind a user id',
    ...bySubkey,
    file: Buffer.concat([own(), userId(alice, 'again', MADE), subkeyRevocation(alice, signer, REVOKED)]),
    kind: 'revoked-key',
  },
  {
    what: 'a revocation of a subkey that did not sign',
    ...byAlice,
    file: Buffer.concat([own(), subkeyRevocation(alice, signer, REVOKED)]),
    kind: 'good',
  },
  {
    what: 'a revocation of a subkey that is not in the file',
    ...byAlice,
    file: Buffer.concat([own(), subkeyRevocation(alice, stranger, REVOKED)]),
    kind: 'revoked-key',
    detail: /does not verify/,
  },
  {
    what: 'a revocation of a user id that prolonged the key',
    ...byAlice,
    file: Buffer.concat([
      own(lasting(1)),
      userId(alice, 'longer', lasting(60, in20(20, 3))),
      userRevocation(alice, 'longer', REVOKED),
    ]),
    kind: 'expired-since',
  },
  {
    what: 'what others revoked of their certifications',
    ...byAlice,
    file: Buffer.concat([
      certificate(alice, userId(alice, 'alice', MADE)),
      signaturePacket(stranger, TYPE.userRevocation, SIGNED, REVOKED),
    ]),
    kind: 'good',
  },
]

const forgedBinding = (key: MadeKey, subkey: MadeKey, options: SignatureOptions) =>
  binding(withoutSecret(key), withoutSecret(subkey), options)

const FORGERIES: readonly CertificateCase[] = [
  {
    what: 'a made-up binding that prolongs an ended subkey for ever',
    ...bySubkey,
    file: Buffer.concat([
      own(MADE, signing(1)),
      forgedBinding(alice, signer, { created: in20(23), subpackets: [SIGN] }),
    ]),
    kind: 'expired-since',
  },
  {
    what: 'a made-up binding that prolongs an ended subkey',
    ...bySubkey,
    file: Buffer.concat([own(MADE, signing(1)), forgedBinding(alice, signer, signing(60, in20(23)))]),
    kind: 'expired-since',
  },
  {
    what: 'a made-up user id that prolongs an ended key',
    ...byAlice,
    file: Buffer.concat([own(lasting(1)), userId(withoutSecret(alice), 'mallory', lasting(60, in20(23)))]),
    kind: 'expired-since',
  },
  {
    what: 'a made-up signature of an ended key over itself',
    ...byAlice,
    file: Buffer.concat([
      certificate(alice, direct(withoutSecret(alice), { ...MADE, created: in20(23) })),
      own(lasting(1)),
    ]),
    kind: 'expired-since',
  },
  {
    what: 'a made-up binding that ends sooner than the genuine one',
    ...bySubkey,
    file: Buffer.concat([own(), forgedBinding(alice, signer, signing(1, in20(20, 2)))]),
    kind: 'expired-since',
  },
  {
    what: 'a made-up binding that is older than the genuine one',
    ...bySubkey,
    file: Buffer.concat([
      own(MADE, { created: in20(20, 3), subpackets: [SIGN] }),
      forgedBinding(alice, signer, signing(1)),
    ]),
    kind: 'good',
  },
  {
    what: 'a made-up binding that lets a key for encryption sign',
    ...bySubkey,
    file: Buffer.concat([
      own(MADE, { created: in20(20), subpackets: [flags(FLAGS.encrypt)] }),
      forgedBinding(alice, signer, { created: in20(20, 2), subpackets: [SIGN] }),
    ]),
    kind: 'unacceptable',
    detail: /not for signing/,
  },
  {
    what: 'a subkey of somebody else with a made-up binding',
    fingerprint: alice.fingerprint,
    signature: sign(stranger),
    file: Buffer.concat([
      own(),
      subkeyPacket(stranger),
      binding(withoutSecret(alice), stranger, { created: in20(20), subpackets: [SIGN] }),
    ]),
    kind: 'unacceptable',
    detail: /nothing binds subkey/,
  },
  {
    what: 'a key that lost its user ids, with a made-up one',
    ...byAlice,
    file: certificate(alice, userId(withoutSecret(alice), 'mallory', MADE)),
    kind: 'unreadable',
    detail: /only a part of one/,
  },
  {
    what: 'a statement with a mandatory part that nobody knows',
    ...bySubkey,
    file: Buffer.concat([
      own(MADE, signing(1)),
      binding(alice, signer, { created: in20(20, 2), subpackets: [SIGN, Buffer.from('02e401', 'hex')] }),
    ]),
    kind: 'expired-since',
  },
  {
    what: 'a made-up binding that prolongs an ended subkey of version 6',
    ...bySix,
    file: Buffer.concat([ofSix, forgedBinding(six, signerOfSix, { created: in20(23), subpackets: [SIGN] })]),
    kind: 'expired-since',
  },
]

const older = own(lasting(1), signing(1))
const newer = own(lasting(60, in20(20, 3)), signing(60, in20(20, 3)))

const COPIES: readonly CertificateCase[] = [
  ...[
    { what: 'an older copy before a newer one', file: Buffer.concat([older, newer]) },
    { what: 'a newer copy before an older one', file: Buffer.concat([newer, older]) },
    { what: 'a newer copy among others', file: Buffer.concat([older, ofPat, newer, ofPat]) },
  ].map(each => ({ ...each, ...bySubkey, kind: 'good' as const })),
  {
    what: 'a copy that says sooner, before the older one',
    ...byAlice,
    file: Buffer.concat([own(lasting(1, in20(20, 3))), own(lasting(60))]),
    kind: 'expired-since',
  },
  {
    what: 'a newer binding that stands behind a user id',
    ...bySubkey,
    file: Buffer.concat([
      own(MADE, signing(1)),
      userId(alice, 'again', MADE),
      binding(alice, signer, signing(60, in20(20, 3))),
    ]),
    kind: 'good',
  },
  {
    what: 'a binding that has ended itself',
    ...bySubkey,
    file: own(MADE, { created: in20(20), subpackets: [SIGN, lifetimeOfSignature(YEAR)] }),
    kind: 'expired-since',
    gpgv: 'unreadable',
  },
]

/** The same copies and parts in several orders, with unrelated packets in between. */
export const COPIES_IN_ANY_ORDER = {
  fingerprint: alice.fingerprint,
  files: [
    [older, newer],
    [newer, older],
    [older, newer, older],
    [newer, ofPat, older],
    [newer, certificate(alice, userId(stranger, 'stranger', MADE)), older],
  ].map(parts => Buffer.concat(parts)),
}

export const CERTIFICATE_CASES: readonly CertificateCase[] = [...REVOCATIONS, ...FORGERIES, ...COPIES]
