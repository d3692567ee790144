import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import {
  baseName,
  derivationName,
  isDerivationPath,
  isStorePath,
  isStorePathName,
  outputPathName,
  parseStorePath,
} from '../../../src/formats/nix/store-path.ts'
import { privateNix } from '../../support/private-nix.ts'
import { refuses } from '../../support/refuses.ts'

const DIGEST = 'pzwyv7ryd54jsw5g6dnmy0493psz627c'

const nix = privateNix()
after(nix.remove)

test('reads a store path', () => {
  const path = parseStorePath(`/nix/store/${DIGEST}-hello-2.12.1`)
  assert.deepEqual(path, { path: `/nix/store/${DIGEST}-hello-2.12.1`, digest: DIGEST, name: 'hello-2.12.1' })
  assert.equal(baseName(path), `${DIGEST}-hello-2.12.1`)
})

test('accepts the names that Nix accepts, and no others', () => {
  const names = [
    'a',
    '0',
    '...',
    '.x',
    '-',
    'a?=+_.-Z9',
    'a'.repeat(211),
    'a'.repeat(212),
    '',
    'a b',
    'a:b',
    'a,b',
    'a~b',
    'a!b',
    'a@b',
    'ä',
    'a%2fb',
  ]
  for (const name of names) {
    const accepted = nixTakes(name)
    assert.equal(isStorePath(`/nix/store/${DIGEST}-${name}`), accepted, name)
    assert.equal(isStorePathName(name), accepted, name)
  }
})

test('accepts names that only some versions of Nix accept', () => {
  for (const name of ['.', '..', '.-x', '..-x']) assert.ok(isStorePath(`/nix/store/${DIGEST}-${name}`), name)
})

test('says why a text is not a store path', () => {
  const path = `/nix/store/${DIGEST}-x`
  refuses(() => parseStorePath(''), /store path: not in \/nix\/store \(""\)/)
  refuses(() => parseStorePath(`${DIGEST}-x`), /not in \/nix\/store/)
  refuses(() => parseStorePath(` ${path}`), /not in \/nix\/store/)
  refuses(() => parseStorePath(`/gnu/store/${DIGEST}-x`), /not in \/nix\/store/)
  refuses(() => parseStorePath(`/nix/store-${DIGEST}-x`), /not in \/nix\/store/)
  refuses(() => parseStorePath(`/nix/store//${DIGEST}-x`), /more than a path directly in the store/)
  refuses(() => parseStorePath(`${path}/bin/sh`), /more than a path directly in the store/)
  refuses(() => parseStorePath(`${path}/`), /more than a path directly in the store/)
  refuses(() => parseStorePath(`/nix/store/../store/${DIGEST}-x`), /more than a path directly in the store/)
  refuses(() => parseStorePath('/nix/store/'), /does not start with a digest/)
  refuses(() => parseStorePath('/nix/store/.links'), /does not start with a digest/)
  refuses(() => parseStorePath(`/nix/store/${DIGEST}`), /does not start with a digest/)
  refuses(() => parseStorePath(`/nix/store/${DIGEST.toUpperCase()}-x`), /does not start with a digest/)
  refuses(() => parseStorePath(`/nix/store/${'e'.repeat(32)}-x`), /does not start with a digest/)
  refuses(() => parseStorePath(`/nix/store/${DIGEST}0-x`), /does not start with a digest/)
  refuses(() => parseStorePath(`/nix/store/${DIGEST}-`), /has an empty name/)
  refuses(() => parseStorePath(`/nix/store/${DIGEST}-${'x'.repeat(212)}`), /longer than 211 characters/)
  refuses(() => parseStorePath(`${path}\n`), /a character in its name that is not allowed/)
  refuses(() => parseStorePath(`${path}\0`), /a character in its name that is not allowed/)
})

test('escapes what it quotes', () => {
  refuses(() => parseStorePath(`/nix/store/${DIGEST}-\x1b[31mx\u202e`), /\\u\{1b\}\[31mx\\u\{202e\}"/)
})

test('reads any store path as itself', () => {
  const digests = fc.string({
    unit: fc.constantFrom(...'0123456789abcdfghijklmnpqrsvwxyz'),
    minLength: 32,
    maxLength: 32,
  })
  const names = fc.stringMatching(/^[0-9A-Za-z+._?=-]{1,211}$/)
  fc.assert(
    fc.property(digests, names, (digest, name) => {
      const path = `/nix/store/${digest}-${name}`
      assert.deepEqual(parseStorePath(path), { path, digest, name })
    }),
  )
})

test('names derivations and their outputs', () => {
  const named = (name: string) => parseStorePath(`/nix/store/${DIGEST}-${name}`)
  assert.equal(derivationName(named('hello.drv')), 'hello')
  assert.equal(derivationName(named('hello.drv.drv')), 'hello.drv')
  assert.equal(outputPathName('hello', 'out'), 'hello')
  assert.equal(outputPathName('hello', 'dev'), 'hello-dev')
  for (const name of ['hello', '.drv', 'hello.drv.tar', 'hellodrv']) {
    assert.equal(isDerivationPath(named(name)), false)
    refuses(() => derivationName(named(name)), /store path: not that of a derivation/)
  }
})

function nixTakes(name: string): boolean {
  try {
    nix.run('nix-instantiate', '--eval', '-E', `builtins.toFile "${name}" "hi"`)
    return true
  } catch {
    return false
  }
}
