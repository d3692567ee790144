// The owner of a repository exchanges its files after they were looked at.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { openRepository } from '../../src/git/open-repository.ts'
import { testRepository } from '../support/git.ts'

// A file gets another name on its own file system only.
const PLACES = ['/tmp', '/dev/shm'].filter(place => existsSync(place))
const dirs = PLACES.map(place => mkdtempSync(join(place, 'nixsig-links-')))
after(() => {
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true })
})

function filesIn(objects: string): readonly string[] {
  return readdirSync(objects, { recursive: true, encoding: 'utf8' })
    .filter(name => /^[0-9a-f]{2}\/|\.(?:pack|idx)$/.test(name))
    .map(name => join(objects, name))
}

describe('attack: objects that become pipes after they were looked at are read as they were', () => {
  for (const dir of dirs) {
    for (const form of ['loose', 'packed'] as const) {
      it(`${form}, in ${dir.slice(0, 8)}`, { timeout: 60_000 }, async () => {
        const { directory, git } = testRepository(join(dir, form))
        writeFileSync(join(directory, 'file'), 'contents\n')
        git('add', 'file')
        git('commit', '-q', '-m', 'One')
        if (form === 'packed') git('gc', '-q')
        const commit = git('rev-parse', 'HEAD')
        const blob = git('rev-parse', 'HEAD:file')
        const repository = openRepository(directory)
        try {
          const files = filesIn(join(directory, '.git/objects'))
          assert.ok(files.length >= 2)
          for (const file of files) {
            renameSync(file, `${file}.old`)
            spawnSync('mkfifo', [file])
          }
          const contents = await repository.objects.read(blob, 'blob')
          assert.equal(Buffer.from(contents).toString(), 'contents\n')
          const examined = await repository.examined(commit)
          assert.equal((await examined.read(commit, 'commit')).length > 0, true)
          assert.equal(await repository.resolve(commit), commit)
        } finally {
          repository.close()
        }
        assert.throws(() => openRepository(directory), /not a regular file: .*objects/)
      })
    }
  }

  it('and leave nothing open', () => {
    const [dir = ''] = dirs
    const { directory, git } = testRepository(join(dir, 'open'))
    git('commit', '-q', '--allow-empty', '-m', 'One')
    git('gc', '-q')
    const before = readdirSync('/proc/self/fd').length
    openRepository(directory).close()
    assert.ok(readdirSync('/proc/self/fd').length <= before + 3)
  })
})
