/**
 * Keys and signatures over one file in every state that matters, with the result that each tool has
 * to give.
 */
import type { OpenPgpResult } from '../../src/crypto/openpgp/conclude.ts'
import {
  binding,
  certificate,
  direct,
  FLAGS,
  flags,
  lifetimeOfKey,
  lifetimeOfSignature,
  type MadeKey,
  makeKey,
  type SignatureOptions,
  signaturePacket,
  subkeyPacket,
  subpacket,
  TYPE,
  userId,
} from './openpgp-maker.ts'

export const SIGNED = Buffer.from('what was released\n')

export interface OpenPgpCase {
  readonly what: string
  readonly fingerprint: string
  readonly certificate: Buffer
  readonly signature: Buffer
  readonly kind: OpenPgpResult['kind']
  readonly detail?: RegExp
  /** Set if only sqv cannot decide it. */
  readonly sqv?: 'unreadable'
  /** Set if only gpgv 2.2 cannot decide it. */
  readonly gpgv?: 'unreadable'
  /** Set if it needs tools that support RFC 9580. */
  readonly isNew?: true
}

const in20 = (year: number, month = 1) => Date.UTC(2000 + year, month - 1) / 1000
const YEAR = 365 * 86400
const BOTH = flags(FLAGS.certify | FLAGS.sign)
const MADE = { created: in20(20), subpackets: [BOTH] }
const ending = (years: number) => ({ created: in20(20), subpackets: [BOTH, lifetimeOfKey(years * YEAR)] })

const key = makeKey(in20(20))
const subkey = makeKey(in20(20))
const older = makeKey(in20(20))
const modern = makeKey(in20(20), 27)
const six = makeKey(in20(20), 27, 6)

const id = (options: SignatureOptions = MADE, name = 'a') => userId(key, name, options)
const bound = (options: Partial<SignatureOptions> = {}, back = true) => [
  subkeyPacket(subkey),
  binding(key, subkey, { created: in20(20), subpackets: [flags(FLAGS.sign)], ...options }, back),
]
const lasting = (years: number) => ({ subpackets: [flags(FLAGS.sign), lifetimeOfKey(years * YEAR)] })
const revoked = (reason: number) =>
  direct(key, { created: in20(22), subpackets: [subpacket(29, Buffer.of(reason))] }, 0x20)
const by = (
  signer: MadeKey,
  created: number,
  more: Partial<SignatureOptions> = {},
  type = TYPE.file as number,
) => signaturePacket(signer, type, SIGNED, { created, ...more })

function one(
  what: string,
  kind: OpenPgpCase['kind'],
  parts: readonly Buffer[],
  signature: Buffer,
  more: Partial<OpenPgpCase> = {},
): OpenPgpCase {
  return {
    what,
    kind,
    fingerprint: key.fingerprint,
    certificate: certificate(key, ...parts),
    signature,
    ...more,
  }
}

const STANDING: readonly OpenPgpCase[] = [
  one('a key that is alive', 'good', [id()], by(key, in20(21))),
  one('a signature dated before its key', 'unacceptable', [id()], by(key, in20(19)), {
    detail: /dated before key/,
  }),
  one(
    'a key that may only certify',
    'unacceptable',
    [id({ ...MADE, subpackets: [flags(FLAGS.certify)] })],
    by(key, in20(21)),
    { detail: /not for signing/ },
  ),
  one('a key that says nothing of its use', 'good', [id({ created: in20(20) })], by(key, in20(21)), {
    sqv: 'unreadable',
  }),
  one('a key without self-signatures', 'unreadable', [], by(key, in20(21)), { detail: /only a part of one/ }),
  one('a key without user ids', 'good', [direct(key, MADE)], by(key, in20(21))),
  one('a key that ended since', 'expired-since', [id(ending(2))], by(key, in20(21)), {
    detail: /^signed 2021-01-01, before key [0-9A-F]{40} expired 2021-12-31$/,
  }),
  one('a key that had ended', 'expired-key', [id(ending(1))], by(key, in20(23)), {
    detail: /^signed 2023-01-01, and key [0-9A-F]{40} expired 2020-12-31$/,
  }),
  one(
    'a key that had ended and was prolonged later',
    'expired-key',
    [id(ending(1)), id({ ...MADE, created: in20(23) }, 'b')],
    by(key, in20(22)),
  ),
  one(
    'a key that was prolonged before it signed, and ended since',
    'expired-since',
    [id(ending(1)), id({ created: in20(20, 6), subpackets: [BOTH, lifetimeOfKey(3 * YEAR)] }, 'b')],
    by(key, in20(22)),
  ),
  one(
    'a key of which the newer user id tells the end',
    'expired-since',
    [id(), id({ ...ending(2), created: in20(21) }, 'b')],
    by(key, in20(21, 6)),
  ),
  one(
    'a key of which the older user id tells the end',
    'expired-since',
    [id(ending(2)), id({ ...MADE, created: in20(21) }, 'b')],
    by(key, in20(21, 6)),
  ),
  one(
    'a key of which a direct signature tells the end',
    'expired-since',
    [direct(key, ending(2)), id()],
    by(key, in20(21, 6)),
  ),
  one(
    'a key of which a direct signature is silent on the end',
    'expired-since',
    [direct(key, MADE), id(ending(2))],
    by(key, in20(21, 6)),
  ),
  one(
    'a signature that ended before its key did',
    'expired-signature',
    [id(ending(2))],
    by(key, in20(21), { subpackets: [lifetimeOfSignature(86400)] }),
  ),
]

