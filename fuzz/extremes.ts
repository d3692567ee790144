/**
 * Inputs as large, as deep and as repetitive as a format allows, or slightly more: they test the
 * limits.
 */
import {
  narClose,
  narDirectoryHead,
  narEntryHead,
  narStart,
  narSymlink,
} from '../src/formats/nix/nar-tokens.ts'
import { printNixPublicKey } from '../src/formats/nix/nix-key.ts'
import { encode } from '../src/store/wire.ts'
import { ALICE, PATH } from './seeds.ts'

const MEBIBYTE = 1024 * 1024

/** Inputs by the name of their target; made only when needed, because they are large. */
export const EXTREMES: Readonly<Record<string, readonly (() => Uint8Array | string)[]>> = {
  base64: [() => fill('A')],
  hex: [() => fill('a')],
  nix32: [() => fill('0')],
  'strict json': [
    ...['[', '{"a":', '[[],', '{},', '0,', '"\\u0041', ' ', '\\', '"a",'].map(part => () => fill(part)),
    () => around('[', '{},', '0]'),
    () => around('"', '\\ud83d\\ude00', '"'),
    () =>
      around(
        '{',
        each(90_000, index => `"${index}":0,`),
        '"x":0}',
      ),
    () => nested(32, '[', ']'),
    () => nested(34, '[', ']'),
  ],
  envelope: [
    () => around('{"payload":"', '\\/', '"}'),
    () => around('{"signatures":[', '{"sig":""},', '{}]}'),
  ],
  derivation: [
    () => derivation('', each(60_000, index => `("${pad(index)}","x"),`).concat('("z","")')),
    () => derivation(fill('\\\\'), ''),
    () => derivation(fill('\\"'), ''),
    () =>
      around(
        'Derive([',
        each(20_000, index => `("o${pad(index)}","","",""),`),
        '("z","","","")],[],[],"","",[],[])',
      ),
    () => around('DrvWithVersion("xp-dyn-drv",[],[("', '/nix/store/', '"'),
  ],
  nar: [1024, 1025, 20_000].map(depth => () => narOfDepth(depth)),
  narinfo: [
    () => fill('Sig: x\n'),
    () =>
      around(
        'References: ',
        each(20_000, index => `${'0'.repeat(32)}-${index} `),
        '\n',
      ),
    () => fill('\n'),
    () => fill('StorePath: x\n'),
  ],
  'openpgp packets': [() => fill(Buffer.from([0xc2, 0])), () => fill(Buffer.from([0xff]))],
  'openpgp certificates': [
    () => repeated(PRIMARY_KEY, 19_999),
    () => Buffer.concat([PRIMARY_KEY, repeated(SUBKEY, 19_999)]),
    () => repeated(Buffer.concat([PRIMARY_KEY, SUBKEY, SIGNATURE]), 6600),
    () => Buffer.concat([PRIMARY_KEY, repeated(SIGNATURE, 19_999)]),
    () => fill('-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nxgY=\n-----END PGP PUBLIC KEY BLOCK-----\n'),
  ],
  'openpgp signatures': [
    () => fill('-----BEGIN PGP SIGNATURE-----\n'),
    () => around('-----BEGIN PGP SIGNATURE-----\n\n', 'A\n', '-----END PGP SIGNATURE-----\n'),
    () => around('-----BEGIN PGP SIGNATURE-----\n', 'A: b\n', '\nAAAA\n-----END PGP SIGNATURE-----\n'),
    () => fill(' \t'),
  ],
  'checksum list': [
    ...['a', '\n', '#\n', 'A (', ') = a', ' *', '\\', './'].map(part => () => fill(part)),
    () => around(`\\${'a'.repeat(64)}  `, '\\n', '\n'),
    () => around(`${'a'.repeat(64)}  `, './', 'x\n'),
    () => around('SHA256 (', ') = ', `) = ${'a'.repeat(64)}\n`),
    () => each(10_000, index => `${'a'.repeat(64)}  ${pad(index)}\n`),
  ],
  'signed text': [
    ...[' ', '\t\r', '\n', '- ', '-----BEGIN PGP SIGNATURE-----\n'].map(
      part => () =>
        around('-----BEGIN PGP SIGNED MESSAGE-----\n\n', part, 'x\n-----BEGIN PGP SIGNATURE-----\n'),
    ),
    () => around('-----BEGIN PGP SIGNED MESSAGE-----\nHash: a', ', a', '\n\n'),
    () => around('-----BEGIN PGP SIGNED MESSAGE-----\n', 'Hash: a\n', '\n'),
  ],
  policy: [
    ...['a.', '[a.', '"a".', '#\n', '\n', 'x=[', 'x={', 'a={', "'", '"', '"""', '[[a]]\n', '[[a.b]]\n'].map(
      part => () => fill(part),
    ),
    () => `x = [${each(200_000, () => '#\n')}]`,
    () => `${around('a', '.a', ' = 1\n')}`.slice(-MEBIBYTE),
    () => `[a${'.a'.repeat(250_000)}]\n${'b = 1\n'.repeat(80_000)}`,
    () => `a${'.a'.repeat(250_000)} = { ${'b = 1, '.repeat(60_000)}c = 1 }`,
    () => `${POLICY}${'[[rules]]\n'.repeat(100_000)}`,
    () =>
      `${POLICY}${each(25_000, index => `[groups.g${index}]\nthreshold=1\nmembers=["g${index + 1}"]\n`)}`.slice(
        0,
        MEBIBYTE,
      ),
    () =>
      `${POLICY}${each(20_000, index => `[groups.g${index}]\nthreshold=1\nmembers=["g${index + 1}","g${index + 2}"]\n`)}`.slice(
        0,
        MEBIBYTE,
      ),
    () => `${POLICY}[groups.g]\nthreshold = 1\nmembers = [${'"alice",'.repeat(100_000)}]\n`,
    () => `${POLICY}${each(30_000, index => `[principals.p${index}]\nkeys = []\n`)}`,
    () =>
      `${POLICY}${each(12_000, index => `[[rules]]\nname = "${index}"\nmatch.name = "${'*a'.repeat(20)}"\nrequire.source = "alice"\n`)}`.slice(
        0,
        MEBIBYTE,
      ),
  ],
  'worker protocol: referrers': [
    () =>
      encode(
        0x616c7473,
        Array.from({ length: 12_000 }, () => PATH),
      ),
    () => repeated(Buffer.from(encode(0x6f6c6d67, '')), 60_000),
  ],
  'ssh signature': [
    () => fill('-----BEGIN SSH SIGNATURE-----\n'),
    ...['\n', 'A\n', '\r\n', ' '].map(
      part => () => `-----BEGIN SSH SIGNATURE-----\n${part.repeat(60_000 / part.length)}x`,
    ),
  ],
  'signify signature': [() => fill('untrusted comment: \n'), () => `untrusted comment: x\n${fill('A')}`],
  'allowed signers': [
    ...['a,', '"', ' ', '\n', '\t\n', 'a b\n', '# x\n'].map(part => () => fill(part)),
    ...['a,', '\t', 'namespaces="a",', '"'].map(part => () => `alice ${part.repeat(1000)}`),
    () => around('', `alice ${'\t'.repeat(8000)}x\n`, ''),
  ],
  'pem key': [() => around('-----BEGIN PUBLIC KEY-----\n', 'A\n', '-----END PUBLIC KEY-----\n')],
  'forged envelope': [
    () =>
      `{"payload":"","payloadType":"application/vnd.in-toto+json","signatures":[${'{"sig":""},'.repeat(15)}{"sig":""}]}`,
  ],
  'forged attestations': [() => fill('{}\n')],
}

