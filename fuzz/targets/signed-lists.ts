/**
 * Lists of checksums and signed texts, and forgeries: a list that verifies must have been signed.
 */
import { strict as assert } from 'node:assert'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { verifyDetached } from '../../src/crypto/detached/verify.ts'
import { type Checksum, parseChecksumList } from '../../src/formats/checksum-list.ts'
import { type Cleartext, parseCleartext } from '../../src/formats/openpgp/cleartext.ts'
import { splitSignifyFile } from '../../src/formats/signify.ts'
import type { Key } from '../../src/policy/policy.ts'
import { FormatError } from '../../src/primitives/format-error.ts'
import { toHex } from '../../src/primitives/hex.ts'
import { sha256 } from '../../src/primitives/sodium.ts'
import { bytesOf, formatTarget, refusalOf, type Target } from '../target.ts'
import { OPENPGP_SIGNATURES } from './openpgp-seeds.ts'
import { SIGNIFY_KEY, signifyFile } from './ssh-seeds.ts'

const FILE = bytesOf('what is released, in a few bytes\n')
const NAME = 'hello-1.0.tar'
const HASH = toHex(sha256(FILE))

/** The list that Alice signed. */
const LIST = bytesOf(`SHA256 (${NAME}) = ${HASH}\nSHA256 (other.tar) = ${'0'.repeat(64)}\n`)

const LISTS: readonly string[] = [
  `${HASH}  ${NAME}\n${'a'.repeat(96)} *./dir/other\n`,
  `# a comment\n\\${HASH}  back\\\\slash\\n\n${'b'.repeat(128)}  x\r\n`,
  `SHA256 (${NAME}) = ${HASH}\nSHA2-512(x)= ${'c'.repeat(128)}\nMD5 (x) = ${'d'.repeat(32)}\n`,
  `${HASH} ${NAME}\n${'a'.repeat(96)}\tother\n`,
  `# BLAKE2B HASH\n${'b'.repeat(128)}  x\n# SHA512 HASH\n${'c'.repeat(128)}  x\n`,
  `DIST ${NAME} 33 BLAKE2B ${'b'.repeat(128)} SHA256 ${HASH}\nBLAKE2b-256 (x) = ${'a'.repeat(64)}\n`,
]

const LIST_TOKENS: readonly string[] = [
  ...[
    '  ',
    ' *',
    './',
    '/',
    '\\',
    '\\n',
    '\n',
    '\r\n',
    '#',
    ' = ',
    ') = ',
    'SHA256 (',
    'SHA512(',
    'SHA2-384 (',
  ],
  ...[
    '\t',
    ' ',
    '# SHA512 HASH\n',
    '# BLAKE2B HASH\n',
    'DIST x 1 SHA256 ',
    ' BLAKE2B ',
    'BLAKE2b (',
    'SHA3-256 (',
  ],
  ...['MD5 (', HASH, 'a'.repeat(64), 'b'.repeat(96), 'c'.repeat(128), 'd'.repeat(32), NAME],
]

const ARMOURED = OPENPGP_SIGNATURES.map(bytes => Buffer.from(bytes).toString('latin1')).filter(text =>
  text.startsWith('-----BEGIN PGP SIGNATURE-----'),
)

const TEXTS: readonly string[] = ARMOURED.flatMap(signature =>
  [`${HASH}  ${NAME}\n`, '- -----BEGIN\n\n \ttwo \t\n', ''].map(
    text => `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512, SHA256\n\n${text}${signature}`,
  ),
)

const TEXT_TOKENS: readonly string[] = [
  ...[
    '-----BEGIN PGP SIGNED MESSAGE-----\n',
    '-----BEGIN PGP SIGNATURE-----\n',
    '-----END PGP SIGNATURE-----',
  ],
  ...[
    'Hash: SHA256\n',
    'Comment: x\n',
    'NotDashEscaped: x\n',
    '- ',
    '-',
    '\n\n',
    '\r\n',
    ' \n',
    '\t\n',
    '\f',
    '\v',
  ],
]

/** Parsers of files. */
export const SIGNED_LISTS: readonly Target[] = [
  formatTarget({
    name: 'checksum list',
    seeds: LISTS,
    tokens: LIST_TOKENS,
    read: parseChecksumList,
    print: printList,
  }),
  formatTarget({
    name: 'signed text',
    seeds: TEXTS,
    tokens: TEXT_TOKENS,
    read: parseCleartext,
    print: printText,
    also: ({ text, signed }) => {
      assert.doesNotMatch(text, /[ \t]$|\r/m)
      assert.equal(Buffer.from(signed).toString('utf8'), text.slice(0, -1).replaceAll('\n', '\r\n'))
    },
  }),
]

/**
 * A list with an embedded signify signature, judged for a file that it names. `directory` holds
 * nothing else.
 */
export function forgedList(directory: string): Target {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const file = join(directory, NAME)
  writeFileSync(file, FILE)
  const key: Key = {
    kind: 'ed25519',
    form: 'signify',
    identity: 'ed25519:alice',
    label: 'alice',
    ...SIGNIFY_KEY,
  }
  return {
    name: 'forged signed list',
    seeds: [Buffer.concat([signifyFile(LIST), LIST])],
    tokens: ['untrusted comment: ', 'RWQ', ...LIST_TOKENS],
    check: async input => {
      try {
        const [result] = await verifyDetached({ file, signature: input, keys: [key] })
        if (result?.outcome === 'good') assert.deepEqual(splitSignifyFile(input).message, Buffer.from(LIST))
        return result?.outcome ?? 'no result'
      } catch (error) {
        return refusalOf(error, [FormatError])
      }
    },
  }
}

/**
 * The list as coreutils would write it; undefined if a checksum is missing or a name occurs twice.
 */
function printList(checksums: readonly Checksum[]): string | undefined {
  const isPlain = checksums.every(({ algorithm, name }) => algorithm !== 'other' && name !== '')
  const keys = new Set(checksums.map(({ algorithm, name }) => `${algorithm} ${name}`))
  if (!isPlain || keys.size < checksums.length) return undefined
  const escaped = (name: string) =>
    name.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r')
  const printed = ({ algorithm, perhaps, hash, name }: Checksum) =>
    perhaps === undefined
      ? `\\${algorithm.toUpperCase()} (${escaped(name)}) = ${hash}\n`
      : `\\${hash}  ${escaped(name)}\n`
  return checksums.map(printed).join('')
}

function printText({ text, signature }: Cleartext): string {
  const lines = text.split('\n').slice(0, -1)
  const escaped = lines.map(line => (line.startsWith('-') ? `- ${line}\n` : `${line}\n`)).join('')
  return `-----BEGIN PGP SIGNED MESSAGE-----\n\n${escaped}${Buffer.from(signature).toString('utf8')}`
}
