import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import {
  isExactNamespace,
  looksLikeSshSignature,
  parseSshSignature,
  printSshSignature,
} from '../../../src/formats/ssh/sshsig.ts'
import { wireString, wireUint32 } from '../../../src/formats/ssh/wire.ts'
import { cpuTime } from '../../support/cpu-time.ts'

const dir = mkdtempSync(join(tmpdir(), 'nixsig-armour-'))
after(() => rmSync(dir, { recursive: true, force: true }))
execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(dir, 'key')])
const signing = ['-q', '-Y', 'sign', '-f', join(dir, 'key'), '-n', 'file']
const FILE = execFileSync('ssh-keygen', signing, {
  input: 'a release',
  encoding: 'utf8',
  stdio: ['pipe', 'pipe', 'ignore'],
})
const parsed = parseSshSignature(Buffer.from(FILE))

const BEGIN = '-----BEGIN SSH SIGNATURE-----'
const END = '-----END SSH SIGNATURE-----'

function accepts(file: string): boolean {
  writeFileSync(join(dir, 'asked'), file, 'latin1')
  const args = ['-Y', 'check-novalidate', '-n', 'file', '-s', join(dir, 'asked')]
  return spawnSync('ssh-keygen', args, { input: 'a release' }).status === 0
}

/** The file with other fields after the magic. */
function withFields(fields: {
  readonly version?: number
  readonly namespace?: string | Uint8Array
  readonly reserved?: string
  readonly hash?: string
  readonly rest?: string
}): string {
  const { version = 1, namespace = parsed.namespace, reserved = '', hash = parsed.hash, rest = '' } = fields
  const strings = [parsed.keyBlob, namespace, reserved, hash, parsed.signature].map(wireString)
  const blob = Buffer.concat([Buffer.from('SSHSIG'), wireUint32(version), ...strings, Buffer.from(rest)])
  return `${BEGIN}\n${blob.toString('base64')}\n${END}\n`
}

describe('an SSH signature file', () => {
  it('is printed exactly as it was read', () => {
    assert.equal(printSshSignature(parsed), FILE)
    assert.ok(looksLikeSshSignature(Buffer.from(FILE)))
    assert.deepEqual([parsed.namespace, parsed.hash], ['file', 'sha512'])
  })

  for (const [name, file] of [
    ['one long line', withFields({})],
    ['no newline at the end', FILE.trimEnd()],
    ['empty lines at the end', `${FILE}\n\n`],
  ] as const) {
    it(`may have ${name}, as for ssh-keygen`, () => {
      assert.ok(accepts(file))
      assert.deepEqual(parseSshSignature(Buffer.from(file)), parsed)
    })
  }

  /** Whether ssh-keygen accepts it although we do not. */
  const REFUSED: readonly (readonly [string, string, RegExp, boolean])[] = [
    ['text before it', `alice\n${FILE}`, /does not begin/, false],
    ['text after it', `${FILE}alice\n`, /goes on after its end/, true],
    ['another signature after it', FILE + FILE, /goes on after its end/, true],
    ['no end', FILE.replace(END, ''), /no line "-----END/, false],
    ['an end that is not a line of its own', FILE.replace(`\n${END}`, END), /no line "-----END/, false],
    ['something after its first line', FILE.replace(BEGIN, `${BEGIN} `), /does not begin/, false],
    ['carriage returns, which newer versions accept', FILE.replaceAll('\n', '\r\n'), /does not begin/, false],
    [
      'carriage returns inside',
      FILE.replace(/([A-Za-z0-9])\n/g, '$1\r\n'),
      /not standard padded base64/,
      true,
    ],
    ['an empty line', FILE.replace('\n', '\n\n'), /an empty line.*line 2/, true],
    ['spaces in base 64', FILE.replace(/\n(..)/, '\n$1 '), /not standard padded base64/, true],
    ['nothing', `${BEGIN}\n${END}\n`, /breaks off/, false],
    ['another magic', FILE.replace('U1NIU0lH', 'U1NIU0lI'), /no "SSHSIG"/, false],
    ['version 0', withFields({ version: 0 }), /of version 0/, true],
    ['version 2', withFields({ version: 2 }), /of version 2/, false],
    [
      'a reserved field, which is not signed',
      withFields({ reserved: 'x' }),
      /reserved field is not empty/,
      true,
    ],
    ['no namespace', withFields({ namespace: '' }), /namespace that is empty/, false],
    ['a namespace with NUL', withFields({ namespace: 'file\0x' }), /namespace that is empty/, false],
    ['a namespace that is not text', withFields({ namespace: Buffer.of(0xff) }), /not UTF-8/, false],
    ['a long namespace', withFields({ namespace: 'x'.repeat(257) }), /longer than 256 bytes/, false],
    ['SHA-1', withFields({ hash: 'sha1' }), /unknown hash "sha1"/, false],
    ['SHA-384', withFields({ hash: 'sha384' }), /unknown hash "sha384"/, false],
    ['an escape sequence as hash', withFields({ hash: '\x1b[2J' }), /not a valid name/, false],
    ['something after the signature', withFields({ rest: 'x' }), /goes on where it should end/, false],
    ['more than 64 KiB', BEGIN + '\n'.repeat(65536), /larger than 65536 bytes/, false],
  ]
  for (const [name, file, reason, isAccepted] of REFUSED) {
    it(`is refused with ${name}${isAccepted ? ', which ssh-keygen accepts' : ''}`, () => {
      assert.equal(accepts(file), isAccepted)
      const read = () => parseSshSignature(Buffer.from(file, 'latin1'))
      assert.throws(read, { name: 'FormatError', message: reason })
    })
  }

  it('is refused quickly, however many empty lines it has', () => {
    const file = Buffer.from(`${BEGIN}${'\n'.repeat(65000)}x`)
    const before = cpuTime()
    assert.throws(() => parseSshSignature(file), /no line "-----END/)
    assert.ok(cpuTime() - before < 500)
  })
})

it('a namespace is exact if ssh-keygen does not read it as a list or pattern', () => {
  for (const name of ['file', 'git', 'release@example.org', 'ä']) assert.ok(isExactNamespace(name))
  for (const name of ['', '*', 'fil?', 'a,b', '!git', 'a b', 'a"', 'a\\', 'x'.repeat(257)]) {
    assert.ok(!isExactNamespace(name))
  }
})
