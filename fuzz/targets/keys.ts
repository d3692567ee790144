import { strict as assert } from 'node:assert'
import { signatureKind } from '../../src/crypto/detached/verify.ts'
import { parsePemPublicKey, printPemPublicKey } from '../../src/formats/keys/pem.ts'
import {
  parseMinisignPublicKey,
  parseMinisignSignature,
  printKeyNumber,
  printMinisignPublicKey,
} from '../../src/formats/minisign.ts'
import {
  parseNixPublicKey,
  parseNixSecretKey,
  parseNixSignature,
  printNixPublicKey,
  printNixSecretKey,
  printNixSignature,
} from '../../src/formats/nix/nix-key.ts'
import { assertInert } from '../../src/formats/not-a-program.ts'
import { isText } from '../../src/formats/openpgp/armor.ts'
import { parseSshPublicKey, printSshPublicKey } from '../../src/formats/ssh/key.ts'
import { parseFingerprint, parseKey } from '../../src/policy/language/keys.ts'
import { signEd25519, verifyEd25519 } from '../../src/primitives/sodium.ts'
import { ALICE } from '../seeds.ts'
import { formatTarget, type Target, textOf } from '../target.ts'
import { MINISIGN_KEY, MINISIGN_SIGNATURES } from './minisign-seeds.ts'
import { OPENPGP_SIGNATURES } from './openpgp-seeds.ts'
import { SIGNIFY_SIGNATURES, SSH_KEYS, SSH_PAIRS, SSH_SIGNATURES } from './ssh-seeds.ts'

const always = () => true
const NIX_KEY = printNixPublicKey(ALICE)
const SSH_KEY = printSshPublicKey(ALICE.publicKey, 'alice@example.org')
const PEM_KEY = printPemPublicKey(ALICE.publicKey)
const MINISIGN_TEXT = printMinisignPublicKey(MINISIGN_KEY)
const SIGNATURE = { name: 'alice', signature: signEd25519(new Uint8Array(3), ALICE.secretKey) }

/** A point of small order and a non-canonical encoding, with which anybody could sign. */
const WEAK = [Buffer.alloc(32), Buffer.alloc(32, 0xff)].map(key => key.toString('base64'))
const TOKENS: readonly string[] = [
  ...[
    ':',
    '=',
    '==',
    ' ',
    '\n',
    '\r\n',
    'alice',
    'minisign:',
    'signify:',
    'ssh-ed25519 ',
    'ssh-rsa ',
    'sk-ssh-ed25519@openssh.com ',
  ],
  ...[
    '-----BEGIN PUBLIC KEY-----\n',
    '-----END PUBLIC KEY-----',
    'untrusted comment: ',
    'trusted comment: ',
    'AAAA',
    ...WEAK,
  ],
]

const nixKeys: readonly Target[] = [
  formatTarget({
    name: 'nix public key',
    seeds: [NIX_KEY],
    tokens: TOKENS,
    read: input => parseNixPublicKey(textOf(input)),
    print: printNixPublicKey,
    oneSpelling: always,
  }),
  formatTarget({
    name: 'nix secret key',
    seeds: [printNixSecretKey(ALICE), `${printNixSecretKey(ALICE)}\n`],
    tokens: TOKENS,
    read: input => parseNixSecretKey(textOf(input)),
    print: printNixSecretKey,
    oneSpelling: input => input.at(-1) !== 0x0a,
    also: ({ secretKey }) => {
      const message = Buffer.from('message')
      const signature = signEd25519(message, secretKey)
      assert.ok(
        verifyEd25519(message, signature, secretKey.subarray(32)),
        'its halves do not belong together',
      )
    },
  }),
  formatTarget({
    name: 'nix signature',
    seeds: [printNixSignature(SIGNATURE)],
    tokens: TOKENS,
    read: input => parseNixSignature(textOf(input)),
    print: printNixSignature,
    oneSpelling: always,
  }),
]

const INERT_SEEDS: readonly string[] = [
  ...MINISIGN_SIGNATURES.map(each => Buffer.from(each).toString().replace('by Alice', 'alice')),
  `# SHA256 HASH\n${'ab'.repeat(32)}  tool.tar\nSHA256 (tool.tar) = ${'ab'.repeat(32)}\n`,
]

