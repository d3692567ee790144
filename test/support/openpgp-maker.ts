/**
 * OpenPGP keys and signatures made packet by packet (RFC 9580), for those that no program makes:
 * any date, flag and omission.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto'

export interface MadeKey {
  readonly version: 4 | 6
  readonly created: number
  readonly body: Buffer
  /** Upper-case hex. */
  readonly fingerprint: string
  readonly keyId: string
  /** EdDSALegacy (22) or Ed25519 (27), which encode signatures differently. */
  readonly algorithm: 22 | 27
  readonly secret: KeyObject
}

export interface SignatureOptions {
  readonly created: number
  /** RFC 9580, section 9.5: 8 SHA-256, 2 SHA-1 … */
  readonly hash?: 2 | 8 | 10
  readonly subpackets?: readonly Buffer[]
  /**
   * Whether the key id is included beside the fingerprint; by default it is, except for version 6.
   */
  readonly withKeyId?: boolean
  /** Set if the signature does not name its issuer; by default it does. */
  readonly isAnonymous?: boolean
}

const HASHES = { 2: 'sha1', 8: 'sha256', 10: 'sha512' } as const
const ED25519_OID = Buffer.from('2b06010401da470f01', 'hex')

export const TYPE = {
  file: 0x00,
  text: 0x01,
  certification: 0x13,
  binding: 0x18,
  back: 0x19,
  direct: 0x1f,
  keyRevocation: 0x20,
  subkeyRevocation: 0x28,
  userRevocation: 0x30,
} as const
export const FLAGS = { certify: 1, sign: 2, encrypt: 4 } as const

/** An Ed25519 key: in the older form (22) or that of RFC 9580 (27). */
export function makeKey(created: number, algorithm: 22 | 27 = 22, version: 4 | 6 = 4): MadeKey {
  return keyOf(created, generateKeyPairSync('ed25519').privateKey, algorithm, version)
}

/** A key derived from a seed, the same in every run. */
export function keyOfSeed(created: number, seed: string, version: 4 | 6 = 4): MadeKey {
  const secret = createHash('sha256').update(seed).digest()
  const der = Buffer.concat([PKCS8_OF_ED25519, secret])
  const key = createPrivateKey({ format: 'der', type: 'pkcs8', key: der })
  return keyOf(created, key, version === 6 ? 27 : 22, version)
}

/** The DER prefix of a secret key: RFC 8410, section 7. */
const PKCS8_OF_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex')

function keyOf(created: number, privateKey: KeyObject, algorithm: 22 | 27, version: 4 | 6): MadeKey {
  const raw = createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).subarray(-32)
  const material =
    algorithm === 27
      ? raw
      : Buffer.concat([
          Buffer.of(ED25519_OID.length),
          ED25519_OID,
          mpi(Buffer.concat([Buffer.of(0x40), raw])),
        ])
  const size = version === 6 ? number(material.length, 4) : Buffer.alloc(0)
  const body = Buffer.concat([Buffer.of(version), number(created, 4), Buffer.of(algorithm), size, material])
  const digest = createHash(version === 6 ? 'sha256' : 'sha1')
    .update(framed(version, body))
    .digest('hex')
  const fingerprint = digest.toUpperCase()
  const keyId = version === 6 ? fingerprint.slice(0, 16) : fingerprint.slice(-16)
  return { version, created, body, fingerprint, keyId, algorithm, secret: privateKey }
}

/** A packet with a header of the new format. */
export function packet(tag: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.of(0xc0 | tag, 0xff), number(body.length, 4), body])
}

/**
 * A signature subpacket; `critical` sets the bit that makes readers reject it if they do not know
 * it.
 */
export function subpacket(type: number, data: Buffer | number, critical = false): Buffer {
  const bytes = typeof data === 'number' ? number(data, 4) : data
  return Buffer.concat([Buffer.of(bytes.length + 1, critical ? type | 0x80 : type), bytes])
}

export const lifetimeOfKey = (seconds: number) => subpacket(9, seconds)
export const lifetimeOfSignature = (seconds: number) => subpacket(3, seconds)
export const flags = (bits: number) => subpacket(27, Buffer.of(bits))

/** A signature packet by a key; `data` is what is hashed before the signature's own fields. */
export function signaturePacket(key: MadeKey, type: number, data: Buffer, options: SignatureOptions): Buffer {
  return packet(2, signatureBody(key, type, data, options))
}

