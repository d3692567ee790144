import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { parseContentAddress } from '../../../src/formats/nix/content-address.ts'
import { parseDerivation, printDerivation } from '../../../src/formats/nix/derivation.ts'
import {
  fixedOutputPath,
  makeStorePath,
  outputPath,
  sourcePath,
  textPath,
} from '../../../src/formats/nix/make-store-path.ts'
import { narOfBytes } from '../../../src/formats/nix/nar.ts'
import { printNarinfo } from '../../../src/formats/nix/narinfo.ts'
import { parseStorePath } from '../../../src/formats/nix/store-path.ts'
import { toHex } from '../../../src/primitives/hex.ts'
import { sha256 } from '../../../src/primitives/sodium.ts'
import { privateNix } from '../../support/private-nix.ts'
import { refuses } from '../../support/refuses.ts'

const nix = privateNix()
after(nix.remove)

const HELLO = Buffer.from('hello\n')
const A = '/nix/store/00000000000000000000000000000000-a'
const B = '/nix/store/11111111111111111111111111111111-b'

test('computes the path of a text as builtins.toFile does', () => {
  assert.equal(
    textPath('t', HELLO, []),
    nix.say('nix-instantiate', '--eval', '-E', 'builtins.toFile "t" "hello\\n"').slice(1, -1),
  )
  const withReferences = nix.say(
    'nix-instantiate',
    '--read-write-mode',
    '--eval',
    '--strict',
    '--json',
    '-E',
    `let a = builtins.toFile "a" "1"; b = builtins.toFile "b" "2"; in [ a b (builtins.toFile "t" "\${b} \${a}") ]`,
  )
  const [a = '', b = '', text = ''] = JSON.parse(withReferences)
  assert.equal(textPath('t', Buffer.from(`${b} ${a}`), [b, a]), text)
  assert.equal(textPath('t', Buffer.from(`${b} ${a}`), [a, b, a]), text)
})

test('computes the path of a source as nix-store --add does', () => {
  const file = join(nix.dir, 'hello.txt')
  writeFileSync(file, HELLO)
  const narHash = toHex(sha256(narOfBytes(HELLO, false)))
  assert.equal(sourcePath({ name: 'hello.txt', narHash }), nix.say('nix-store', '--add', file))
})

test('computes the paths of fixed outputs as nix-store --print-fixed-path does', () => {
  for (const algorithm of ['md5', 'sha1', 'sha256', 'sha512'] as const) {
    const hash = nix.say('nix-hash', '--flat', '--type', algorithm, join(nix.dir, 'hello.txt'))
    const flat = nix.say('nix-store', '--print-fixed-path', algorithm, hash, 'f')
    const recursive = nix.say('nix-store', '--print-fixed-path', '--recursive', algorithm, hash, 'f')
    assert.equal(fixedOutputPath({ name: 'f', method: 'flat', algorithm, hash }), flat)
    assert.equal(fixedOutputPath({ name: 'f', method: 'recursive', algorithm, hash }), recursive)
  }
})

test('computes the path of contents that refer to themselves and to others as Nix does', () => {
  const other = nix.say('nix-store', '--add', join(nix.dir, 'hello.txt'))
  const path = `/nix/store/${'0'.repeat(32)}-selfish`
  const nar = narOfBytes(Buffer.from(`${path} ${other}`), false)
  substitute({ path, nar, references: [path, other] })

  const { rewrites } = JSON.parse(nix.say('nix', 'store', 'make-content-addressed', '--json', path))
  const [info] = JSON.parse(nix.say('nix', 'path-info', '--json', rewrites[path]))
  assert.deepEqual([...info.references].sort(), [info.path, other].sort())
  const fixed = {
    name: 'selfish',
    ...parseContentAddress(info.ca),
    references: [other],
    self: true,
  }
  assert.equal(fixedOutputPath(fixed), info.path)
  assert.notEqual(fixedOutputPath({ ...fixed, self: false }), info.path)
})

