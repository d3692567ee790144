import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Difference, differencesOf } from '../../../src/packaging/reproduce/compare-trees.ts'
import { narHashOfTree } from '../../../src/store/disk-tree-nar.ts'

type Tree =
  | { readonly kind: 'file'; readonly text: string; readonly executable: boolean }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'directory'; readonly entries: Readonly<Record<string, Tree>> }

const name = fc.constantFrom('a', 'b', 'a-b', '\u001b', 'ä')
const { tree } = fc.letrec<{ tree: Tree; leaf: Tree; directory: Tree }>(tie => ({
  leaf: fc.oneof(
    fc.record({
      kind: fc.constant('file' as const),
      text: fc.constantFrom('', 'x', 'y', 'x'.repeat(300_000), `${'x'.repeat(299_999)}y`),
      executable: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('link' as const), target: fc.constantFrom('a', 'b') }),
  ),
  directory: fc.record({
    kind: fc.constant('directory' as const),
    entries: fc.dictionary(name, tie('tree'), { maxKeys: 3 }),
  }),
  tree: fc.oneof({ maxDepth: 3 }, tie('leaf'), tie('directory')),
}))

function write(at: string, made: Tree): void {
  if (made.kind === 'link') symlinkSync(made.target, at)
  else if (made.kind === 'file') {
    writeFileSync(at, made.text)
    chmodSync(at, made.executable ? 0o755 : 0o644)
  } else {
    mkdirSync(at)
    for (const [entry, inner] of Object.entries(made.entries)) write(join(at, entry), inner)
  }
}

async function compared(first: Tree, second: Tree) {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-trees-'))
  const [one, other] = [join(directory, 'one'), join(directory, 'other')]
  try {
    write(one, first)
    write(other, second)
    const differences: Difference[] = []
    for await (const difference of differencesOf(one, other)) differences.push(difference)
    const isSame = (await narHashOfTree(one)).narHash === (await narHashOfTree(other)).narHash
    return { differences, isSame }
  } finally {
    rmSync(directory, { recursive: true })
  }
}

test('two trees differ somewhere exactly if their NAR hashes do', async () => {
  await fc.assert(
    fc.asyncProperty(tree, tree, async (first, second) => {
      const { differences, isSame } = await compared(first, second)
      assert.equal(differences.length === 0, isSame)
    }),
    { numRuns: 100 },
  )
})

test('a tree does not differ from itself', async () => {
  await fc.assert(
    fc.asyncProperty(tree, async made => {
      const { differences, isSame } = await compared(made, made)
      assert.deepEqual([differences, isSame], [[], true])
    }),
    { numRuns: 50 },
  )
})

test('each kind of difference is told by its name', async () => {
  const file = (text: string, executable = false): Tree => ({ kind: 'file', text, executable })
  const link = (target: string): Tree => ({ kind: 'link', target })
  const directory = (entries: Readonly<Record<string, Tree>>): Tree => ({ kind: 'directory', entries })
  const { differences } = await compared(
    directory({
      a: file('x'),
      b: file('x', true),
      c: link('a'),
      d: directory({ x: file('') }),
      e: link('a'),
      g: file(''),
    }),
    directory({
      a: file('y'),
      b: file('x'),
      c: link('b'),
      d: directory({ y: file('') }),
      e: file('a'),
      g: file(''),
    }),
  )
  assert.deepEqual(
    differences.map(({ name, what }) => `${name} ${what}`),
    ['a contents', 'b executable', 'c target', 'd/x only-first', 'd/y only-second', 'e kind'],
  )
})
