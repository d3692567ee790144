import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { generateKey, readSecretKeyFile, writeKeyPair } from '../../src/crypto/secret-key.ts'
import { FileError } from '../../src/files/regular-file.ts'
import { FormatError } from '../../src/primitives/format-error.ts'
import { signEd25519, verifyEd25519 } from '../../src/primitives/sodium.ts'

let dir: string
let files: { secretKey: string; publicKey: string }
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nixsig-key-'))
  files = { secretKey: join(dir, 'key'), publicKey: join(dir, 'key.pub') }
})
afterEach(() => rmSync(dir, { recursive: true }))

const isRoot = process.getuid?.() === 0

test('a new key signs, is unique, and can be read from its file', () => {
  const key = generateKey('machine-1')
  const message = Buffer.from('message')
  assert.ok(verifyEd25519(message, signEd25519(message, key.secretKey), key.publicKey))
  assert.notDeepEqual(generateKey('machine-1').publicKey, key.publicKey)
  writeKeyPair(files, key)
  assert.deepEqual(readSecretKeyFile(files.secretKey), key)
  assert.equal(statSync(files.secretKey).mode & 0o777, 0o600)
  assert.equal(statSync(files.publicKey).mode & 0o777, 0o644)
})

test('a name that cannot be read from a key file is refused', () => {
  for (const name of ['', 'a:b', 'a\nb', 'a b']) assert.throws(() => generateKey(name), FormatError)
})

const nix = (args: readonly string[], input?: string) =>
  execFileSync('nix', ['--extra-experimental-features', 'nix-command', 'key', ...args], {
    encoding: 'utf8',
    ...(input === undefined ? {} : { input }),
  })

test("Nix derives our public key from our secret key, and we read Nix's secret key", () => {
  writeKeyPair(files, generateKey('machine-1'))
  const [secret, publicKey] = [files.secretKey, files.publicKey].map(file => readFileSync(file, 'utf8'))
  assert.equal(nix(['convert-secret-to-public'], secret), publicKey?.trimEnd())

  const theirs = nix(['generate-secret', '--key-name', 'theirs'])
  const file = join(dir, 'theirs')
  writeFileSync(file, theirs, { mode: 0o600 })
  const read = readSecretKeyFile(file)
  assert.equal(read.name, 'theirs')
  const publicText = nix(['convert-secret-to-public'], theirs)
  assert.equal(publicText, `theirs:${Buffer.from(read.publicKey).toString('base64')}`)
})

test('an existing key is never overwritten', () => {
  writeKeyPair(files, generateKey('first'))
  const before = readFileSync(files.secretKey)
  assert.throws(() => writeKeyPair(files, generateKey('second')), /cannot create .*key: EEXIST/)
  assert.deepEqual(readFileSync(files.secretKey), before)
})

test('if the public key exists already, no secret key is left behind', () => {
  writeFileSync(files.publicKey, 'somebody’s')
  assert.throws(() => writeKeyPair(files, generateKey('x')), /cannot create .*key\.pub: EEXIST/)
  assert.equal(existsSync(files.secretKey), false)
  assert.equal(readFileSync(files.publicKey, 'utf8'), 'somebody’s')
})

test('attack: a symbolic link has the name of the new secret key', () => {
  symlinkSync(join(dir, 'elsewhere'), files.secretKey)
  assert.throws(() => writeKeyPair(files, generateKey('x')), FileError)
  assert.equal(existsSync(join(dir, 'elsewhere')), false)
})

for (const mode of [0o640, 0o604, 0o620, 0o602, 0o610, 0o601]) {
  test(`a secret key of mode ${mode.toString(8)} is refused, with what to do`, () => {
    writeKeyPair(files, generateKey('x'))
    chmodSync(files.secretKey, mode)
    assert.throws(
      () => readSecretKeyFile(files.secretKey),
      /key is open to others; next: chmod 600 .*key, or make/,
    )
  })
}

test('a secret key of another user is refused', { skip: !isRoot }, () => {
  writeKeyPair(files, generateKey('x'))
  chownSync(files.secretKey, 1234, 0)
  assert.throws(() => readSecretKeyFile(files.secretKey), /key belongs to user 1234/)
})

test('a secret key that is missing, a link, a directory or a pipe is refused', () => {
  assert.throws(() => readSecretKeyFile(files.secretKey), /there is no secret key at/)
  writeKeyPair(files, generateKey('x'))
  symlinkSync(files.secretKey, join(dir, 'link'))
  assert.throws(() => readSecretKeyFile(join(dir, 'link')), FileError)
  assert.throws(() => readSecretKeyFile(dir), /is not a regular file/)
  execFileSync('mkfifo', ['-m', '600', join(dir, 'pipe')])
  assert.throws(() => readSecretKeyFile(join(dir, 'pipe')), /is not a regular file/)
})

/** A file of mode 0600 with these contents. */
function privateFile(contents: string): string {
  writeFileSync(files.secretKey, contents, { mode: 0o600 })
  return files.secretKey
}

test('attack: a secret key whose public half is another key’s', () => {
  const [mine, theirs] = [generateKey('x'), generateKey('x')]
  const mixed = Buffer.concat([mine.secretKey.subarray(0, 32), theirs.publicKey])
  assert.throws(() => readSecretKeyFile(privateFile(`x:${mixed.toString('base64')}\n`)), FormatError)
})

test('contents that are not a secret key are refused, and not quoted in the message', () => {
  const secret = Buffer.from(generateKey('x').secretKey).toString('base64')
  for (const contents of [
    '',
    '\n',
    secret,
    `x:${secret}\n\n`,
    `x:${secret} `,
    `x:${secret.slice(4)}`,
    `x:y:${secret}`,
  ]) {
    const file = privateFile(contents)
    assert.throws(
      () => readSecretKeyFile(file),
      (error: unknown) => error instanceof FormatError && !error.message.includes(secret.slice(8, 40)),
      JSON.stringify(contents),
    )
    rmSync(file)
  }
})
