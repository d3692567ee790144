import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseSshPublicKey, printSshPublicKey, sshFingerprint } from '../../../src/formats/ssh/key.ts'
import { wireString } from '../../../src/formats/ssh/wire.ts'
import { toBase64 } from '../../../src/primitives/base64.ts'

/** The public line of a new key and the output of `ssh-keygen -l` for it. */
function sshKeygen(type: string, bits: string): { line: string; listed: string } {
  const dir = mkdtempSync(join(tmpdir(), 'nixsig-ssh-'))
  try {
    const file = join(dir, 'key')
    execFileSync('ssh-keygen', ['-q', '-t', type, '-b', bits, '-N', '', '-C', 'alice at home', '-f', file])
    const listed = execFileSync('ssh-keygen', ['-l', '-f', `${file}.pub`], { encoding: 'utf8' })
    return { line: readFileSync(`${file}.pub`, 'utf8').trimEnd(), listed }
  } finally {
    rmSync(dir, { recursive: true })
  }
}

/** The output of `ssh-keygen -l` for a line. */
function ask(line: string): string {
  return execFileSync('ssh-keygen', ['-l', '-f', '-'], { encoding: 'utf8', input: `${line}\n` })
}

for (const [type, bits, kind] of [
  ['ed25519', '256', 'ed25519'],
  ['ecdsa', '256', 'ecdsa'],
  ['ecdsa', '384', 'ecdsa'],
  ['ecdsa', '521', 'ecdsa'],
  ['rsa', '2048', 'rsa'],
] as const) {
  test(`reads, prints and fingerprints a key of ${type} ${bits} as ssh-keygen does`, () => {
    const { line, listed } = sshKeygen(type, bits)
    const key = parseSshPublicKey(line)
    assert.equal(key.kind, kind)
    assert.equal(listed.split(' ')[1], sshFingerprint(key))
    assert.equal(printSshPublicKey(key, 'alice at home'), line)
  })
}

test('a key without a comment', () => {
  const publicKey = new Uint8Array(32).fill(7)
  const line = printSshPublicKey(publicKey, '')
  assert.equal(line.split(' ').length, 2)
  assert.deepEqual(parseSshPublicKey(line), { kind: 'ed25519', publicKey })
})

test('a security key with an application', () => {
  const publicKey = new Uint8Array(32).fill(7)
  const line = printSshPublicKey({ kind: 'ed25519', publicKey, application: 'ssh:' }, 'a stick')
  assert.match(line, /^sk-ssh-ed25519@openssh.com /)
  assert.deepEqual(parseSshPublicKey(line), { kind: 'ed25519', publicKey, application: 'ssh:' })
  const [, listed] = ask(line).split(' ')
  assert.equal(listed, sshFingerprint(parseSshPublicKey(line)))
})

test('keys by ssh-keygen that are too weak or unsupported are refused', () => {
  assert.throws(() => parseSshPublicKey(sshKeygen('rsa', '1024').line), /1024 bits, and 2048 to 16384/)
})

const KEY = new Uint8Array(32).fill(9)
const LINE = printSshPublicKey(KEY, '')
const NAME = Buffer.from('ssh-ed25519')
/** The line of a blob with these parts, each after its length. */
function lineOf(...parts: readonly (Uint8Array | string)[]): string {
  return `${parts[0]} ${toBase64(Buffer.concat(parts.map(wireString)))}`
}

const P256 = parseSshPublicKey(sshKeygen('ecdsa', '256').line)
assert.ok(P256.kind === 'ecdsa')
const POINT = P256.publicKey
const [E3, F4] = [Buffer.of(3), Buffer.of(1, 0, 1)]
const N = Buffer.alloc(256, 0xff)
const positive = (number: Uint8Array) => Buffer.concat([Buffer.of(0), number])
const flipped = (at: number) => POINT.map((byte, index) => (index === at ? byte ^ 1 : byte))

