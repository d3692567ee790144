// Trees of a few objects that stand for endless work, and names that no file can have.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import { parseGitTree } from '../../src/formats/git-object.ts'
import { type GitObjects, openGitObjects } from '../../src/git/objects.ts'
import { makeOwnRepository } from '../../src/git/own-repository.ts'
import { narHashOfGitTree } from '../../src/git/tree-nar.ts'
import { writeObject } from '../../src/git/write-object.ts'

const dir = mkdtempSync('/tmp/nixsig-tree-bounds-')
after(() => rmSync(dir, { recursive: true, force: true }))
makeOwnRepository(dir, 20)
const store = { objects: join(dir, 'objects'), idSize: 20 } as const
const blob = writeObject(store, 'blob', Buffer.alloc(1000))

type Entry = readonly [mode: string, name: string, id: string]

function bytesOf(entries: readonly Entry[]): Buffer {
  return Buffer.concat(
    entries.map(([mode, name, id]) =>
      Buffer.concat([Buffer.from(`${mode} ${name}\0`, 'latin1'), Buffer.from(id, 'hex')]),
    ),
  )
}

const treeOf = (entries: readonly Entry[]) => writeObject(store, 'tree', bytesOf(entries))
const many = (count: number, mode: string, id: string): readonly Entry[] =>
  Array.from({ length: count }, (_, index) => [mode, `${index}`.padStart(6, '0'), id])

/** Calls back with the objects, and with the bytes of trees and files that were read so far. */
async function counted<T>(use: (objects: GitObjects, read: () => number) => Promise<T>): Promise<T> {
  const objects = openGitObjects(dir)
  let size = 0
  const count = (bytes: Uint8Array) => {
    size += bytes.length
    return bytes
  }
  const counting: GitObjects = {
    ...objects,
    read: async (id, type) => count(await objects.read(id, type)),
    stream: async function* (ids, type) {
      for await (const bytes of objects.stream(ids, type)) yield count(bytes)
    },
  }
  try {
    return await use(counting, () => size)
  } finally {
    objects.close()
  }
}

describe('attack: a tree of a few objects that stands for endless work', () => {
  it('a large directory under many names is read once, and its files are counted at each', async () => {
    const inner = treeOf(many(2000, '100644', blob))
    const tree = treeOf(many(20_000, '40000', inner))
    await counted(async (objects, read) => {
      await assert.rejects(narHashOfGitTree(objects, tree), /more than 1000000 files and directories/)
      assert.ok(read() < 1_000_000, `${read()} bytes`)
    })
  })

  it('directories that are left out, and those in which everything is, are counted too', async () => {
    const inner = treeOf(many(2000, '100644', blob))
    const tree = treeOf(many(20_000, '40000', inner))
    const leavesOut = (_: string, isDirectory: boolean) => !isDirectory
    await counted(objects =>
      assert.rejects(narHashOfGitTree(objects, tree, { leavesOut }), /more than 1000000 files and dir/),
    )
  })

  it('a file under many names counts as often as it is there', async () => {
    const tree = treeOf(many(100, '100644', blob))
    await counted(async (objects, read) => {
      await narHashOfGitTree(objects, tree, {}, 100_000)
      const before = read()
      await assert.rejects(
        narHashOfGitTree(objects, tree, {}, 50_000),
        /files of a tree have more than 50000/,
      )
      assert.ok(read() - before < 60_000, `${read() - before} bytes`)
    })
  })

  it('names of many bytes, in one tree or in an object that is not a tree', async () => {
    const tree = treeOf([['100644', 'n'.repeat(300_000), blob]])
    await counted(objects =>
      assert.rejects(
        narHashOfGitTree(objects, treeOf(many(50, '40000', tree))),
        /a name of more than 255 bytes/,
      ),
    )
    assert.throws(() => parseGitTree(Buffer.alloc(40_000_000, 65), 20), /more bytes than 100000 entries have/)
    assert.throws(() => parseGitTree(Buffer.alloc(1_000_000, 65), 20), /an entry that cannot be read/)
  })
})

it('names have up to 255 bytes', () => {
  const size = fc.oneof(
    fc.integer({ min: 1, max: 255 }),
    fc.integer({ min: 256, max: 2000 }),
    fc.constantFrom(255, 256),
  )
  fc.assert(
    fc.property(size, fc.constantFrom('100644', '40000', '120000'), (length, mode) => {
      const bytes = bytesOf([[mode, '\u00e9'.repeat(length), blob]])
      if (length <= 255) assert.equal(parseGitTree(bytes, 20)[0]?.name.length, length)
      else
        assert.throws(() => parseGitTree(bytes, 20), /a name of more than 255 bytes, which no file may have/)
    }),
  )
})
