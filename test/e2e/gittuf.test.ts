// Who must have signed: histories with the rules of gittuf, judged by nixsig and by gittuf itself.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { TestRepository } from '../support/git.ts'
import { commitFile, type Gittuf, gittufRepositories, keyId, type Person } from '../support/gittuf.ts'

let world: Gittuf
before(() => {
  world = gittufRepositories()
})
after(() => world.remove())

/** Somebody approves what is checked out for the branch `two`: to gittuf, and with a signed tag. */
function approve(repository: TestRepository, by: Person): void {
  const key = join(world.dir, by)
  const args = ['--create-rsl-entry', '--signing-key', key, '--from-ref', 'feature', 'two']
  world.gittuf(repository, 'attest', 'authorize', ...args)
  repository.git('-c', `user.signingKey=${key}`, 'tag', '-s', `by-${by}`, '-m', 'approved')
}

/** What a branch gets: a commit, which others may approve, and an entry in gittuf's log by alice. */
interface Change {
  readonly what: string
  readonly branch: 'one' | 'two'
  /** Who signs the commit. */
  readonly by?: Person
  readonly approvedBy?: Person
  /** nixsig's exit status; gittuf has to accept for 0, and only then. */
  readonly status: number
}

const CHANGES: readonly Change[] = [
  { what: 'signed by one of two', branch: 'one', by: 'bob', status: 0 },
  { what: 'unsigned', branch: 'one', status: 10 },
  { what: 'attack: signed by a stranger', branch: 'one', by: 'mallory', status: 11 },
  { what: 'signed by one where two are needed', branch: 'two', by: 'alice', status: 12 },
  { what: 'signed by one, approved by the other', branch: 'two', by: 'alice', approvedBy: 'bob', status: 0 },
  {
    what: 'attack: signed and approved by one person',
    branch: 'two',
    by: 'alice',
    approvedBy: 'alice',
    status: 12,
  },
  {
    what: 'attack: signed by one, approved by a stranger',
    branch: 'two',
    by: 'alice',
    approvedBy: 'mallory',
    status: 12,
  },
  { what: 'attack: unsigned, approved by one', branch: 'two', approvedBy: 'bob', status: 12 },
]

describe('gittuf says the same of a commit', () => {
  for (const { what, branch, by, approvedBy, status } of CHANGES) {
    it(what, async () => {
      const repository = world.repository(approvedBy === undefined ? branch : 'feature')
      commitFile(world, repository, branch, by)
      if (approvedBy !== undefined) {
        world.record(repository, 'feature', 'alice')
        approve(repository, approvedBy)
        repository.git('branch', '-q', '-f', branch)
      }
      world.record(repository, branch, 'alice')
      assert.equal(await world.status(repository, branch), status)
      assert.equal(world.accepts(repository, branch), status === 0)
    })
  }

  it('attack: whose files were exchanged under the signature', async () => {
    const repository = world.repository('one')
    const { directory, git } = repository
    const honest = commitFile(world, repository, 'one', 'alice')
    commitFile(world, repository, 'one')
    const text = execFileSync('git', ['-C', directory, 'cat-file', 'commit', honest], { encoding: 'utf8' })
    const input = text.replace(/^tree \w+/, `tree ${git('rev-parse', 'HEAD^{tree}')}`)
    const args = ['-C', directory, 'hash-object', '-t', 'commit', '-w', '--stdin']
    git('reset', '-q', '--hard', execFileSync('git', args, { input, encoding: 'utf8' }).trim())
    world.record(repository, 'one', 'alice')
    assert.equal(await world.status(repository, 'one'), 13)
    assert.equal(world.accepts(repository, 'one'), false)
  })
})

describe('gittuf says something else of', () => {
  it('a commit by somebody who was taken off the list since: only what comes later is refused', async () => {
    const repository = world.repository('one')
    commitFile(world, repository, 'one', 'bob')
    world.record(repository, 'one', 'alice')
    const rule = ['--rule-name', 'one', '--rule-pattern', 'git:refs/heads/one', '--rule-pattern', 'file:one*']
    const policy = ['--signing-key', join(world.dir, 'policy')]
    const authorized = ['--authorize', keyId(world.dir, 'alice')]
    world.gittuf(repository, 'policy', 'update-rule', ...policy, ...rule, ...authorized)
    world.gittuf(repository, 'policy', 'stage', '--local-only')
    world.gittuf(repository, 'policy', 'apply', '--local-only')
    assert.equal(world.accepts(repository, 'one'), true)
    assert.equal(await world.status(repository, 'one', ['alice']), 11)
    commitFile(world, repository, 'one', 'bob')
    world.record(repository, 'one', 'alice')
    assert.equal(world.accepts(repository, 'one'), false)
    assert.equal(await world.status(repository, 'one', ['alice']), 11)
  })

  it('an unsigned commit that no rule is about: it is accepted', async () => {
    const repository = world.repository('other')
    commitFile(world, repository, 'other')
    world.record(repository, 'other', 'mallory')
    assert.equal(world.accepts(repository, 'other'), true)
    assert.notEqual(await world.status(repository, 'other'), 0)
  })

  it('an unsigned commit whose branch has a rule and whose files have none: it is accepted', async () => {
    const repository = world.repository('one')
    commitFile(world, repository, 'other')
    world.record(repository, 'one', 'alice')
    assert.equal(world.accepts(repository, 'one'), true)
    assert.equal(await world.status(repository, 'one'), 10)
  })

  it('a signed commit that a stranger entered in the log: it is refused', async () => {
    const repository = world.repository('one')
    commitFile(world, repository, 'one', 'alice')
    world.record(repository, 'one', 'mallory')
    assert.equal(world.accepts(repository, 'one'), false)
    assert.equal(await world.status(repository, 'one'), 0)
  })

  it('a signed commit with an unsigned one before it: it is refused', async () => {
    const repository = world.repository('one')
    commitFile(world, repository, 'one')
    commitFile(world, repository, 'one', 'alice')
    world.record(repository, 'one', 'alice')
    assert.equal(world.accepts(repository, 'one'), false)
    assert.equal(await world.status(repository, 'one'), 0)
  })
})
