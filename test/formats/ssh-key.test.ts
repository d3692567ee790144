import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseSshPublicKey, printSshPublicKey, sshFingerprint } from '../../src/formats/ssh-key.ts'
import { toBase64 } from '../../src/primitives/base64.ts'
import { FormatError } from '../../src/primitives/format-error.ts'

/** A new key's public line and what `ssh-keygen -l` says of it. */
function sshKeygen(type: string): { line: string; listed: string } {
  const dir = mkdtempSync(join(tmpdir(), 'nixsig-ssh-'))
  try {
    const file = join(dir, 'key')
    execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', 'alice at home', '-f', file])
    const listed = execFileSync('ssh-keygen', ['-l', '-f', `${file}.pub`], { encoding: 'utf8' })
    return { line: readFileSync(`${file}.pub`, 'utf8').trimEnd(), listed }
  } finally {
    rmSync(dir, { recursive: true })
  }
}

test('reads, prints and names a key as ssh-keygen does', () => {
  for (let i = 0; i < 5; i++) {
    const { line, listed } = sshKeygen('ed25519')
    const key = parseSshPublicKey(line)
    assert.equal(key.byteLength, 32)
    assert.equal(listed.split(' ')[1], sshFingerprint(key))
    assert.equal(printSshPublicKey(key, 'alice at home'), line)
  }
})

test('a key without a comment', () => {
  const key = new Uint8Array(32).fill(7)
  assert.equal(printSshPublicKey(key, '').split(' ').length, 2)
  assert.deepEqual(parseSshPublicKey(printSshPublicKey(key, '')), key)
})

test('a key of another algorithm is refused', () => {
  assert.throws(() => parseSshPublicKey(sshKeygen('ecdsa').line), /no other algorithm is supported/)
})

const KEY = new Uint8Array(32).fill(9)
const LINE = printSshPublicKey(KEY, '')
/** The line of a blob of these parts, each after its length. */
function lineOf(...parts: readonly Uint8Array[]): string {
  const framed = parts.flatMap(part => [Buffer.from([0, 0, 0, part.length]), part])
  return `ssh-ed25519 ${toBase64(Buffer.concat(framed))}`
}
const NAME = Buffer.from('ssh-ed25519')

const REFUSED: readonly (readonly [string, string, RegExp])[] = [
  ['options before the key', `restrict ${LINE}`, /no other algorithm/],
  ['two spaces', LINE.replace(' ', '  '), /not an Ed25519 key/],
  ['a tab', LINE.replace(' ', '\t'), /no other algorithm/],
  ['the algorithm alone', 'ssh-ed25519', /no other algorithm/],
  ['a second line', `${LINE} a\n${LINE} b`, /control character in the comment/],
  ['a newline after the key', `${LINE}\n`, /not standard padded base64/],
  ['an escape sequence in the comment', `${LINE} \x1b[2J`, /control character in the comment/],
  [
    'a security key under this name',
    lineOf(Buffer.from('sk-ssh-ed25519@openssh.com'), KEY),
    /not an Ed25519/,
  ],
  ['a key of 31 bytes', lineOf(NAME, KEY.slice(1)), /not an Ed25519 key/],
  ['a key of 33 bytes', lineOf(NAME, new Uint8Array(33)), /not an Ed25519 key/],
  ['something after the key', lineOf(NAME, KEY, Buffer.from('x')), /not an Ed25519 key/],
  ['an empty blob', 'ssh-ed25519 ', /not an Ed25519 key/],
  ['a very long comment', `${LINE} ${'a'.repeat(1024)}`, /longer than 1024/],
]

for (const [name, line, reason] of REFUSED) {
  test(`refuses ${name}`, () => {
    assert.throws(() => parseSshPublicKey(line), reason)
    assert.throws(() => parseSshPublicKey(line), FormatError)
  })
}
