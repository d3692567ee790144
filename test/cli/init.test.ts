// needs: dist
// `nixsig init` as it is called: by options, at a terminal, and where neither answers.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { assertSchema } from '../support/schema.ts'
import { buildCli } from './built-cli.ts'

const cli = buildCli()
after(() => cli.remove())

const ALICE = 'alice=alice-1:2vseemEFAOo0MO7aenTrcX7BNFQzgL4gkzpQ7p9KsvU='
const ANSWERS = [
  ...['--build', 'self', '--package', ALICE, '--source', 'https://example.org/alice'],
  ...['--unsigned', 'refuse', '--derivations', 'packagers'],
]

/** A directory of its own for a policy, and calls about that policy. */
function place(name: string) {
  mkdirSync(join(cli.dir, name))
  const file = join(cli.dir, name, 'policy.toml')
  const where = ['--policy', file, '--state', join(cli.dir, name, 'state'), '--no-share']
  return { file, where, init: (...args: readonly string[]) => cli.run('init', ...where, ...args) }
}

test('options alone make a policy that the check takes, and a second call changes nothing', () => {
  const { file, init } = place('options')
  const made = init(...ANSWERS, '--yes')
  assert.equal(made.status, 0, made.stderr)
  assert.match(made.stdout, /^\+ members = \["alice"\]$/m)
  const checked = cli.run('policy', 'check', '--strict', file)
  assert.equal(checked.status, 0, checked.stderr)
  assert.match(checked.stdout, /mode warn, 1 principal, 1 group, 0 rules/)
  const again = init('--defaults', '--yes')
  assert.equal(again.status, 0)
  assert.match(again.stdout, /^nothing to do: the policy is like this already$/m)
})

test('where a first policy refuses every source, what is suggested lets something be built', () => {
  const { file, init } = place('first')
  const first = `version = 1
mode = "warn"
[principals.cache]
keys = ["${ALICE.slice('alice='.length)}"]
[groups.caches]
members = ["cache"]
threshold = 1
[default]
require.source = "refuse"
require.derivation = "nothing"
require.output = "caches"
`
  writeFileSync(file, first)
  const suggested = init('--defaults', '--dry-run')
  assert.equal(suggested.status, 0, suggested.stderr)
  assert.match(suggested.stdout, /^\+\[\[exemptions\]\]|^\+ \[\[exemptions\]\]/m)
  writeFileSync(file, first.replace('"warn"', '"enforce"'))
  assert.match(init('--defaults', '--dry-run').stdout, /^nothing to do/m)
})

test('a dry run shows the whole text, and writes nothing', () => {
  const { file, init } = place('dry')
  const { status, stdout, stderr } = init(...ANSWERS, '--dry-run')
  assert.equal(status, 0)
  assert.match(stdout, /^\+ version = 1$/m)
  assert.match(stdout, /^\+ require\.derivation = "packagers"$/m)
  assert.match(stderr, /^nothing was written$/m)
  assert.ok(!existsSync(file))
})

test('without a terminal the missing answers are named, and nothing is written without --yes', () => {
  const { file, init } = place('nobody')
  const { status, stderr } = init('--build', 'self', '--unsigned', 'refuse')
  assert.equal(status, 2)
  assert.match(
    stderr,
    /no terminal to ask at, and --package, --source, --derivations are missing; next: add them, or --defaults/,
  )
  const unasked = init(...ANSWERS)
  assert.equal(unasked.status, 2)
  assert.match(unasked.stderr, /there is no terminal to ask at; next: the same command with --yes/)
  assert.ok(!existsSync(file))
})

test('what is there is kept: as a copy, and in the policy whatever was not asked about', () => {
  const { file, init } = place('kept')
  const text = `# mine
version = 1
mode = "enforce"

[[exemptions]]
name = "old" # because
reason = "because"
until = 2099-01-01

[default]
require.source = "refuse"
require.derivation = "nothing"
require.output = "self"
`
  writeFileSync(file, text)
  const { status, stdout, stderr } = init('--defaults', '--package', ALICE, '--unsigned', 'refuse', '--yes')
  assert.equal(status, 0, stderr)
  assert.match(stdout, /^- require\.source = "refuse"\n\+ require\.source = "packagers"$/m)
  assert.match(stdout, /the policy that was there: \S+policy\.toml\.before-init$/m)
  assert.equal(readFileSync(`${file}.before-init`, 'utf8'), text)
  const after_ = readFileSync(file, 'utf8')
  assert.match(
    after_,
    /^# mine\nversion = 1\nmode = "enforce"\n\n\[\[exemptions\]\]\nname = "old" # because$/m,
  )
})

