import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { keysOfArgument } from '../../src/cli/key-argument.ts'
import { certificate, keyOfSeed, packet } from '../support/openpgp-maker.ts'

const dir = mkdtempSync(join(tmpdir(), 'nixsig-key-argument-'))
after(() => rmSync(dir, { recursive: true, force: true }))
const at = (name: string) => join(dir, name)

/** What the keys of a file are, each in one or two words. */
const kindsOf = (name: string) =>
  keysOfArgument(at(name)).map(key => ('form' in key ? `${key.form} ${key.kind}` : key.kind))

it('the public key file of signify is one of its keys, and that of minisign is one of minisign', () => {
  execFileSync('signify-openbsd', [
    '-G',
    '-n',
    '-c',
    'alice of example.org',
    '-p',
    at('s.pub'),
    '-s',
    at('s.sec'),
  ])
  execFileSync('minisign', ['-G', '-W', '-p', at('m.pub'), '-s', at('m.key')], { stdio: 'ignore' })
  assert.deepEqual(kindsOf('s.pub'), ['signify ed25519'])
  assert.deepEqual(kindsOf('m.pub'), ['minisign ed25519'])
})

it("signify's own key generator writes a comment that tells it, also without one of the user's", () => {
  execFileSync('signify-openbsd', ['-G', '-n', '-p', at('plain.pub'), '-s', at('plain.sec')])
  assert.deepEqual(kindsOf('plain.pub'), ['signify ed25519'])
})

it('the public key file of ssh-keygen is a key of SSH, of any kind', () => {
  for (const [type, bits] of [
    ['ed25519', '256'],
    ['ecdsa', '384'],
    ['rsa', '2048'],
  ] as const) {
    const name = type + bits
    execFileSync('ssh-keygen', [
      '-q',
      '-t',
      type,
      '-b',
      bits,
      '-N',
      '',
      '-C',
      'alice at home',
      '-f',
      at(name),
    ])
    assert.deepEqual(kindsOf(`${name}.pub`), [`ssh ${type}`])
  }
})

it('a file of PEM is a key of PEM, of any kind', () => {
  for (const [name, args] of [
    ['ed25519', ['-algorithm', 'ED25519']],
    ['ecdsa', ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-521']],
    ['rsa', ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048']],
  ] as const) {
    const secret = execFileSync('openssl', ['genpkey', ...args], { stdio: ['ignore', 'pipe', 'ignore'] })
    writeFileSync(at('key.pem'), execFileSync('openssl', ['pkey', '-pubout'], { input: secret }))
    assert.deepEqual(kindsOf('key.pem'), [`pem ${name}`])
  }
})

it('a file with a comment and two keys is none', () => {
  writeFileSync(at('two.pub'), `untrusted comment: alice public key\n${'A'.repeat(56)}\n${'A'.repeat(56)}\n`)
  assert.throws(() => keysOfArgument(at('two.pub')), { name: 'FileError' })
})

it('attack: a certificate with a key for which anybody could sign is not taken, whichever of its keys that is', () => {
  const honest = keyOfSeed(0, 'honest')
  const weak = Buffer.concat([Buffer.of(4, 0, 0, 0, 0, 27, 1), Buffer.alloc(31)])
  writeFileSync(at('honest.pgp'), certificate(honest))
  assert.deepEqual(kindsOf('honest.pgp'), ['openpgp'])
  for (const file of [
    Buffer.concat([certificate(honest), packet(14, weak)]),
    packet(6, weak),
    Buffer.concat([certificate(honest), packet(6, weak)]),
  ]) {
    writeFileSync(at('weak.pgp'), file)
    assert.throws(() => keysOfArgument(at('weak.pgp')), /anybody could sign for it \([0-9A-F]{40}\)/)
  }
})

it('a secret key is called one, whoever made it, and no part of it is quoted', () => {
  execFileSync('minisign', ['-G', '-W', '-p', at('secret.pub'), '-s', at('minisign.sec')], {
    stdio: 'ignore',
  })
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at('ssh')])
  writeFileSync(at('nix'), `alice-1:${Buffer.alloc(64, 7).toString('base64')}\n`)
  writeFileSync(at('armoured'), '-----BEGIN PGP PRIVATE KEY BLOCK-----\n')
  for (const name of ['minisign.sec', 'ssh', 'nix', 'armoured'])
    assert.throws(() => keysOfArgument(at(name)), {
      message: `${at(name)} is a SECRET key, and a public one is needed; next: name the public key that was made with it, and let nobody else read this one`,
    })
  assert.throws(() => keysOfArgument(`alice-1:${Buffer.alloc(64, 7).toString('base64')}`), {
    message: /^what is given is a SECRET key/,
  })
})

it('a file that holds no key is named', () => {
  writeFileSync(at('picture.png'), Buffer.from('89504e470d0a1a0a0000000d', 'hex'))
  writeFileSync(at('note.txt'), 'call alice\n')
  for (const name of ['picture.png', 'note.txt'])
    assert.throws(
      () => keysOfArgument(at(name)),
      ({ message }: Error) =>
        message.startsWith(`${at(name)} is no public key: `) && message.includes('; next: '),
    )
})
