import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { derivationPathOf } from '../../../src/formats/nix/derivation.ts'
import { parseStorePath } from '../../../src/formats/nix/store-path.ts'
import { parseStoredDerivation } from '../../../src/formats/nix/stored-derivation.ts'
import { privateNix } from '../../support/private-nix.ts'
import { refuses } from '../../support/refuses.ts'

const VECTORS = join(PROJECT_ROOT, 'test/vectors/nix')
const FILES = readdirSync(VECTORS).filter(file => file.endsWith('.drv'))
const TRUSTED = '/nix/store/00000000000000000000000000000000-trusted'

const nix = privateNix()
after(nix.remove)

function vector(name: string): Buffer {
  const file = FILES.find(file => file.slice(33) === `${name}.drv`)
  assert.ok(file !== undefined, name)
  return readFileSync(join(VECTORS, file))
}

/** A .drv with a text replaced, at the store path of its new contents. */
function forged(name: string, from: string, to: string) {
  const bytes = Buffer.from(vector(name).toString('latin1').replace(from, to), 'latin1')
  assert.notDeepEqual(bytes, vector(name))
  return { path: parseStorePath(derivationPathOf(bytes, `${name}.drv`)), bytes }
}

test('accepts every kind of derivation as Nix wrote it', () => {
  for (const file of FILES) {
    const bytes = readFileSync(join(VECTORS, file))
    assert.ok(parseStoredDerivation(parseStorePath(`/nix/store/${file}`), bytes).outputs.length > 0)
  }
})

test('refuses contents that do not belong to the store path', () => {
  const [one = '', other = ''] = FILES
  const bytes = readFileSync(join(VECTORS, other))
  refuses(
    () => parseStoredDerivation(parseStorePath(`/nix/store/${one}`), bytes),
    /derivation: its contents are not what its store path stands for/,
  )
})

test('refuses a fixed output that claims the path of another source', () => {
  const { path, bytes } = forged(
    'fixed-flat',
    '/nix/store/vfnlp2dj4i6d5m5ckpyv810jnjnp1rib-fixed-flat',
    TRUSTED,
  )
  refuses(
    () => parseStoredDerivation(path, bytes),
    /derivation: fixed output is not at \/nix\/store\/.*-fixed-flat/,
  )
})

test('refuses a fixed output whose hash was changed, and whose method was', () => {
  for (const [from, to] of [
    ['"sha256","98ea', '"sha256","98eb'],
    ['"sha256","98ea', '"r:sha256","98ea'],
    ['"sha256","98ea', '"text:sha256","98ea'],
  ] as const) {
    const { path, bytes } = forged('fixed-flat', from, to)
    refuses(() => parseStoredDerivation(path, bytes), /derivation: fixed output is not at/)
  }
})

test('refuses an output under the name of another derivation', () => {
  const { path, bytes } = forged('structured', '-structured","","")', '-destructured","","")')
  refuses(() => parseStoredDerivation(path, bytes), /derivation: output is not called structured/)
  const swapped = forged('input-addressed', '-input-addressed-dev","",""', '-input-addressed","",""')
  refuses(
    () => parseStoredDerivation(swapped.path, swapped.bytes),
    /output is not called input-addressed-dev/,
  )
})

test('refuses a .drv with another extension', () => {
  const bytes = vector('structured')
  const path = parseStorePath(derivationPathOf(bytes, 'structured'))
  refuses(() => parseStoredDerivation(path, bytes), /not that of a derivation/)
})

// Nix computes a fixed output's path from its hash and ignores the one in the .drv. So it adds this
// file to the store and would build one path, while a program that trusts the file judges another.
test('Nix itself accepts a derivation that lies about its fixed output', () => {
  const real = '/nix/store/pzwyv7ryd54jsw5g6dnmy0493psz627c-lie'
  const hash = '98ea6e4f216f2fb4b69fff9b3a44842c38686ca685f3f55dc48c5d3fb1107be4'
  const text = `Derive([("out","${TRUSTED}","sha256","${hash}")],[],[],"s","/b",[],[("name","lie"),("out","${real}")])`
  const expression = `builtins.toFile "lie.drv" ''${text}''`
  const stored = nix.say('nix-instantiate', '--eval', '--read-write-mode', '-E', expression).slice(1, -1)
  assert.equal(nix.say('nix-store', '--query', '--outputs', stored), real)
  refuses(
    () => parseStoredDerivation(parseStorePath(stored), nix.run('cat', nix.real(stored))),
    new RegExp(`fixed output is not at ${real} \\(${TRUSTED}\\)`),
  )
})
