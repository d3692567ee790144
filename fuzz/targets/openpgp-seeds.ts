/** OpenPGP data that parses; nothing in it verifies or needs to. RFC 9580, sections 4 and 5. */
import { vectors } from '../seeds.ts'

const SECONDS = Buffer.from([0x6a, 0xb1, 0x32, 0x80])
const FINGERPRINT = Buffer.alloc(20, 0xfa)
const ED25519_POINT = Buffer.concat([Buffer.from([1, 7, 0x40]), Buffer.alloc(32, 9)])

const subpackets = (...each: readonly (readonly [type: number, data: Buffer])[]) =>
  Buffer.concat(each.map(([type, data]) => Buffer.concat([Buffer.from([data.length + 1, type]), data])))

const key = Buffer.concat([
  Buffer.from([4]),
  SECONDS,
  Buffer.from([22, 9, 0x2b, 6, 1, 4, 1, 0xda, 0x47, 0x0f, 1]),
  ED25519_POINT,
])

function signature(type: number): Buffer {
  const hashed = subpackets(
    [2, SECONDS],
    [3, Buffer.alloc(4)],
    [9, SECONDS],
    [33, Buffer.concat([Buffer.from([4]), FINGERPRINT])],
  )
  const unhashed = subpackets([16, FINGERPRINT.subarray(12)])
  const numbers = Buffer.concat([
    Buffer.alloc(2, 1),
    Buffer.alloc(32, 5),
    Buffer.from([1, 0]),
    Buffer.alloc(32, 6),
  ])
  const area = (bytes: Buffer) => Buffer.concat([Buffer.from([0, bytes.length]), bytes])
  return Buffer.concat([
    Buffer.from([4, type, 22, 8]),
    area(hashed),
    area(unhashed),
    Buffer.from([1, 2]),
    numbers,
  ])
}

/** A packet with a header of the new format or, with `old`, of the old one. */
function packet(tag: number, body: Buffer, old = false): Buffer {
  const head = old ? [0x80 | (tag << 2), body.length] : [0xc0 | tag, body.length]
  return Buffer.concat([Buffer.from(head), body])
}

function armoured(label: string, bytes: Buffer): Buffer {
  return Buffer.from(
    `-----BEGIN ${label}-----\nComment: x\n\n${bytes.toString('base64')}\n-----END ${label}-----\n`,
  )
}

const version3 = Buffer.concat([
  Buffer.from([3, 5, 0]),
  SECONDS,
  Buffer.alloc(8, 1),
  Buffer.from([17, 2, 1, 2]),
  Buffer.alloc(44),
])
const detached = packet(2, signature(0))
const certificate = Buffer.concat([
  packet(6, key),
  packet(2, signature(0x1f)),
  packet(13, Buffer.from('Alice <alice@example.org>')),
  packet(2, signature(0x13)),
  packet(14, key, true),
  packet(2, signature(0x18), true),
])

export const OPENPGP_SIGNATURES: readonly Uint8Array[] = [
  ...vectors('openpgp', 'v6-signature.asc').map(([, bytes]) => bytes),
  detached,
  Buffer.concat([packet(2, version3, true), detached]),
  armoured('PGP SIGNATURE', detached),
]

export const OPENPGP_CERTIFICATES: readonly Uint8Array[] = [
  ...vectors('openpgp', 'v6-certificate.asc').map(([, bytes]) => bytes),
  certificate,
  Buffer.concat([certificate, certificate]),
  armoured('PGP PUBLIC KEY BLOCK', certificate),
]
