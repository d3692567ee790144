// Trees of notes that stand for more than anybody could visit, and paths that are not notes.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import { allNotes, notesOf } from '../../src/git/notes.ts'
import { readNotesContents } from '../../src/git/notes-contents.ts'
import { type NoteObjects, objectOfPath, walkNotes } from '../../src/git/notes-walk.ts'
import { openGitObjects } from '../../src/git/objects.ts'
import { makeOwnRepository } from '../../src/git/own-repository.ts'
import { makeTree } from '../../src/git/tree-text.ts'
import { writeObject } from '../../src/git/write-object.ts'

const dir = mkdtempSync('/tmp/nixsig-notes-walk-')
after(() => rmSync(dir, { recursive: true, force: true }))

makeOwnRepository(dir, 20)
const store = { objects: join(dir, 'objects'), idSize: 20 } as const
const blob = writeObject(store, 'blob', Buffer.from('a line\n'))

function treeOf(entries: readonly (readonly [mode: string, name: string, id: string])[]): string {
  const lines = entries.map(([mode, name, id]) =>
    Buffer.concat([Buffer.from(`${mode} ${name}\0`, 'latin1'), Buffer.from(id, 'hex')]),
  )
  return writeObject(store, 'tree', Buffer.concat(lines))
}

function commitOf(tree: string): string {
  const who = 'A <a@example.org> 1700000000 +0000'
  return writeObject(store, 'commit', Buffer.from(`tree ${tree}\nauthor ${who}\ncommitter ${who}\n\nnotes\n`))
}

/** A tree of so many levels, each of which names the next one under all names. */
function levels(depth: number, names: readonly string[], inner = treeOf([])): string {
  let tree = inner
  for (let at = 0; at < depth; at++) tree = treeOf(names.map(name => ['40000', name, tree] as const))
  return tree
}

async function withObjects<T>(use: (place: NoteObjects, reads: () => number) => Promise<T>): Promise<T> {
  const objects = openGitObjects(dir)
  let reads = 0
  const counted: NoteObjects['objects'] = {
    ...objects,
    read: (id, type) => {
      reads++
      return objects.read(id, type)
    },
  }
  try {
    return await use({ directory: dir, objects: counted }, () => reads)
  } finally {
    objects.close()
  }
}

const PAIRS = Array.from({ length: 256 }, (_, index) => index.toString(16).padStart(2, '0'))

describe('attack: a tree of notes of a few objects that stands for endless paths', () => {
  for (const [what, tree, reason] of [
    ['eight levels of 256 directories', levels(8, PAIRS), /more than 1000000 files and directories/],
    ['two directories at each of 20 levels', levels(20, ['aa', 'bb']), /more than 1000000 files and direct/],
    ['long names above many files', wide(), /more than 268435456 bytes of paths/],
  ] as const) {
    it(what, { timeout: 120_000 }, async () => {
      await withObjects(async (place, reads) => {
        await assert.rejects(readNotesContents(place, commitOf(tree)), reason)
        assert.ok(reads() < 40, `${reads()} reads`)
        // Long names are of no note, so that a search for notes has nothing to do below them.
        if (what !== 'long names above many files') await assert.rejects(allNotes(place, tree), reason)
        assert.deepEqual(await notesOf(place, tree, 'ab'.repeat(20)), [])
      })
    })
  }

  it('or that is deeper than any id needs', async () => {
    const tree = levels(21, ['aa'], treeOf([['100644', 'file', blob]]))
    await withObjects(place =>
      assert.rejects(readNotesContents(place, commitOf(tree)), /directories more than 20 deep/),
    )
  })
})

/** 20 levels of one long name, with many files in the last directory, twice. */
function wide(): string {
  const files = Array.from(
    { length: 60_000 },
    (_, index) => ['100644', `f${index}`.padStart(9), blob] as const,
  )
  return levels(15, ['n'.repeat(255)], levels(1, ['one', 'two'], treeOf(files)))
}

describe('a note belongs to an object', () => {
  const hex = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 40, maxLength: 40 })
  const cut = (id: string, pairs: number) =>
    [...Array.from({ length: pairs }, (_, at) => id.slice(2 * at, 2 * at + 2)), id.slice(2 * pairs)].join('/')

  it('if its path is the id, cut after some pairs of digits, and it is found there', async () => {
    const found = fc.tuple(hex, fc.integer({ min: 0, max: 19 }))
    await withObjects(place =>
      fc.assert(
        fc.asyncProperty(fc.uniqueArray(found, { maxLength: 5, selector: ([id]) => id }), async all => {
          const files = all.map(([id, pairs]) => [cut(id, pairs), { kind: 'file', id: blob }] as const)
          const tree = makeTree(new Map(files), bytes => writeObject(store, 'tree', bytes))
          const notes = await allNotes(place, tree)
          assert.deepEqual([...notes.keys()].sort(), all.map(([id]) => id).sort())
          for (const [id] of all) assert.equal((await notesOf(place, tree, id)).length, 1)
        }),
        { numRuns: 30 },
      ),
    )
  })

  it('and not if its path is anything else', () => {
    const id = 'ab'.repeat(20)
    const slash = fc.integer({ min: 1, max: 38 }).map(at => `${id.slice(0, at)}/${id.slice(at)}`)
    const strange = fc.oneof(
      slash.filter(path => path.indexOf('/') !== 2),
      fc.constantFrom(
        id.toUpperCase(),
        `/${id}`,
        `${id}/`,
        `a/b${id.slice(2)}`,
        id.slice(1),
        `${id}0`,
        `ab//${id.slice(2)}`,
      ),
      fc.string().map(text => `ab/${text}`),
    )
    fc.assert(fc.property(strange, path => assert.equal(objectOfPath(path, 40), undefined)))
  })

  it('and is visited once for each path to it', async () => {
    const tree = levels(2, ['aa', 'bb', 'cc'], treeOf([['100644', 'x', blob]]))
    const paths: string[] = []
    await withObjects(async (place, reads) => {
      await walkNotes(place, tree, { enters: path => !path.startsWith('cc'), take: path => paths.push(path) })
      assert.equal(reads(), 3)
    })
    assert.deepEqual(paths, ['aa/aa/x', 'aa/bb/x', 'aa/cc/x', 'bb/aa/x', 'bb/bb/x', 'bb/cc/x'])
  })
})