function signatureBody(key: MadeKey, type: number, data: Buffer, options: SignatureOptions): Buffer {
  const { created, hash = 8, subpackets = [], isAnonymous = false } = options
  const { withKeyId = key.version === 4 && !isAnonymous } = options
  const issuer = subpacket(33, Buffer.concat([Buffer.of(key.version), Buffer.from(key.fingerprint, 'hex')]))
  const keyId = withKeyId ? [subpacket(16, Buffer.from(key.keyId, 'hex'))] : []
  const maker = isAnonymous ? [] : [issuer]
  const hashed = Buffer.concat([subpacket(2, created), ...maker, ...keyId, ...subpackets])
  const countSize = key.version === 6 ? 4 : 2
  const own = Buffer.concat([
    Buffer.of(key.version, type, key.algorithm, hash),
    number(hashed.length, countSize),
    hashed,
  ])
  const salt = key.version === 6 ? Buffer.alloc(hash === 10 ? 32 : 16, created) : Buffer.alloc(0)
  const trailer = Buffer.concat([Buffer.of(key.version, 0xff), number(own.length, 4)])
  const digest = createHash(HASHES[hash])
    .update(Buffer.concat([salt, data, own, trailer]))
    .digest()
  const made = sign(null, digest, key.secret)
  const value =
    key.algorithm === 27 ? made : Buffer.concat([mpi(made.subarray(0, 32)), mpi(made.subarray(32))])
  const size = key.version === 6 ? Buffer.of(salt.length) : Buffer.alloc(0)
  return Buffer.concat([own, number(0, countSize), digest.subarray(0, 2), size, salt, value])
}

/** A signature over a user id: the usual self-signature. */
export function userId(key: MadeKey, name: string, options: SignatureOptions): Buffer {
  const certified = signaturePacket(key, TYPE.certification, hashedUser(key, name), options)
  return Buffer.concat([packet(13, Buffer.from(name)), certified])
}

function hashedUser(key: MadeKey, name: string): Buffer {
  const id = Buffer.from(name)
  return Buffer.concat([framed(key.version, key.body), Buffer.of(0xb4), number(id.length, 4), id])
}

/** A signature of a key over itself, or its revocation (0x20). */
export function direct(key: MadeKey, options: SignatureOptions, type: number = TYPE.direct): Buffer {
  return signaturePacket(key, type, framed(key.version, key.body), options)
}

/**
 * The binding signature of a subkey; with `back` also the subkey's own signature that it belongs to
 * the key.
 */
export function binding(key: MadeKey, subkey: MadeKey, options: SignatureOptions, back = true): Buffer {
  const hashed = Buffer.concat([framed(key.version, key.body), framed(subkey.version, subkey.body)])
  const embedded = signatureBody(subkey, TYPE.back, hashed, { created: options.created })
  const subpackets = [...(options.subpackets ?? []), ...(back ? [subpacket(32, embedded)] : [])]
  return signaturePacket(key, TYPE.binding, hashed, { ...options, subpackets })
}

/** A revocation of a subkey by its primary key. */
export function subkeyRevocation(key: MadeKey, subkey: MadeKey, options: SignatureOptions): Buffer {
  const hashed = Buffer.concat([framed(key.version, key.body), framed(subkey.version, subkey.body)])
  return signaturePacket(key, TYPE.subkeyRevocation, hashed, options)
}

/** A revocation of a key's certification of a user id. */
export function userRevocation(key: MadeKey, name: string, options: SignatureOptions): Buffer {
  return signaturePacket(key, TYPE.userRevocation, hashedUser(key, name), options)
}

/** The key with another secret: everything that it signs is forged. */
export function withoutSecret(key: MadeKey): MadeKey {
  return { ...key, secret: keyOfSeed(key.created, `forger of ${key.fingerprint}`).secret }
}

/** A certificate: the key followed by these packets. */
export function certificate(key: MadeKey, ...parts: readonly Buffer[]): Buffer {
  return Buffer.concat([packet(6, key.body), ...parts])
}

/** The packet of a subkey. */
export function subkeyPacket(subkey: MadeKey): Buffer {
  return packet(14, subkey.body)
}

/** The bytes of a key that are hashed: RFC 9580, section 5.2.4. */
function framed(version: 4 | 6, body: Buffer): Buffer {
  return version === 6
    ? Buffer.concat([Buffer.of(0x9b), number(body.length, 4), body])
    : Buffer.concat([Buffer.of(0x99), number(body.length, 2), body])
}

/** A multiprecision integer (RFC 9580, section 3.2). */
export function mpi(bytes: Buffer): Buffer {
  let start = 0
  while (start < bytes.length - 1 && bytes[start] === 0) start++
  const value = bytes.subarray(start)
  const bits = value.length * 8 - Math.clz32(value[0] ?? 0) + 24
  return Buffer.concat([number(bits, 2), value])
}

function number(value: number, size: number): Buffer {
  const bytes = Buffer.alloc(size)
  bytes.writeUIntBE(value, 0, size)
  return bytes
}
