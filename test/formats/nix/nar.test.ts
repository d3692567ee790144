import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import {
  decodeNar,
  encodeNar,
  NAR_DEPTH_LIMIT,
  type NarNode,
  narOfBytes,
} from '../../../src/formats/nix/nar.ts'
import { narFileHead } from '../../../src/formats/nix/nar-tokens.ts'
import { FormatError } from '../../../src/primitives/format-error.ts'
import { privateNix } from '../../support/private-nix.ts'
import { refuses } from '../../support/refuses.ts'

const nix = privateNix()
after(nix.remove)

const FILE: NarNode = { kind: 'regular', executable: false, contents: new Uint8Array() }

function nar(node: NarNode): Buffer {
  return Buffer.concat([...encodeNar(node)])
}

/**
 * The strings of a NAR one after another, correctly padded, for archives that no encoder would
 * write.
 */
function strings(...texts: readonly (string | Uint8Array)[]): Buffer {
  return Buffer.concat(
    texts.flatMap(text => {
      const bytes = Buffer.from(text as string, 'latin1')
      const length = Buffer.alloc(8)
      length.writeBigUInt64LE(BigInt(bytes.length))
      return [length, bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8)]
    }),
  )
}

const START = ['nix-archive-1', '(', 'type']
const EMPTY_FILE = ['(', 'type', 'regular', 'contents', '', ')']

function directory(...names: readonly string[]): Buffer {
  const entries = names.flatMap(name => ['entry', '(', 'name', name, 'node', ...EMPTY_FILE, ')'])
  return strings(...START, 'directory', ...entries, ')')
}

test('writes what nix-store --dump writes, and reads it', () => {
  const tree = join(nix.dir, 'tree')
  mkdirSync(join(tree, 'empty'), { recursive: true })
  writeFileSync(join(tree, 'script'), '#!/bin/sh\n', { mode: 0o755 })
  writeFileSync(join(tree, 'eight'), '12345678')
  writeFileSync(join(tree, 'nothing'), '')
  symlinkSync('../script', join(tree, 'empty', 'link'))
  const node: NarNode = {
    kind: 'directory',
    entries: [
      { name: 'eight', node: { kind: 'regular', executable: false, contents: Buffer.from('12345678') } },
      {
        name: 'empty',
        node: {
          kind: 'directory',
          entries: [{ name: 'link', node: { kind: 'symlink', target: '../script' } }],
        },
      },
      { name: 'nothing', node: { kind: 'regular', executable: false, contents: Buffer.alloc(0) } },
      { name: 'script', node: { kind: 'regular', executable: true, contents: Buffer.from('#!/bin/sh\n') } },
    ],
  }
  const dumped = nix.run('nix-store', '--dump', tree)
  assert.deepEqual(nar(node), dumped)
  assert.deepEqual(decodeNar(dumped), node)
})

test('writes one file as nix-store --dump does, of any length', () => {
  for (const length of [0, 1, 7, 8, 9, 4096, 100_001]) {
    const file = join(nix.dir, 'file')
    const contents = Buffer.alloc(length, 'x')
    writeFileSync(file, contents)
    assert.deepEqual(narOfBytes(contents, false), nix.run('nix-store', '--dump', file))
  }
})

test('Nix unpacks what is written', () => {
  const node: NarNode = {
    kind: 'directory',
    entries: [
      { name: 'b', node: { kind: 'symlink', target: 'a' } },
      { name: 'a', node: { kind: 'regular', executable: true, contents: Buffer.from('a') } },
    ],
  }
  const file = join(nix.dir, 'written.nar')
  writeFileSync(file, nar(node))
  nix.run('sh', '-c', `nix-store --restore ${nix.dir}/unpacked < ${file}`)
  assert.deepEqual(nix.run('nix-store', '--dump', join(nix.dir, 'unpacked')), nar(node))
})

// Pairs whose order differs between bytes, UTF-16, locales, and git (a slash after each directory).
test('sorts names by their bytes', () => {
  const sorted = [
    '!',
    '-',
    '.a',
    'A',
    'B',
    'a',
    'a-b',
    'a.b',
    'a0',
    'aA',
    'aa',
    '\x7f',
    '\x80',
    '\xc3\xa4',
    '\xff',
  ]
  const entries = sorted.toReversed().map(name => ({ name, node: FILE }))
  const archive = nar({ kind: 'directory', entries })
  assert.deepEqual(archive, directory(...sorted))
  const decoded = decodeNar(archive)
  assert.ok(decoded.kind === 'directory')
  assert.deepEqual(
    decoded.entries.map(entry => entry.name),
    sorted,
  )
})

