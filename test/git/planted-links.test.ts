// Links that the owner of a repository puts in the way of what somebody else, perhaps root, writes.
import assert from 'node:assert/strict'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { withHeldDirectory } from '../../src/files/held-directory.ts'
import { replaceFile } from '../../src/files/replace-file.ts'
import { keepPacks } from '../../src/git/keep-packs.ts'
import { updateRef } from '../../src/git/update-ref.ts'
import { writeObject } from '../../src/git/write-object.ts'
import { testRepository } from '../support/git.ts'

const dir = mkdtempSync('/tmp/nixsig-planted-')
after(() => rmSync(dir, { recursive: true, force: true }))

let count = 0
function place(): { readonly git: string; readonly elsewhere: string; readonly victim: string } {
  const parent = join(dir, `place-${count++}`)
  const { directory } = testRepository(join(parent, 'repository'))
  const elsewhere = join(parent, 'elsewhere')
  mkdirSync(elsewhere)
  const victim = join(elsewhere, 'victim')
  writeFileSync(victim, 'mine')
  return { git: join(directory, '.git'), elsewhere, victim }
}

const NAME = `pack-${'a'.repeat(40)}`

function viewWithPack(parent: string): string {
  const view = join(parent, 'view')
  mkdirSync(join(view, 'objects/pack'), { recursive: true })
  for (const end of ['pack', 'idx']) writeFileSync(join(view, 'objects/pack', `${NAME}.${end}`), `new ${end}`)
  symlinkSync('/nowhere', join(view, 'objects/pack', `pack-${'b'.repeat(40)}.pack`))
  return view
}

describe('attack: a link in the place of', () => {
  it('a pack or its index: the link is replaced, and what it leads to stays', () => {
    const { git, elsewhere, victim } = place()
    const packs = join(git, 'objects/pack')
    for (const end of ['pack', 'idx']) symlinkSync(victim, join(packs, `${NAME}.${end}`))
    keepPacks(viewWithPack(elsewhere), git)
    assert.equal(readFileSync(victim, 'utf8'), 'mine')
    for (const end of ['pack', 'idx']) {
      assert.ok(lstatSync(join(packs, `${NAME}.${end}`)).isFile())
      assert.equal(readFileSync(join(packs, `${NAME}.${end}`), 'utf8'), `new ${end}`)
    }
    assert.deepEqual(readdirSync(packs).sort(), [`${NAME}.idx`, `${NAME}.pack`])
  })

  it('any directory in which something is written: nothing is written', () => {
    const writes: Readonly<Record<string, (git: string, elsewhere: string) => void>> = {
      'objects/pack': (git, elsewhere) => keepPacks(viewWithPack(elsewhere), git),
      objects: git =>
        void writeObject({ objects: join(git, 'objects'), idSize: 20 }, 'blob', Buffer.from('x')),
      refs: git => void updateRef(git, 'refs/notes/nixsig', { before: undefined, after: 'a'.repeat(40) }),
      'refs/notes': git => void updateRef(git, 'refs/notes/x', { before: undefined, after: 'a'.repeat(40) }),
    }
    for (const [name, write] of Object.entries(writes)) {
      const { git, elsewhere } = place()
      const target = join(elsewhere, 'target')
      mkdirSync(target)
      if (existsSync(join(git, name))) renameSync(join(git, name), join(elsewhere, 'old'))
      symlinkSync(target, join(git, name))
      assert.throws(() => write(git, elsewhere), /is not a directory/, name)
      assert.deepEqual(readdirSync(target), [], name)
    }
  })

  it('a directory, put there while it is written to: what is held is written to', () => {
    const { git, elsewhere } = place()
    for (const exchanged of ['refs', 'refs/notes', 'refs/notes/deep']) {
      withHeldDirectory(git, ['refs', 'notes', 'deep'], held => {
        renameSync(join(git, exchanged), join(elsewhere, 'aside'))
        symlinkSync(elsewhere, join(git, exchanged))
        writeFileSync(join(held, exchanged.replaceAll('/', '-')), 'x', { flag: 'wx' })
      })
      rmSync(join(git, exchanged))
      renameSync(join(elsewhere, 'aside'), join(git, exchanged))
    }
    assert.deepEqual(readdirSync(elsewhere), ['victim'])
    assert.deepEqual(readdirSync(join(git, 'refs/notes/deep')).sort(), [
      'refs',
      'refs-notes',
      'refs-notes-deep',
    ])
  })

  it('a file that is replaced, whose rights the new one gets: the link is replaced', async () => {
    const { elsewhere, victim } = place()
    const link = join(elsewhere, 'flake.lock')
    symlinkSync(victim, link)
    const before = lstatSync(victim).mode
    await replaceFile(link, 'new', 0o666)
    assert.equal(readFileSync(victim, 'utf8'), 'mine')
    assert.equal(lstatSync(victim).mode, before)
    assert.equal(lstatSync(link).mode & 0o777, 0o666)
  })
})