const POLICY = `version = 1
mode = "enforce"
default.require = { source = "alice", derivation = "alice", output = "alice" }
[principals.alice]
keys = ["${printNixPublicKey(ALICE)}"]
`

/** Packets of a few bytes that parse as a public key, a subkey and a signature of version 4. */
const PRIMARY_KEY = Buffer.from([0xc6, 6, 4, 0, 0, 0, 0, 22])
const SUBKEY = Buffer.from([0xce, 6, 4, 0, 0, 0, 0, 22])
const SIGNATURE = Buffer.from([0xc2, 16, 4, 0, 22, 8, 0, 6, 5, 2, 1, 2, 3, 4, 0, 0, 1, 2])

/** A mebibyte of one repeated part. */
function fill(part: string | Uint8Array): string {
  const text = typeof part === 'string' ? part : Buffer.from(part).toString('latin1')
  return text.repeat(Math.floor(MEBIBYTE / text.length))
}

/** A mebibyte of one repeated part, with a head and a tail. */
function around(head: string, part: string, tail: string): string {
  const room = MEBIBYTE - head.length - tail.length
  return head + part.repeat(Math.max(1, Math.floor(room / part.length))) + tail
}

function each(count: number, make: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => make(index)).join('')
}

function nested(depth: number, open: string, close: string): string {
  return open.repeat(depth) + close.repeat(depth)
}

function repeated(bytes: Buffer, times: number): Buffer {
  return Buffer.alloc(bytes.length * times, bytes)
}

function pad(index: number): string {
  return String(index).padStart(8, '0')
}

function derivation(builder: string, env: string): string {
  return `Derive([("out","","","")],[],[],"x","${builder}",[],[${env}])`
}

/**
 * Nested directories, assembled from their tokens: the encoder would refuse to exceed the limit.
 */
function narOfDepth(depth: number): Uint8Array {
  const entries = [...Array.from({ length: depth }, () => [narDirectoryHead(), narEntryHead('a')])].flat()
  const ends = Array.from({ length: 2 * depth }, narClose)
  return Buffer.concat([narStart(), ...entries, narSymlink('x'), ...ends])
}