const REFUSED: readonly (readonly [string, string, RegExp])[] = [
  ['options before the key', `restrict ${LINE}`, /must be one of ssh-ed25519/],
  ['two spaces', LINE.replace(' ', '  '), /breaks off/],
  ['a tab', LINE.replace(' ', '\t'), /must be one of/],
  ['the algorithm alone', 'ssh-ed25519', /must be one of/],
  ['a second line', `${LINE} a\n${LINE} b`, /control character in the comment/],
  ['a newline after the key', `${LINE}\n`, /not standard padded base64/],
  ['an escape sequence in the comment', `${LINE} \x1b[2J`, /control character in the comment/],
  ['a key under the name of another', LINE.replace('ssh-ed25519', 'ssh-rsa'), /of another algorithm/],
  [
    'a security key under the plain name',
    lineOf('sk-ssh-ed25519@openssh.com', KEY, 'ssh:').replace('sk-ssh-ed25519@openssh.com', 'ssh-ed25519'),
    /of another algorithm/,
  ],
  ['a security key without application', lineOf('sk-ssh-ed25519@openssh.com', KEY), /breaks off/],
  ['an application of several lines', lineOf('sk-ssh-ed25519@openssh.com', KEY, 'a\nb'), /printable ASCII/],
  ['a key of 31 bytes', lineOf('ssh-ed25519', KEY.slice(1)), /not an Ed25519 key/],
  ['a key of 33 bytes', lineOf('ssh-ed25519', new Uint8Array(33)), /not an Ed25519 key/],
  ['something after the key', lineOf('ssh-ed25519', KEY, 'x'), /goes on/],
  ['an empty blob', 'ssh-ed25519 ', /breaks off/],
  ['a very long comment', `${LINE} ${'a'.repeat(4096)}`, /longer than 4096/],
  ['a DSA key', lineOf('ssh-dss', 'x'), /must be one of/],
  ['a certificate', lineOf('ssh-ed25519-cert-v01@openssh.com', KEY), /must be one of/],
  [
    'a P-384 security key, which does not exist',
    lineOf('sk-ecdsa-sha2-nistp384@openssh.com', 'x'),
    /must be one/,
  ],
  ['a point that is not on the curve', lineOf('ecdsa-sha2-nistp256', 'nistp256', flipped(64)), /not a point/],
  ['a compressed point', lineOf('ecdsa-sha2-nistp256', 'nistp256', flipped(0).slice(0, 33)), /uncompressed/],
  ['the point at infinity', lineOf('ecdsa-sha2-nistp256', 'nistp256', Buffer.of(0)), /uncompressed/],
  ['coordinates that are not reduced', lineOf('ecdsa-sha2-nistp256', 'nistp256', unreduced()), /not a point/],
  ['two curves', lineOf('ecdsa-sha2-nistp256', 'nistp384', POINT), /two curves/],
  ['a point of another curve', lineOf('ecdsa-sha2-nistp384', 'nistp384', POINT), /uncompressed/],
  ['a small exponent', lineOf('ssh-rsa', E3, positive(N)), /exponent below 65537/],
  ['an exponent beyond 32 bits', lineOf('ssh-rsa', Buffer.of(1, 0, 0, 0, 1), positive(N)), /above 32 bits/],
  ['an even exponent', lineOf('ssh-rsa', Buffer.of(1, 0, 2), positive(N)), /even/],
  ['an even modulus', lineOf('ssh-rsa', F4, positive(Buffer.from([...N.subarray(1), 0xfe]))), /even/],
  ['a modulus of 2047 bits', lineOf('ssh-rsa', F4, Buffer.from([0x7f, ...N.subarray(1)])), /2047 bits/],
  ['a modulus of 16385 bits', lineOf('ssh-rsa', F4, Buffer.from([1, ...Buffer.alloc(2048, 0xff)])), /16385/],
  ['a modulus with an extra zero', lineOf('ssh-rsa', F4, positive(positive(N))), /not in its shortest form/],
  ['a negative modulus', lineOf('ssh-rsa', F4, N), /not positive/],
  [
    'an exponent with a leading zero',
    lineOf('ssh-rsa', positive(F4), positive(N)),
    /not in its shortest form/,
  ],
  [
    'a length past the end',
    `ssh-ed25519 ${toBase64(Buffer.from([255, 255, 255, 255, ...NAME]))}`,
    /breaks off/,
  ],
]

/**
 * The same point written with x + p, which has the same length if x is small enough. Made up,
 * because no such point is known.
 */
function unreduced(): Uint8Array {
  return Buffer.concat([Buffer.of(4), Buffer.alloc(64, 0xff)])
}

for (const [name, line, reason] of REFUSED) {
  test(`refuses ${name}`, () => {
    assert.throws(() => parseSshPublicKey(line), { name: 'FormatError', message: reason })
  })
}