/** Text that must not occur in an inert file, because an interpreter would act on it. */
const PROGRAMS: readonly (readonly [program: string, sign: RegExp])[] = [
  ['a shell reads more than words in it', /[$`|&<>';!]/],
  ['sed reads an address and a command', /^\d+[a-z]? /im],
  ['Python reads another encoding', /^[ \t\f]*#.*coding[:=][ \t]*[-\w.]/m],
  ['make reads a command, or an assignment of several words', /^\t|comment: .*=/m],
  ['a list has names of several words', /^[0-9a-f]{32,} [ *]?\S+[ \t]+\S/m],
]

/** Keys and signatures of every kind except OpenPGP. */
export const KEYS: readonly Target[] = [
  ...nixKeys,
  formatTarget({
    name: 'ssh key',
    seeds: [SSH_KEY, printSshPublicKey(ALICE.publicKey, ''), ...SSH_KEYS],
    tokens: TOKENS,
    read: input => parseSshPublicKey(textOf(input)),
    print: key => printSshPublicKey(key, ''),
    oneSpelling: input => textOf(input).split(' ').length === 2,
  }),
  formatTarget({
    name: 'pem key',
    seeds: [PEM_KEY, PEM_KEY.trimEnd(), ...SSH_PAIRS.map(({ key }) => printPemPublicKey(key))],
    tokens: TOKENS,
    read: input => parsePemPublicKey(textOf(input)),
    print: printPemPublicKey,
    oneSpelling: input => input.at(-1) === 0x0a,
  }),
  formatTarget({
    name: 'minisign key',
    seeds: [MINISIGN_TEXT, `untrusted comment: alice\n${MINISIGN_TEXT}\n`],
    tokens: TOKENS,
    read: input => parseMinisignPublicKey(textOf(input)),
    print: printMinisignPublicKey,
    oneSpelling: input => !textOf(input).includes('\n'),
    also: key => assert.match(printKeyNumber(key.keyNumber), /^[0-9A-F]{16}$/),
  }),
  formatTarget({
    name: 'minisign signature',
    seeds: MINISIGN_SIGNATURES,
    tokens: TOKENS,
    read: parseMinisignSignature,
    also: parsed => assert.deepEqual([parsed.signature.length, parsed.globalSignature.length], [64, 64]),
  }),
  formatTarget({
    name: 'policy key',
    seeds: [NIX_KEY, SSH_KEY, PEM_KEY, `minisign:${MINISIGN_TEXT}`, `signify:${MINISIGN_TEXT}`, ...SSH_KEYS],
    tokens: TOKENS,
    read: input => parseKey(textOf(input)),
    also: key => {
      if (key.kind !== 'ed25519') return
      assert.equal(key.identity, `ed25519:${Buffer.from(key.publicKey).toString('hex')}`)
      assert.ok(!WEAK.includes(Buffer.from(key.publicKey).toString('base64')), 'everybody could sign for it')
    },
  }),
  formatTarget({
    name: 'fingerprint',
    seeds: ['0123 4567 89AB CDEF 0123  4567 89AB CDEF 0123 4567', 'ab'.repeat(32)],
    tokens: [' ', '0x', 'F', 'ß', 'ﬀ'],
    read: input => parseFingerprint(textOf(input)),
    print: text => text,
  }),
  formatTarget({
    name: 'detached signature',
    seeds: [...MINISIGN_SIGNATURES, ...OPENPGP_SIGNATURES, ...SSH_SIGNATURES, ...SIGNIFY_SIGNATURES],
    tokens: [...TOKENS, '-----BEGIN PGP SIGNATURE-----\n\n'],
    read: signatureKind,
  }),
  formatTarget({
    name: 'signature or program',
    seeds: [...OPENPGP_SIGNATURES, ...SSH_SIGNATURES, ...SIGNIFY_SIGNATURES, ...INERT_SEEDS],
    tokens: [
      ...TOKENS,
      '$(',
      ' (',
      ')',
      '`',
      ';',
      '\n#',
      'SHA256 (',
      'coding: ',
      ' x',
      '0'.repeat(60),
      '1e  ',
    ],
    read: input => {
      assertInert(input)
      const text = Buffer.from(input).toString('latin1')
      if (!isText(input)) return
      for (const [program, sign] of PROGRAMS) assert.doesNotMatch(text, sign, program)
    },
  }),
]
