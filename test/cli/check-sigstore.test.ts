// needs: dist
import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import {
  ALICE,
  ecdsaPair,
  ISSUER,
  keyBundle,
  loggedBundle,
  makeInstance,
  messageSignature,
  trustedRoot,
} from '../support/sigstore.ts'
import { buildCli } from './built-cli.ts'

const cli = buildCli()
after(() => cli.remove())

const release = Buffer.from('the release\n')
const instance = makeInstance()
const { publicKey, privateKey } = ecdsaPair()
const content = messageSignature(privateKey, release)
cli.write('x.tar', release)
cli.write('y.tar', 'another\n')
cli.write('root.json', trustedRoot(instance))
cli.write('x.tar.sigstore.json', JSON.stringify(loggedBundle(instance, content, { publicKey })))
cli.write('x.tar.key.json', JSON.stringify(keyBundle(publicKey, content)))
cli.write('key.pem', publicKey.export({ format: 'pem', type: 'spki' }))

const check = (file: string, signature: string, key: string) =>
  cli.run('check-signature', file, signature, '--key', key)

test('whom an identity provider vouched for, by the name and the root that are given', () => {
  const { status, stdout } = check('x.tar', 'x.tar.sigstore.json', `sigstore:${ALICE},${ISSUER},root.json`)
  assert.equal(status, 0, stdout)
  assert.equal(stdout, `good x.tar\n  signed by ${ALICE} (the file itself, signed 2026-03-01)\n`)
})

test('the same for another name, another file, and a root that is none', () => {
  const cases = [
    ['x.tar', `sigstore:bob@example.org,${ISSUER},root.json`, 11],
    ['y.tar', `sigstore:${ALICE},${ISSUER},root.json`, 13],
  ] as const
  for (const [file, key, expected] of cases) {
    const { status, stdout } = check(file, 'x.tar.sigstore.json', key)
    assert.equal(status, expected, stdout)
  }
  const { status, stderr } = check('x.tar', 'x.tar.sigstore.json', `sigstore:${ALICE},${ISSUER},key.pem`)
  assert.notEqual(status, 0)
  assert.match(stderr, /JSON: expected a value/)
})

test('an identity of another form is told how to be written', () => {
  for (const key of [
    `sigstore:${ALICE}`,
    `sigstore:${ALICE},accounts.example.org,root.json`,
    'sigstore:,,',
  ]) {
    const { status, stderr } = check('x.tar', 'x.tar.sigstore.json', key)
    assert.notEqual(status, 0)
    assert.match(stderr, /sigstore:SUBJECT,ISSUER,TRUSTED_ROOT/)
  }
})

test('a bundle that was signed with a key, the key in PEM', () => {
  const { status, stdout } = check('x.tar', 'x.tar.key.json', 'key.pem')
  assert.equal(status, 0, stdout)
  assert.equal(check('y.tar', 'x.tar.key.json', 'key.pem').status, 13)
})

test('a real bundle, of a package that npm has', () => {
  const vectors = join(PROJECT_ROOT, 'test/vectors/sigstore')
  for (const name of ['sigstore-2.0.0.tgz', 'sigstore-2.0.0.tgz.sigstore.json', 'trusted_root.json']) {
    copyFileSync(join(vectors, name), join(cli.dir, name))
  }
  const workflow = 'https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main'
  const key = `sigstore:${workflow},https://token.actions.githubusercontent.com,trusted_root.json`
  const { status, stdout } = check('sigstore-2.0.0.tgz', 'sigstore-2.0.0.tgz.sigstore.json', key)
  assert.equal(status, 0, stdout)
  assert.match(stdout, /built by https:\/\/github\.com\/actions\/runner\/github-hosted, signed 2023-08-18/)
})