test('a policy with errors, and one that something else makes, are not touched', () => {
  const { file, init } = place('broken')
  writeFileSync(file, 'version = 1\n')
  const broken = init('--defaults', '--yes')
  assert.equal(broken.status, 2)
  assert.match(
    broken.stderr,
    /has errors \(.*\), so init cannot refine it; next: nixsig policy check \S+broken\S*, and mend/,
  )
  assert.equal(readFileSync(file, 'utf8'), 'version = 1\n')
  const linked = place('linked')
  symlinkSync(file, linked.file)
  const link = linked.init('--defaults', '--yes')
  assert.equal(link.status, 2)
  assert.match(link.stderr, /is a symbolic link: something else makes it/)
})

test('answers that are none are refused with what is meant, and quote no key', () => {
  const { init } = place('wrong')
  for (const [args, says] of [
    [['--build', 'cache'], /--build cache is neither a key/],
    [['--build', 'keep'], /there is no policy yet/],
    [['--build', 'self', '--build', 'nix-conf'], /--build self stands alone/],
    [['--package', 'alice'], /alice: write NAME=KEY/],
    [['--package', 'alice=nowhere.pub'], /is not a key/],
    [['--source', 'ftp://x'], /--source ftp:\/\/x must begin with "https:\/\/"/],
    [['--source-key', ALICE], /--source-key goes with --source/],
    [['--until', '2099-01-01'], /--until goes with --unsigned exempt/],
    [['--unsigned', 'exempt', '--until', '2020-01-01'], /is over already/],
    [['--derivations', 'packagers'], /there is no packager/],
  ] as const) {
    const { status, stderr } = init('--defaults', '--yes', ...args)
    assert.equal(status, 2, args.join(' '))
    assert.match(stderr, says)
  }
})

test('a program gets the outcome as one object', () => {
  const { file, init } = place('json')
  const said = JSON.parse(init(...ANSWERS, '--yes', '--json').stdout)
  assertSchema('init', said)
  assertSchema('init', init('--defaults', '--unsigned', 'exempt', '--dry-run', '--json').stdout)
  assert.deepEqual(
    { ...said, text: '', warnings: [] },
    {
      policy: file,
      mode: 'warn',
      changes: true,
      written: true,
      copy: null,
      answers: {
        build: [],
        packagers: ['alice'],
        sources: ['https://example.org/alice'],
        unsigned: 'refuse',
        derivations: 'packagers',
      },
      share: null,
      warnings: [],
      text: '',
    },
  )
  assert.equal(said.text, readFileSync(file, 'utf8'))
})

test('at a terminal five questions are asked, and one that is not answered rightly again', () => {
  const { file, where } = place('asked')
  const answers = [
    'self',
    'alice',
    ALICE,
    '',
    'https://example.org/alice',
    '',
    'maybe',
    'refuse',
    'packagers',
    'y',
  ]
  const line = [process.execPath, cli.program, 'init', ...where].map(word => `'${word}'`).join(' ')
  const { stdout, status } = spawnSync('script', ['--quiet', '--return', '--command', line, '/dev/null'], {
    cwd: cli.dir,
    encoding: 'utf8',
    timeout: 60_000,
    input: answers.map(answer => `${answer}\n`).join(''),
    env: { PATH: process.env['PATH'], HOME: cli.dir, NO_COLOR: '1' },
  })
  assert.equal(status, 0, stdout)
  for (const number of [1, 2, 3, 4, 5]) assert.match(stdout, new RegExp(`^${number} of 5: `, 'm'))
  assert.match(stdout, /alice: write NAME=KEY/)
  assert.match(stdout, /answer exempt, refuse or pass/)
  for (const shown of stdout.split('\n').filter(each => /^( {2}|\d of 5)/.test(each)))
    assert.ok(shown.trimEnd().length <= 80, shown)
  assert.match(readFileSync(file, 'utf8'), /^require\.derivation = "packagers"$/m)
})
