// What people take for a signature and is something else is called by its name, with what to do.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { keysOfArgument } from '../../src/cli/key-argument.ts'
import { signatureKind } from '../../src/crypto/detached/verify.ts'
import { FormatError } from '../../src/primitives/format-error.ts'

const dir = mkdtempSync('/tmp/nixsig-other-test-')
const home = join(dir, 'gpg')
const at = (name: string) => join(dir, name)
after(() => {
  execFileSync('gpgconf', ['--homedir', home, '--kill', 'all'])
  rmSync(dir, { recursive: true, force: true })
})

function gpg(...args: readonly string[]): void {
  execFileSync('gpg', ['--homedir', home, '--batch', '--quiet', '--passphrase', '', ...args], { cwd: dir })
}

before(() => {
  mkdirSync(home, { mode: 0o700 })
  writeFileSync(at('text'), 'a text\n')
  gpg('--quick-generate-key', 'dev <dev@example.org>', 'ed25519', 'sign', 'never')
  gpg('--armor', '--output', 'dev.asc', '--export')
  gpg('--armor', '--output', 'inline.asc', '--sign', 'text')
  gpg('--output', 'clear.asc', '--clear-sign', 'text')
  const openssl = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=dev', '-days', '9']
  execFileSync('openssl', [...openssl, '-keyout', at('key.pem'), '-out', at('cert.pem')], { stdio: 'ignore' })
  const cms = [
    'cms',
    '-sign',
    '-binary',
    '-in',
    at('text'),
    '-signer',
    at('cert.pem'),
    '-inkey',
    at('key.pem'),
  ]
  execFileSync('openssl', [...cms, '-outform', 'PEM', '-out', at('cms.pem')], { stdio: 'ignore' })
})

function problemOf(contents: string | Uint8Array): string {
  try {
    return `a signature of ${signatureKind(Buffer.from(contents))}`
  } catch (error) {
    assert.ok(error instanceof FormatError, String(error))
    return error.message
  }
}

test('a keybox, as a signature and as a key, says how to export what is meant', () => {
  const keybox = readFileSync(join(home, 'pubring.kbx'))
  const words =
    /a keybox of GnuPG, which other programs cannot read \(next: export the key that is meant: gpg --no-/
  assert.match(problemOf(keybox), words)
  assert.throws(() => keysOfArgument(join(home, 'pubring.kbx')), words)
})

test('text before a signed message is said to be text that nobody signed', () => {
  const message = readFileSync(at('clear.asc'), 'utf8')
  assert.match(problemOf(message), /^a signature of openpgp$/)
  assert.match(
    problemOf(`From: dev@example.org\n\n${message}`),
    /a signed message with text before it, which nobody signed: the message begins at line 3 \(next: cut that off: sed/,
  )
})

test('keys, certificates, messages and pages are called by their names', () => {
  const cases: readonly (readonly [string | Uint8Array, RegExp])[] = [
    [readFileSync(at('dev.asc')), /an OpenPGP certificate, and no signature \(next: give it as the key/],
    [readFileSync(at('inline.asc')), /an OpenPGP message that holds its text in itself/],
    [readFileSync(at('key.pem')), /a SECRET key, and no signature/],
    [
      readFileSync(at('cert.pem')),
      /a certificate, as cosign writes one beside a \.sig: .* \(next: ask for the bundle/,
    ],
    [readFileSync(at('cert.pem')).toString('base64'), /a certificate, as cosign writes one/],
    ['<!DOCTYPE html>\n<title>404</title>', /a web page, and no signature/],
    ['\n<html>', /a web page/],
  ]
  for (const [contents, words] of cases) assert.match(problemOf(contents), words)
})

test('a signature by a certificate is gitsign where the certificate is of Sigstore, and S/MIME otherwise', () => {
  const cms = readFileSync(at('cms.pem'), 'utf8').replaceAll('CMS-----', 'SIGNED MESSAGE-----')
  assert.match(problemOf(cms), /^detached signature: a signature with an X\.509 certificate \(S\/MIME, CMS\)/)
  const oid = Buffer.concat([Buffer.alloc(30), Buffer.from('060a2b0601040183bf300101', 'hex')])
  const gitsign = `-----BEGIN SIGNED MESSAGE-----\n${oid.toString('base64')}\n-----END SIGNED MESSAGE-----\n`
  assert.match(
    problemOf(gitsign),
    /a signature of gitsign \(Sigstore, as CMS\), which cannot be checked offline \(next: ask for a tag signed with/,
  )
})

test('documents of JSON that hold no bundle are called by their names', () => {
  const cases: readonly (readonly [object, RegExp])[] = [
    [
      { _type: 'https://in-toto.io/Statement/v1', subject: [], predicateType: 'x' },
      /statement that nobody signed/,
    ],
    [
      { mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1' },
      /a trusted root of Sigstore/,
    ],
    [{ payloadType: 'x', payload: 'eA==', signatures: [] }, /an in-toto envelope alone/],
    [{ signed: { _type: 'targets' }, signatures: [] }, /metadata of TUF or an in-toto link/],
    [{ keys: [{ keyid: 'SHA256:x', keytype: 'ecdsa' }] }, /a list of public keys, as npm publishes them/],
    [{ name: 'x', dist: { integrity: 'x', signatures: [] } }, /npm's own description of a package/],
    [{ info: {}, urls: [{ packagetype: 'sdist' }] }, /PyPI's own description of a package/],
    [
      { uuid: { body: '', integratedTime: 1, logID: 'x', logIndex: 1 } },
      /an entry of a transparency log alone/,
    ],
  ]
  for (const [document, words] of cases) assert.match(problemOf(JSON.stringify(document)), words)
})
