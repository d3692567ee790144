// `nixsig git authenticate`, with keys of GnuPG and commits that git signed.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { TestRepository } from '../support/git.ts'
import { guixFile, policyFile } from '../support/history-cases.ts'
import { assertSchema } from '../support/schema.ts'
import { commitTo, type SigningTeam, signingTeam } from '../support/signers-of-commits.ts'
import { buildCli } from './built-cli.ts'

const cli = buildCli()
let team: SigningTeam
let repository: TestRepository
let introduction: string

before(() => {
  team = signingTeam()
  process.env['GNUPGHOME'] = team.gnupg.dir
  const { alice, bob } = team.fingerprints
  repository = team.repository('history')
  const { directory, git } = repository
  const exported = (key: string) => team.gnupg.gpg(['--export', key])
  // Bob signs with a subkey, which GnuPG prefers to the primary key.
  const [, subkey = ''] =
    /^sub:(?:.*\n)+?fpr:+([0-9A-F]+):/m.exec(
      team.gnupg.gpg(['--with-colons', '--list-keys', bob]).toString(),
    ) ?? []
  const named = [alice, subkey].map(fingerprint => ({ fingerprint }))
  writeFileSync(join(directory, '.guix-authorizations'), guixFile(...named))
  writeFileSync(
    join(directory, 'openpgp-policy.toml'),
    policyFile({ alice: { certificates: [exported(alice)] }, bob: { certificates: [exported(bob)] } }),
  )
  git('add', '.')
  introduction = commitTo(repository, 'introduction', '-S')
  commitTo(repository, 'by bob', `-S${bob}`)
  git('tag', 'v1')
  git('checkout', '-q', '--orphan', 'keyring')
  git('rm', '-q', '-rf', '.')
  for (const name of ['alice', 'bob'] as const) {
    writeFileSync(
      join(directory, `${name}.key`),
      team.gnupg.gpg(['--armor', '--export', team.fingerprints[name]]),
    )
  }
  git('add', '.')
  git('commit', '-q', '-m', 'Keys')
  git('checkout', '-q', 'main')
  writeFileSync(join(team.dir, 'policy.toml'), team.policyText(''))
})
after(() => {
  team.remove()
  cli.remove()
})

function authenticate(semantics: 'guix' | 'sequoia-git', revision: string, ...more: readonly string[]) {
  const signer = semantics === 'guix' ? ['--signer', team.fingerprints.alice] : []
  const named = ['--semantics', semantics, '--introduction', introduction, ...signer]
  const places = ['--state', join(team.dir, 'state'), '--policy', join(team.dir, 'policy.toml')]
  const cache = { XDG_CACHE_HOME: join(team.dir, 'cache') }
  return cli.runWith(
    cache,
    'git',
    'authenticate',
    repository.directory,
    revision,
    ...named,
    ...places,
    ...more,
  )
}

describe('nixsig git authenticate', () => {
  for (const semantics of ['guix', 'sequoia-git'] as const) {
    it(`says of an authentic history how many commits whose key signed (${semantics})`, () => {
      const { status, stdout, stderr } = authenticate(semantics, 'v1')
      assert.equal(status, 0, stdout + stderr)
      assert.match(
        stdout,
        /^authentic [0-9a-f]{40}\n {2}since the introduction [0-9a-f]{40}, by the rules of/,
      )
      assert.match(stdout, /\n +1 by [0-9A-F]{40}/)
    })

    it(`looks only at what is new the next time (${semantics})`, () => {
      const { status, stdout } = authenticate(semantics, 'v1', '--json')
      assertSchema('git-authenticate', stdout)
      assert.equal(status, 0)
      assert.deepEqual(JSON.parse(stdout), {
        outcome: 'authentic',
        tip: repository.git('rev-parse', 'v1'),
        status: 0,
        signers: {},
        since: [repository.git('rev-parse', 'v1')],
      })
      assert.match(authenticate(semantics, 'v1', '--all').stdout, /[12] commits? verified now\n/)
    })

    it(`refuses an unsigned commit, and says which, why, and what to do (${semantics})`, () => {
      const unsigned = repository.git('commit-tree', '-p', 'main', '-m', 'Evil', 'main^{tree}')
      const { status, stdout } = authenticate(semantics, unsigned)
      assert.equal(status, 10)
      assert.match(
        stdout,
        new RegExp(`^refused ${unsigned}\n {2}commit: ${unsigned}\n {2}rule: A3, ${semantics}\n`),
      )
      assert.match(stdout, /\n {2}needed: .+\n {2}found: no signature\n {2}next: .+\n$/)
      const json = JSON.parse(authenticate(semantics, unsigned, '--json').stdout)
      assertSchema('git-authenticate', json)
      assert.deepEqual(
        [json.outcome, json.status, json.code, json.commit],
        ['refused', 10, 'unsigned', unsigned],
      )
    })
  }

  it('demands on top that people of the own policy signed the tip', () => {
    const good = authenticate('guix', 'v1', '--require', 'bob')
    assert.equal(good.status, 0, good.stdout + good.stderr)
    assert.match(good.stdout, /^authentic [\s\S]*bob signed the commit, as committer/)
    const refused = authenticate('guix', 'v1', '--require', 'two')
    assert.equal(refused.status, 12, refused.stdout)
    assert.match(refused.stdout, /^authentic [\s\S]*two/)
    const json = JSON.parse(authenticate('guix', 'v1', '--require', 'two', '--json').stdout)
    assertSchema('git-authenticate', json)
    assert.deepEqual([json.outcome, json.signed.status], ['authentic', 12])
  })

  it('refuses half a question', () => {
    for (const [args, reason] of [
      [['--semantics', 'guix', '--introduction', introduction], /needs --signer/],
      [['--semantics', 'sequoia-git', '--introduction', 'main'], /takes the whole id/],
      [
        ['--semantics', 'sequoia-git', '--introduction', introduction, '--signer', 'x'],
        /belongs to --semantics guix/,
      ],
      [['--semantics', 'gittuf', '--introduction', introduction], /guix|sequoia-git/],
    ] as const) {
      const { status, stderr } = cli.run('git', 'authenticate', repository.directory, ...args)
      assert.equal(status, 2, stderr)
      assert.match(stderr, reason)
    }
  })
})