const names = fc.stringMatching(/^[\x01-\x2e\x30-\xff]{1,9}$/).filter(name => name !== '.' && name !== '..')

const nodes: fc.Arbitrary<NarNode> = fc.letrec<{ node: NarNode }>(tie => ({
  node: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc
      .tuple(fc.boolean(), fc.uint8Array({ maxLength: 20 }))
      .map(([executable, bytes]) => ({ kind: 'regular', executable, contents: Buffer.from(bytes) }) as const),
    fc.stringMatching(/^[\x01-\xff]{1,20}$/).map(target => ({ kind: 'symlink', target }) as const),
    fc.dictionary(names, tie('node'), { maxKeys: 5, noNullPrototype: true }).map(directoryOf),
  ),
})).node

function directoryOf(tree: Readonly<Record<string, NarNode>>): NarNode {
  const sorted = Object.keys(tree).sort()
  return { kind: 'directory', entries: sorted.map(name => ({ name, node: tree[name] ?? FILE })) }
}

test('reads back what it writes', () => {
  fc.assert(
    fc.property(nodes, node => {
      assert.deepEqual(decodeNar(nar(node)), node)
    }),
  )
})

test('refuses every archive with one byte changed, or reads another tree', () => {
  fc.assert(
    fc.property(nodes, fc.nat(), fc.integer({ min: 1, max: 255 }), (node, position, change) => {
      const archive = nar(node)
      const at = position % archive.length
      archive[at] = (archive[at] ?? 0) ^ change
      let read: NarNode
      try {
        read = decodeNar(archive)
      } catch (error) {
        assert.ok(error instanceof FormatError)
        return
      }
      assert.deepEqual(nar(read), archive)
    }),
  )
})

test('refuses an archive that is cut off anywhere', () => {
  const archive = nar({
    kind: 'directory',
    entries: [
      { name: 'a', node: { kind: 'regular', executable: true, contents: Buffer.from('a') } },
      { name: 'b', node: { kind: 'symlink', target: 'a' } },
    ],
  })
  for (let length = 0; length < archive.length; length++) {
    refuses(() => decodeNar(archive.subarray(0, length)), /NAR: breaks off \(offset \d+\)/)
  }
})

test('refuses trailing data', () => {
  refuses(() => decodeNar(Buffer.concat([nar(FILE), Buffer.alloc(8)])), /NAR: something follows the archive/)
  refuses(() => decodeNar(Buffer.concat([nar(FILE), nar(FILE)])), /NAR: something follows the archive/)
})

test('refuses names that lead out of the tree', () => {
  for (const name of ['', '.', '..', '/', 'a/b', '../a', 'a/', '/etc/passwd', 'a\0', '\0']) {
    refuses(() => decodeNar(directory(name)), /NAR: ".*" cannot be the name of a file/)
    refuses(
      () => nar({ kind: 'directory', entries: [{ name, node: FILE }] }),
      /NAR: cannot be the name of a file/,
    )
  }
  refuses(() => decodeNar(directory('a'.repeat(256))), /NAR: string longer than 255 bytes/)
  refuses(
    () => nar({ kind: 'directory', entries: [{ name: 'a'.repeat(256), node: FILE }] }),
    /cannot be the name/,
  )
})

test('refuses repeated and unsorted names', () => {
  refuses(() => decodeNar(directory('a', 'a')), /NAR: "a" is repeated/)
  refuses(() => decodeNar(directory('b', 'a')), /NAR: "a" is out of order/)
  refuses(() => decodeNar(directory('a', 'b', 'a')), /NAR: "a" is out of order/)
  refuses(() => decodeNar(directory('\xff', 'a')), /NAR: "a" is out of order/)
  const twice = [
    { name: 'a', node: FILE },
    { name: 'b', node: FILE },
    { name: 'a', node: FILE },
  ]
  refuses(() => nar({ kind: 'directory', entries: twice }), /NAR: is repeated \("a"\)/)
})