test('computes the path of an input-addressed output as Nix does', () => {
  const expression =
    'derivation { name = "plain"; system = "x86_64-linux"; builder = "/bin/sh"; outputs = [ "out" "dev" ]; }'
  const drv = nix.say('nix-instantiate', '-E', expression).split('\n').at(-1) ?? ''
  const derivation = parseDerivation(nix.run('cat', nix.real(drv.replace(/!.*/, ''))))
  // Without inputs, the hash "modulo fixed outputs" is that of the .drv with its own output paths
  // blank.
  const names = derivation.outputs.map(output => output.name)
  const blank = {
    ...derivation,
    outputs: derivation.outputs.map(({ name }) => ({ kind: 'deferred', name }) as const),
    env: derivation.env.map(([name, value]) => [name, names.includes(name) ? '' : value] as const),
  }
  const hash = toHex(sha256(printDerivation(blank)))
  assert.deepEqual(
    derivation.outputs.map(({ name }) => outputPath({ name: 'plain', output: name, hash })),
    derivation.outputs.map(output => (output.kind === 'input-addressed' ? output.path : '')),
  )
  assert.deepEqual(names, ['dev', 'out'])
})

test('sorts references, counts each once, and tells "self" from none', () => {
  const narHash = 'ab'.repeat(32)
  const path = sourcePath({ name: 's', narHash, references: [A, B] })
  assert.equal(sourcePath({ name: 's', narHash, references: [B, A, B] }), path)
  assert.equal(path, makeStorePath(`source:${A}:${B}`, narHash, 's'))
  assert.equal(
    sourcePath({ name: 's', narHash, references: [A], self: true }),
    makeStorePath(`source:${A}:self`, narHash, 's'),
  )
  assert.equal(sourcePath({ name: 's', narHash, self: false }), makeStorePath('source', narHash, 's'))
})

test('refuses references that could be read as two', () => {
  refuses(
    () => textPath('t', HELLO, [`${A}:${B}`]),
    /store path: has a character in its name|more than a path/,
  )
  refuses(
    () => sourcePath({ name: 's', narHash: 'ab'.repeat(32), references: ['self'] }),
    /not in \/nix\/store/,
  )
})

test('refuses bad names and bad hashes', () => {
  for (const name of ['', 'a/b', 'a:b', 'x'.repeat(212)]) {
    refuses(() => textPath(name, HELLO, []), /store path: not the name of a store path/)
  }
  refuses(() => makeStorePath('source', 'AB'.repeat(32), 's'), /not a SHA-256 in hex/)
  refuses(() => makeStorePath('source', 'ab'.repeat(31), 's'), /not a SHA-256 in hex/)
  refuses(
    () => fixedOutputPath({ name: 'f', method: 'flat', algorithm: 'sha1', hash: 'ab'.repeat(32) }),
    /not a sha1 in hex/,
  )
})

test('refuses references and hashes that a method cannot have', () => {
  const hash = 'ab'.repeat(32)
  const flat = { name: 'f', method: 'flat', algorithm: 'sha256', hash } as const
  refuses(() => fixedOutputPath({ ...flat, references: [A] }), /may not refer to other paths/)
  refuses(() => fixedOutputPath({ ...flat, self: true }), /may not refer to itself/)
  refuses(() => fixedOutputPath({ ...flat, method: 'text', self: true }), /may not refer to itself/)
  const sha512 = { name: 'f', algorithm: 'sha512', hash: 'ab'.repeat(64) } as const
  refuses(() => fixedOutputPath({ ...sha512, method: 'text' }), /text is hashed with sha256 alone/)
  refuses(() => fixedOutputPath({ ...sha512, method: 'git' }), /git hashes with sha1 or sha256/)
})

/**
 * Adds a path, whose references except itself are in the store, to the store through a binary
 * cache.
 */
function substitute(made: { path: string; nar: Uint8Array; references: readonly string[] }): void {
  const cache = join(nix.dir, 'cache')
  const others = made.references.filter(reference => reference !== made.path)
  nix.run('nix', 'copy', '--to', `file://${cache}`, ...others)
  writeFileSync(join(cache, 'it.nar'), made.nar)
  const narinfo = printNarinfo({
    path: made.path,
    url: 'it.nar',
    compression: 'none',
    fileHash: undefined,
    fileSize: undefined,
    narHash: toHex(sha256(made.nar)),
    narSize: made.nar.byteLength,
    references: made.references,
    deriver: undefined,
    system: undefined,
    signatures: [],
    contentAddress: undefined,
  })
  writeFileSync(join(cache, `${parseStorePath(made.path).digest}.narinfo`), narinfo)
  nix.run('nix', 'copy', '--no-check-sigs', '--from', `file://${cache}`, made.path)
}
