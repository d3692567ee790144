/**
 * Certificates that are refused, each with the reason; packets that others can append to them; and
 * what these may change.
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { findCertificate } from '../../src/crypto/openpgp/certificate.ts'
import { bindingsOf } from '../../src/crypto/openpgp/self-signatures.ts'
import { findObjection, firstEnd, suspectOf } from '../../src/crypto/openpgp/standing.ts'
import { readPackets } from '../../src/formats/openpgp/packets.ts'
import { parseDetachedSignatures } from '../../src/formats/openpgp/signature.ts'
import {
  binding,
  certificate,
  direct,
  FLAGS,
  flags,
  keyOfSeed,
  lifetimeOfKey,
  type MadeKey,
  packet,
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

const YEAR = 365 * 86400
const CREATED = Date.UTC(2020, 0) / 1000
const NOW = Date.UTC(2026, 0) / 1000
const BOTH = flags(FLAGS.certify | FLAGS.sign)
const SIGN = flags(FLAGS.sign)
const MADE: SignatureOptions = { created: CREATED, subpackets: [BOTH] }
const BOUND: SignatureOptions = { created: CREATED, subpackets: [SIGN] }
const lasting = (options: SignatureOptions, years: number): SignatureOptions => ({
  ...options,
  subpackets: [...(options.subpackets ?? []), lifetimeOfKey(years * YEAR)],
})

export interface Base {
  readonly what: string
  readonly key: MadeKey
  readonly subkey: MadeKey
  readonly file: Buffer
  /** By the key, its subkey, and a stranger. */
  readonly signatures: readonly Buffer[]
}

const stranger = keyOfSeed(CREATED, 'stranger')

function base(
  what: string,
  version: 4 | 6,
  parts: (key: MadeKey, subkey: MadeKey) => readonly Buffer[],
): Base {
  const key = keyOfSeed(CREATED, `key ${what}`, version)
  const subkey = keyOfSeed(CREATED, `subkey ${what}`, version)
  const signatures = [key, subkey, stranger].map(signer =>
    signaturePacket(signer, TYPE.file, SIGNED, { created: CREATED + YEAR / 2 }),
  )
  return { what, key, subkey, file: certificate(key, ...parts(key, subkey)), signatures }
}

const bound = (key: MadeKey, subkey: MadeKey, options = BOUND) => [
  subkeyPacket(subkey),
  binding(key, subkey, options),
]

export const BASES: readonly Base[] = [
  base('in force', 4, (key, subkey) => [userId(key, 'a', MADE), ...bound(key, subkey)]),
  base('that ends', 4, (key, subkey) => [userId(key, 'a', lasting(MADE, 60)), ...bound(key, subkey)]),
  base('that has ended', 4, (key, subkey) => [userId(key, 'a', lasting(MADE, 1)), ...bound(key, subkey)]),
  base('with a subkey that has ended', 4, (key, subkey) => [
    userId(key, 'a', MADE),
    ...bound(key, subkey, lasting(BOUND, 1)),
  ]),
  base('that was revoked', 4, (key, subkey) => [
    direct(key, { created: NOW - YEAR }, TYPE.keyRevocation),
    userId(key, 'a', MADE),
    ...bound(key, subkey),
  ]),
  base('with a subkey that was revoked', 4, (key, subkey) => [
    userId(key, 'a', MADE),
    ...bound(key, subkey),
    subkeyRevocation(key, subkey, { created: NOW - YEAR }),
  ]),
  base('with a subkey for encryption', 4, (key, subkey) => [
    userId(key, 'a', MADE),
    ...bound(key, subkey, { created: CREATED, subpackets: [flags(FLAGS.encrypt)] }),
  ]),
  base('with a subkey that nothing binds', 4, (key, subkey) => [
    userId(key, 'a', MADE),
    subkeyPacket(subkey),
  ]),
  base('without user ids', 4, (key, subkey) => bound(key, subkey)),
  base('of version 6 with a subkey that has ended', 6, (key, subkey) => [
    direct(key, MADE),
    ...bound(key, subkey, lasting(BOUND, 1)),
  ]),
]

/**
 * The best result that a signature may get from any tool: 2 good, 1 good where rules accept ended
 * keys, 0 refused.
 */
interface Prospect {
  readonly rank: 0 | 1 | 2
  /** The first second at which it is no longer good. */
  readonly end: number
}

