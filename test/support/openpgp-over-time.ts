/**
 * One OpenPGP certificate in every state that it can reach, and signatures by its keys over time.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Instant, OpenPgpKey } from '../../src/policy/policy.ts'
import { NOW } from '../policy/policies.ts'
import {
  binding,
  certificate,
  direct,
  FLAGS,
  flags,
  lifetimeOfKey,
  lifetimeOfSignature,
  makeKey,
  signaturePacket,
  subkeyPacket,
  TYPE,
  userId,
} from './openpgp-maker.ts'

const DAY = 86400
const MADE = NOW - 2000 * DAY
const SIGNED = NOW - 1000 * DAY
const primary = makeKey(MADE)
const subkey = makeKey(MADE)

/** The lifetime that ends this many days after NOW. */
const until = (days: number) => lifetimeOfKey(NOW + days * DAY - MADE)
const MAY_SIGN = flags(FLAGS.sign)
const id = (...ends: readonly Buffer[]) =>
  userId(primary, 'a', { created: MADE, subpackets: [flags(FLAGS.certify | FLAGS.sign), ...ends] })
const renewed = (created: number, ...ends: readonly Buffer[]) =>
  userId(primary, 'a', { created, subpackets: [flags(FLAGS.certify | FLAGS.sign), ...ends] })
const bound = (...ends: readonly Buffer[]) => [
  subkeyPacket(subkey),
  binding(primary, subkey, { created: MADE, subpackets: [MAY_SIGN, ...ends] }),
]
const revocation = direct(primary, { created: NOW + 30 * DAY }, 0x20)
const subkeyRevocation = signaturePacket(
  primary,
  0x28,
  Buffer.concat([framed(primary.body), framed(subkey.body)]),
  {
    created: NOW + 30 * DAY,
  },
)

const STATES: Readonly<Record<string, readonly Buffer[]>> = {
  lasting: [id(), ...bound()],
  'ended long ago': [id(until(-100)), ...bound()],
  'ended before it signed': [id(until(-1500)), ...bound()],
  'ends first': [id(until(50)), ...bound()],
  'ends later': [id(until(150)), ...bound()],
  'ends last': [id(until(1000)), ...bound()],
  prolonged: [id(until(50)), renewed(NOW - 500 * DAY, until(150)), ...bound()],
  'brought forward': [id(), renewed(NOW - 500 * DAY, until(-10)), ...bound()],
  revoked: [revocation, id(), ...bound()],
  'with a revoked subkey': [id(), ...bound(), subkeyRevocation],
  'without its subkey': [id()],
  'with a subkey that ends first': [id(), ...bound(until(50))],
  'with a subkey that ended long ago': [id(until(150)), ...bound(until(-100))],
  'with a subkey that may not sign': [
    id(),
    subkeyPacket(subkey),
    binding(primary, subkey, { created: MADE, subpackets: [flags(FLAGS.encrypt)] }),
  ],
}

/** The certificate in all these states, in files below `dir`. */
export function openPgpCertificates(
  dir: string,
): readonly { readonly name: string; readonly of: string; readonly key: OpenPgpKey }[] {
  const { fingerprint } = primary
  return Object.entries(STATES).map(([name, parts]) => {
    const file = join(dir, `${name.replaceAll(' ', '-')}.pgp`)
    writeFileSync(file, certificate(primary, ...parts))
    const identity = `openpgp:${fingerprint}`
    const key: OpenPgpKey = { kind: 'openpgp', identity, label: fingerprint, fingerprint, certificate: file }
    return { name: `a certificate ${name}`, of: 'a certificate', key }
  })
}

/** Signatures over this content by its keys; `ends`: when the signature itself ends. */
export function openPgpSignatures(
  content: Buffer,
): readonly { readonly name: string; readonly signature: Buffer; readonly ends?: Instant }[] {
  const options = { created: SIGNED }
  const ending = (days: number) => ({
    created: SIGNED,
    subpackets: [lifetimeOfSignature(NOW + days * DAY - SIGNED)],
  })
  return [
    { name: 'by the primary key', signature: signaturePacket(primary, TYPE.file, content, options) },
    { name: 'by the subkey', signature: signaturePacket(subkey, TYPE.file, content, options) },
    {
      name: 'by the primary key, ending',
      signature: signaturePacket(primary, TYPE.file, content, ending(150)),
      ends: NOW + 150 * DAY,
    },
  ]
}

/** The bytes of a version 4 key that are hashed: RFC 9580, section 5.2.4. */
function framed(body: Buffer): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(body.length)
  return Buffer.concat([Buffer.of(0x99), length, body])
}
