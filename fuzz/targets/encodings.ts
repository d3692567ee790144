import { strict as assert } from 'node:assert'
import {
  parseContentAddress,
  parseHashedBy,
  printContentAddress,
  printHashedBy,
} from '../../src/formats/nix/content-address.ts'
import { parseNixHash, printNixHash } from '../../src/formats/nix/nix-hash.ts'
import { fromNix32, toNix32 } from '../../src/formats/nix/nix32.ts'
import { isStorePath, parseStorePath } from '../../src/formats/nix/store-path.ts'
import { parseTimestamp, printTimestamp } from '../../src/formats/timestamp.ts'
import { fromBase64, toBase64 } from '../../src/primitives/base64.ts'
import { fromHex, toHex } from '../../src/primitives/hex.ts'
import { DERIVATION, DIGEST, PATH } from '../seeds.ts'
import { formatTarget, type Target, textOf } from '../target.ts'

const BYTES = Buffer.from([0, 1, 2, 127, 128, 254, 255, 77, 42, 9])
const NIX32 = '0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73'
const always = () => true

/** Encodings of bytes as text. */
const encodings: readonly Target[] = [
  formatTarget({
    name: 'base64',
    seeds: ['', 'AA==', 'AAE=', toBase64(BYTES)],
    tokens: ['=', '==', '-_', '+/', '\n', 'AAAA'],
    read: input => fromBase64(textOf(input)),
    print: toBase64,
    oneSpelling: always,
  }),
  formatTarget({
    name: 'hex',
    seeds: ['', '00', toHex(BYTES)],
    tokens: ['ff', 'FF', '0x', ' '],
    read: input => fromHex(textOf(input)),
    print: toHex,
    oneSpelling: always,
  }),
  formatTarget({
    name: 'nix32',
    seeds: ['', '00', toNix32(BYTES), DIGEST, NIX32],
    tokens: ['e', 'o', 't', 'u', 'z', '0'],
    read: input => fromNix32(textOf(input)),
    print: toNix32,
    oneSpelling: always,
  }),
]

/** The one-line formats of Nix and in-toto. */
export const ENCODINGS: readonly Target[] = [
  ...encodings,
  formatTarget({
    name: 'store path',
    seeds: [PATH, DERIVATION],
    tokens: ['/nix/store/', '.drv', '-', '..', '/', DIGEST],
    read: input => parseStorePath(textOf(input)),
    print: ({ digest, name }) => `/nix/store/${digest}-${name}`,
    oneSpelling: always,
    also: ({ path }) => assert.ok(isStorePath(path)),
  }),
  formatTarget({
    name: 'hash',
    seeds: [
      `sha256:${NIX32}`,
      `sha256:${'ab'.repeat(32)}`,
      `sha256-${toBase64(Buffer.alloc(32, 7))}`,
      `md5:${'0'.repeat(32)}`,
    ],
    tokens: ['md5', 'sha1', 'sha256', 'sha512', 'blake3', ':', '-', '?', 'constructor', '__proto__'],
    read: input => parseNixHash(textOf(input)),
    print: printNixHash,
  }),
  formatTarget({
    name: 'content address',
    seeds: [
      `fixed:r:sha256:${NIX32}`,
      `text:sha256:${NIX32}`,
      `fixed:git:sha1:${'0'.repeat(40)}`,
      `fixed:sha256:${'ab'.repeat(32)}`,
    ],
    tokens: ['fixed:', 'text:', 'r:', 'git:', 'sha256:', 'md5:'],
    read: input => parseContentAddress(textOf(input)),
    print: printContentAddress,
  }),
  formatTarget({
    name: 'hashing',
    seeds: ['sha256', 'r:sha256', 'text:sha256', 'git:sha1', 'md5', 'blake3'],
    tokens: ['r:', 'git:', 'text:', 'sha512', 'toString'],
    read: input => parseHashedBy(textOf(input)),
    print: printHashedBy,
    oneSpelling: always,
  }),
  formatTarget({
    name: 'timestamp',
    seeds: [
      '2026-09-21T14:13:20Z',
      '1970-01-01T00:00:00.123456789Z',
      '2024-02-29T23:59:59Z',
      '0000-01-01T00:00:00Z',
    ],
    tokens: ['Z', '.5', '+00:00', '24:00:00', '-', '02-30', '9999'],
    read: input => parseTimestamp(textOf(input)),
    print: printTimestamp,
    oneSpelling: input => !textOf(input).includes('.'),
  }),
]