const REVOKED: readonly OpenPgpCase[] = [
  one('a key revoked as retired, after it signed', 'revoked-key', [revoked(3), id()], by(key, in20(21))),
  one('a key revoked as superseded, after it signed', 'revoked-key', [revoked(1), id()], by(key, in20(21))),
  one('a key revoked as compromised', 'revoked-key', [revoked(2), id()], by(key, in20(21))),
  one(
    'a key that ended since and is revoked, which gpgv does not tell',
    'revoked-key',
    [revoked(2), id(ending(2))],
    by(key, in20(21)),
  ),
  one(
    'a key with a revocation that nobody can read',
    'revoked-key',
    [Buffer.from('c206042000000000', 'hex'), id(ending(2))],
    by(key, in20(21)),
  ),
  one(
    'a key that somebody else revoked',
    'revoked-key',
    [direct({ ...subkey, body: key.body }, { created: in20(22) }, 0x20), id()],
    by(key, in20(21)),
  ),
]

const SUBKEYS: readonly OpenPgpCase[] = [
  one('a subkey', 'good', [id(), ...bound()], by(subkey, in20(21))),
  one(
    'a subkey that never signed that it belongs there',
    'bad-signature',
    [id(), ...bound({}, false)],
    by(subkey, in20(21)),
  ),
  one(
    'a subkey for encryption',
    'unacceptable',
    [id(), ...bound({ subpackets: [flags(FLAGS.encrypt)] })],
    by(subkey, in20(21)),
    { detail: /not for signing/ },
  ),
  one(
    'a subkey that says nothing of its use',
    'good',
    [id(), ...bound({ subpackets: [] })],
    by(subkey, in20(21)),
    { sqv: 'unreadable' },
  ),
  one('a subkey bound by SHA-1', 'good', [id(), ...bound({ hash: 2 })], by(subkey, in20(21)), {
    sqv: 'unreadable',
  }),
  one(
    'a subkey bound later than it signed',
    'good',
    [id(), ...bound({ created: in20(22) })],
    by(subkey, in20(21)),
    { sqv: 'unreadable' },
  ),
  one('a subkey that ended since', 'expired-since', [id(), ...bound(lasting(2))], by(subkey, in20(21))),
  one(
    'a subkey that ended since, beside one that had ended before',
    'expired-since',
    [
      id(),
      subkeyPacket(older),
      binding(key, older, { created: in20(20), ...lasting(1) }),
      ...bound(lasting(3)),
    ],
    by(subkey, in20(22)),
  ),
  one('a subkey that had ended', 'expired-key', [id(), ...bound(lasting(2))], by(subkey, in20(23))),
  one(
    'a subkey of a key that ended since',
    'expired-since',
    [id(ending(2)), ...bound()],
    by(subkey, in20(21)),
  ),
  one('a subkey of a key that had ended', 'expired-key', [id(ending(2)), ...bound()], by(subkey, in20(23))),
  one('a key beside a subkey that ended', 'good', [id(), ...bound(lasting(1))], by(key, in20(23))),
  one(
    'a subkey that is bound to no key',
    'unacceptable',
    [id(), subkeyPacket(subkey)],
    by(subkey, in20(21)),
    { detail: /nothing binds subkey/ },
  ),
]