function prospects(file: Uint8Array, { key, signatures }: Base): readonly Prospect[] {
  const found = findCertificate(file, key.fingerprint)?.verified()
  assert.ok(found, 'the certificate is gone')
  return signatures.map(bytes => {
    const [signature] = parseDetachedSignatures(bytes)
    assert.ok(signature)
    const suspect = suspectOf(signature, found, 'bytes')
    const objection = findObjection(suspect, NOW)
    const isNobodys = suspect.signers.length === 0 || bindingsOf(found, found.primary).length === 0
    const end = firstEnd(suspect) ?? Number.POSITIVE_INFINITY
    if (isNobodys) return { rank: 0, end }
    return { rank: objection === undefined ? 2 : objection.kind === 'expired-since' ? 1 : 0, end }
  })
}

const before = new Map<Base, readonly Prospect[]>()

/**
 * Throws if appended packets improve the result of any signature. Throws FormatError if they cannot
 * be read.
 */
export function assertNoGain(each: Base, appended: Uint8Array): void {
  const without = before.get(each) ?? prospects(each.file, each)
  before.set(each, without)
  const found = prospects(Buffer.concat([each.file, appended]), each)
  for (const [index, { rank, end }] of found.entries()) {
    const was = without[index]
    assert.ok(was && rank <= was.rank, `signature ${index} with a certificate ${each.what} became acceptable`)
    if (rank > 0) assert.ok(end <= was.end, `signature ${index} with a certificate ${each.what} lasts longer`)
  }
}

const statement: fc.Arbitrary<SignatureOptions> = fc
  .record({
    created: fc.oneof(fc.integer({ min: CREATED - YEAR, max: NOW + YEAR }), fc.constant(CREATED)),
    lifetime: fc.option(fc.integer({ min: 0, max: 80 * YEAR })),
    use: fc.option(fc.nat(255)),
    hash: fc.constantFrom(2, 8, 10),
    isAnonymous: fc.boolean(),
  })
  .map(({ created, lifetime, use, hash, isAnonymous }) => ({
    created,
    hash,
    isAnonymous,
    subpackets: [
      ...(lifetime === null ? [] : [lifetimeOfKey(lifetime)]),
      ...(use === null ? [] : [flags(use)]),
    ],
  }))

interface Forgery {
  readonly by: MadeKey
  readonly target: MadeKey
  readonly options: SignatureOptions
  readonly name: string
}

const FORGERIES: readonly ((forgery: Forgery) => Buffer)[] = [
  ({ by, target, options }) => binding(by, withoutSecret(target), options),
  ({ by, options }) => direct(by, options),
  ({ by, options }) => direct(by, options, TYPE.keyRevocation),
  ({ by, target, options }) => subkeyRevocation(by, target, options),
  ({ by, options, name }) => userRevocation(by, name, options),
  ({ by, options, name }) => userId(by, name, options),
  ({ target }) => subkeyPacket(target),
  ({ name }) => packet(13, Buffer.from(name)),
]

/**
 * Packets that anybody can make who has the certificate but not its key: forged, replayed, from
 * other keys, or useless.
 */
export function appendedTo({ key, subkey, file }: Base): fc.Arbitrary<Buffer> {
  const own = readPackets(file).map(({ bytes }) => Buffer.from(bytes))
  const forger = withoutSecret(key)
  const inItsName = { ...stranger, fingerprint: key.fingerprint, keyId: key.keyId, version: key.version }
  const maker = fc.constantFrom(forger, stranger, inItsName)
  const about = fc.constantFrom(subkey, stranger)
  const made = fc
    .tuple(maker, about, statement, fc.constantFrom('a', 'mallory'), fc.constantFrom(...FORGERIES))
    .map(([by, over, options, name, make]) => {
      const target = over.version === by.version ? over : subkey
      return make({ by: { ...by, body: key.body }, target, options, name })
    })
  const others = certificate(
    stranger,
    userId(stranger, 's', MADE),
    ...bound(stranger, keyOfSeed(CREATED, 'x')),
  )
  const idle = fc
    .tuple(fc.constantFrom(2, 6, 10, 12, 13, 14, 17, 21), fc.uint8Array({ maxLength: 80 }))
    .map(([tag, body]) => packet(tag, Buffer.from(body)))
  const piece = fc.oneof(
    { weight: 6, arbitrary: made },
    { weight: 3, arbitrary: fc.constantFrom(...own) },
    { weight: 1, arbitrary: fc.constantFrom(file, others, direct(stranger, MADE, TYPE.keyRevocation)) },
    { weight: 1, arbitrary: idle },
  )
  return fc.array(piece, { minLength: 1, maxLength: 6 }).map(pieces => Buffer.concat(pieces))
}