test('refuses padding that is not zero', () => {
  const archive = Buffer.from(narOfBytes(Buffer.from('a'), false))
  const at = archive.indexOf('contents') + 'contents'.length + 8 + 1
  for (let offset = at; offset < at + 7; offset++) {
    const changed = Buffer.from(archive)
    changed[offset] = 1
    refuses(() => decodeNar(changed), new RegExp(`NAR: padding that is not zero \\(offset ${offset}\\)`))
  }
})

test('refuses targets that no link can have', () => {
  const link = (target: string) => strings(...START, 'symlink', 'target', target, ')')
  for (const target of ['', 'a\0b']) {
    refuses(() => decodeNar(link(target)), /NAR: not the target of a link/)
    refuses(() => nar({ kind: 'symlink', target }), /NAR: cannot be the target of a link/)
  }
  refuses(() => decodeNar(link('a'.repeat(4096))), /NAR: string longer than 4095 bytes/)
})

test('refuses lengths that no archive can have', () => {
  const head = strings(...START, 'regular', 'contents')
  const huge = [2n ** 64n - 1n, 2n ** 63n, 2n ** 53n, 2n ** 32n, 8n]
  for (const length of huge) {
    const bytes = Buffer.alloc(8)
    bytes.writeBigUInt64LE(length)
    refuses(() => decodeNar(Buffer.concat([head, bytes])), /NAR: (breaks off|string longer than)/)
  }
})

test('refuses another order of keywords, and unknown keywords', () => {
  const archives: readonly (readonly [words: readonly string[], reason: RegExp])[] = [
    [['nix-archive-2', ...EMPTY_FILE], /"nix-archive-1" is missing \(offset 0\)/],
    [[...START, 'regular', ')'], /"contents" is missing/],
    [[...START, 'regular', 'contents', '', 'executable', '', ')'], /"\)" is missing/],
    [[...START, 'regular', 'executable', 'yes', 'contents', '', ')'], /"" is missing/],
    [[...START, 'regular', 'executable', '', 'executable', '', 'contents', '', ')'], /"contents" is missing/],
    [[...START, 'regular', 'contents', '', 'contents', '', ')'], /"\)" is missing/],
    [[...START, 'regular', 'target', 'x', ')'], /"contents" is missing/],
    [[...START, 'symlink', ')'], /"target" is missing/],
    [[...START, 'symlink', 'target', 'x', 'target', 'y', ')'], /"\)" is missing/],
    [[...START, 'device', ')'], /"device" is not a type of file/],
    [[...START, 'directory', 'type', 'regular', ')'], /neither an entry nor the end/],
    [
      [...START, 'directory', 'entry', '(', 'node', ...EMPTY_FILE, 'name', 'a', ')', ')'],
      /"name" is missing/,
    ],
    [[...START, 'directory', 'entry', '(', 'name', 'a', ')', ')'], /"node" is missing/],
  ]
  for (const [words, reason] of archives) refuses(() => decodeNar(strings(...words)), reason)
})

test('refuses a tree that is too deep, and accepts one at the limit', () => {
  const nested = (depth: number): NarNode => {
    let node: NarNode = { kind: 'directory', entries: [] }
    for (let level = 1; level < depth; level++) node = { kind: 'directory', entries: [{ name: 'd', node }] }
    return node
  }
  const deepest = nested(NAR_DEPTH_LIMIT)
  assert.deepEqual(nar(decodeNar(nar(deepest))), nar(deepest))
  refuses(() => nar(nested(NAR_DEPTH_LIMIT + 1)), /NAR: too many directories in one another/)
  const level = strings('directory', 'entry', '(', 'name', 'd', 'node', '(', 'type')
  const bomb = Buffer.concat([strings(...START), ...Array.from({ length: 100_000 }, () => level)])
  refuses(() => decodeNar(bomb), /NAR: too many directories in one another/)
})

test('a length takes all of its eight bytes', () => {
  const lengths = [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 3, Number.MAX_SAFE_INTEGER]
  for (const length of lengths) {
    const written = Buffer.from(narFileHead(length, false)).subarray(-8)
    assert.equal(written.readBigUInt64LE(), BigInt(length))
  }
})