const SIGNATURES: readonly OpenPgpCase[] = [
  one(
    'a certificate that names its key by fingerprint alone',
    'good',
    [id({ ...MADE, withKeyId: false })],
    by(key, in20(21), { withKeyId: false }),
    { gpgv: 'unreadable' },
  ),
  one(
    'a signature with a mandatory part that nobody knows',
    'bad-signature',
    [id()],
    by(key, in20(21), { subpackets: [subpacket(100, Buffer.of(1), true)] }),
  ),
  one('a standalone signature', 'unacceptable', [id()], by(key, in20(21), {}, 0x02), { detail: /type 2/ }),
  one('a time stamp', 'unacceptable', [id()], by(key, in20(21), {}, 0x40), { detail: /type 64/ }),
  one(
    'a signature over text',
    'unacceptable',
    [id()],
    signaturePacket(key, TYPE.text, Buffer.from('what was released\r\n'), { created: in20(21) }),
    {
      detail: /type 1/,
    },
  ),
  one('a signature by SHA-1', 'unacceptable', [id()], by(key, in20(21), { hash: 2 }), { detail: /SHA-1/ }),
  one(
    'a signature of other bytes by a key that ended since',
    'bad-signature',
    [id(ending(2))],
    signaturePacket(key, TYPE.file, Buffer.from('other'), { created: in20(21) }),
  ),
]

const ofModern = (parts: readonly Buffer[]) => ({
  fingerprint: modern.fingerprint,
  certificate: certificate(modern, ...parts),
  isNew: true as const,
})
const ofSix = (parts: readonly Buffer[]) => ({
  fingerprint: six.fingerprint,
  certificate: certificate(six, ...parts),
  isNew: true as const,
})

/** Cases that need RFC 9580. */
const NEW: readonly OpenPgpCase[] = [
  one(
    'a key of version 4 with the newer Ed25519',
    'good',
    [],
    by(modern, in20(21)),
    ofModern([userId(modern, 'm', MADE)]),
  ),
  one(
    'other bytes signed by the newer Ed25519',
    'bad-signature',
    [],
    signaturePacket(modern, TYPE.file, Buffer.from('other'), { created: in20(21) }),
    ofModern([userId(modern, 'm', MADE)]),
  ),
  one(
    'a key of version 6',
    'good',
    [],
    by(six, in20(21)),
    ofSix([direct(six, MADE), userId(six, 's', MADE)]),
  ),
  one(
    'other bytes signed by a key of version 6',
    'bad-signature',
    [],
    signaturePacket(six, TYPE.file, Buffer.from('other'), { created: in20(21) }),
    ofSix([direct(six, MADE)]),
  ),
  one(
    'a key of version 6 that ended since',
    'expired-since',
    [],
    by(six, in20(21)),
    ofSix([direct(six, ending(2))]),
  ),
]

const ending80 = lifetimeOfKey(80 * YEAR)

/** Signatures that are good today, and the first second at which they are no longer good. */
export const ENDING = {
  key,
  signed: in20(21),
  ends: [
    { what: 'never', certificate: certificate(key, id()), signature: by(key, in20(21)), end: undefined },
    {
      what: 'its key ends',
      certificate: certificate(key, id({ ...MADE, subpackets: [BOTH, ending80] })),
      signature: by(key, in20(21)),
      end: in20(20) + 80 * YEAR,
    },
    {
      what: 'the subkey that signed ends before the primary key does',
      certificate: certificate(key, id({ ...MADE, subpackets: [BOTH, ending80] }), ...bound(lasting(50))),
      signature: by(subkey, in20(21)),
      end: in20(20) + 50 * YEAR,
    },
    {
      what: 'the primary key ends before the subkey that signed does',
      certificate: certificate(key, id({ ...MADE, subpackets: [BOTH, ending80] }), ...bound(lasting(85))),
      signature: by(subkey, in20(21)),
      end: in20(20) + 80 * YEAR,
    },
    {
      what: 'the signature ends first',
      certificate: certificate(key, id({ ...MADE, subpackets: [BOTH, ending80] })),
      signature: by(key, in20(21), { subpackets: [lifetimeOfSignature(60 * YEAR)] }),
      end: in20(21) + 60 * YEAR,
    },
  ],
} as const

export const OPENPGP_CASES: readonly OpenPgpCase[] = [
  ...STANDING,
  ...REVOKED,
  ...SUBKEYS,
  ...SIGNATURES,
  ...NEW,
]
