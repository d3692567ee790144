// docs/how-to/keep-a-list.md, from the first key to a keeper who is replaced; and what the commands
// print as JSON.
// needs: dist
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { readRepository } from '../../src/lists/keep/repository.ts'
import { commandsOf } from '../docs/markdown.ts'
import { everyBlockWasRun, markRun } from '../docs/ran.ts'
import { assertSchema } from '../support/schema.ts'
import { buildCli } from './built-cli.ts'

const PAGE = 'docs/how-to/keep-a-list.md'
const cli = buildCli()
after(() => cli.remove())

test('the page keeps a list from its first key on', () => {
  mkdirSync(join(cli.dir, 'bin'))
  chmodSync(cli.write('bin/nixsig', `#!/bin/sh\nexec ${process.execPath} ${cli.program} "$@"\n`), 0o755)
  const env = { PATH: `${join(cli.dir, 'bin')}:${process.env['PATH']}`, HOME: cli.dir }
  for (const commands of commandsOf(PAGE)) {
    // There is no terminal to ask at.
    const script = commands.script.replace(/^nixsig list sign .*$/gm, '$& --yes')
    const { status, stdout, stderr } = spawnSync('sh', ['-ec', script], {
      cwd: cli.dir,
      env,
      encoding: 'utf8',
    })
    assert.equal(status, commands.refused ? 12 : 0, `${commands.at}: ${stdout}${stderr}`)
    for (const line of commands.answer) assert.match(stdout, line, commands.at)
    markRun(commands, 'here')
  }
  const { root, targets, teams } =
    readRepository(join(cli.dir, 'out')) ?? assert.fail('nothing was published')
  assert.equal(root.signed.version, 2)
  assert.equal(targets.signed.version, 3)
  assert.deepEqual([...teams.keys()], ['team-gnome'])
})

test('what --json prints is what the schemas say', () => {
  cli.run('list', 'add', 'list', 'group', 'all', '--member', 'guillem')
  const sign = (...args: string[]) =>
    cli.run('list', 'sign', 'list', '--key', 'bob.secret', '--json', ...args)
  assert.match(sign().stderr, /--json answers no question: add --yes/)
  const signed = sign('--yes')
  assertSchema('list-sign', signed.stdout)
  assert.deepEqual(JSON.parse(signed.stdout).signed, ['targets', 'snapshot', 'timestamp'], signed.stderr)
  assertSchema('list-status', cli.run('list', 'status', 'list', '--json').stdout)
  const refused = cli.run('list', 'publish', 'list', 'out', '--json')
  assertSchema('list-publish', refused.stdout)
  assert.deepEqual([refused.status, JSON.parse(refused.stdout).published], [12, false])
  cli.run('list', 'sign', 'list', '--key', 'dave.secret', '--yes')
  const published = cli.run('list', 'publish', 'list', 'out', '--json')
  assertSchema('list-publish', published.stdout)
  assert.deepEqual([published.status, JSON.parse(published.stdout).published], [0, true])
})

test('what makes no sense is refused, and changes nothing', () => {
  const before = cli.read('list/list.json')
  const refused = (why: RegExp, ...args: string[]) => {
    const { status, stderr } = cli.run('list', ...args)
    assert.equal(status, 2, `${args.join(' ')}: ${stderr}`)
    assert.match(stderr, why)
  }
  refused(/there is a list in .* already/, 'init', 'list', '--name', 'x', '--keeper', 'alice=alice.pub')
  refused(
    /2 of 1 can never sign/,
    'init',
    'other',
    '--name',
    'x',
    '--keeper',
    'alice=alice.pub',
    '--threshold',
    '2',
  )
  refused(/SECRET key/, 'add', 'list', 'principal', 'x', '--key', 'alice.secret')
  refused(/SECRET key/, 'rotate', 'list', 'root', '--add', 'x=alice.secret')
  refused(
    /--member is not for a principal/,
    'add',
    'list',
    'principal',
    'x',
    '--key',
    'dev.pub',
    '--member',
    'y',
  )
  refused(
    /"nobody" is neither a principal nor a group/,
    'add',
    'list',
    'developers',
    'x',
    '--source',
    'x',
    '--by',
    'nobody',
  )
  refused(
    /is the same key as one of guillem: a key is one person's.*nothing was changed; next: nixsig list add --help/,
    'add',
    'list',
    'principal',
    'x',
    '--key',
    'dev.pub',
  )
  refused(
    /no principal gilem, and no file has this name, so nothing was changed/,
    'revoke',
    'list',
    'gilem',
    '--reason',
    'stolen',
  )
  refused(/is one of principal, group, developers and team/, 'add', 'list', 'key', 'x')
  refused(/who keeps the part of the team/, 'add', 'list', 'team', 'kde', '--source', 'kde-*')
  refused(
    /3 signatures are needed of 1 keepers.*nothing was changed/,
    'add',
    'list',
    'team',
    'kde',
    '--source',
    'kde-*',
    '--keeper',
    'alice',
    '--threshold',
    '3',
  )
  refused(/"x" is not among the principals/, 'remove', 'list', 'principal', 'x')
  refused(/mirrors is not a role of this list/, 'rotate', 'list', 'mirrors', '--threshold', '2')
  refused(/does not sign for root/, 'rotate', 'list', 'root', '--remove', 'mallory')
  assert.equal(cli.read('list/list.json'), before)
})

test('a team that gets other globs keeps what it says', () => {
  const before = cli.read('list/teams/gnome/list.json')
  const { status, stderr } = cli.run(
    'list',
    'add',
    'list',
    'team',
    'gnome',
    '--source',
    'gtk-*',
    '--keeper',
    'dora',
  )
  assert.equal(status, 0, stderr)
  assert.match(cli.read('list/list.json'), /"gtk-\*"/)
  assert.equal(cli.read('list/teams/gnome/list.json'), before)
})

test('attack: a key is revoked by a file that is called as a principal could be', () => {
  const { stdout } = cli.run('list', 'revoke', 'list', 'eve.pub', '--reason', 'stolen')
  assert.match(stdout, /revoked eve\.pub .*; next: nixsig list sign list\n/)
  const { revocations } = JSON.parse(cli.read('list/list.json'))
  assert.equal(revocations.at(-1).key, cli.read('eve.pub').trim())
})

test('what is still to be signed is told as a command for this directory, and without one when it cannot be asked', () => {
  assert.match(
    cli.run('list', 'publish', 'list', 'out').stdout,
    /not published: .*; next: nixsig list sign list, by keepers who have not signed it/,
  )
  assert.match(
    cli.run('list', 'sign', 'list', '--key', 'alice.secret').stderr,
    /there is no terminal to ask at; next: the same command with --yes/,
  )
})

everyBlockWasRun('cli/list-keep')
