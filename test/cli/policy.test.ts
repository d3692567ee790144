// needs: dist
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { assertSchema } from '../support/schema.ts'
import { buildCli } from './built-cli.ts'

const cli = buildCli()
after(() => cli.remove())

function policyText(rest = ''): string {
  return `version = 1
mode = "enforce"
${rest}
[default]
require.source = "nothing"
require.derivation = "nothing"
require.output = "self"
`
}

test('a good policy is summed up', () => {
  cli.write('good.toml', policyText())
  const { status, stdout, stderr } = cli.run('policy', 'check', 'good.toml')
  assert.equal(status, 0, stderr)
  assert.match(
    stdout,
    /good .*good\.toml: mode enforce, 0 principals, 0 groups, 0 rules, digest [0-9a-f]{16}\n/,
  )
})

test('nobody but this machine behind an output is a warning, once, and no error', () => {
  cli.write('alone.toml', policyText())
  const { status, stderr } = cli.run('policy', 'check', 'alone.toml')
  assert.equal(status, 0)
  assert.match(
    stderr,
    /^nixsig: warning: rule "default" \(line 4\) accepts outputs that only this machine built, [^\n]*whoever writes a derivation chooses the program; [^\n]*\n$/,
  )
})

test('more rules of one kind than anybody reads are counted', () => {
  const rule = (index: number) =>
    `[[rules]]\nmatch = { name = "tool-${index}", kind = "output" }\nrequire.output = "self"\n`
  cli.write('many.toml', policyText(Array.from({ length: 30 }, (_, index) => rule(index)).join('')))
  const { status, stderr } = cli.run('policy', 'check', 'many.toml')
  assert.equal(status, 0)
  assert.equal(stderr.match(/^nixsig: warning: rule /gm)?.length, 20)
  assert.match(stderr, /^nixsig: warning: 11 more rules like these$/m)
})

test('every problem is told with its line', () => {
  const file = cli.write(
    'bad.toml',
    policyText('[groups.both]\nmembers = ["nobody"]\nthreshold = 1\ncolour = "red"'),
  )
  const { status, stdout, stderr } = cli.run('policy', 'check', file)
  assert.equal(status, 2)
  assert.equal(stdout, '')
  assert.match(stderr, /^nixsig: .*bad\.toml:4: .*nobody/m)
  assert.match(stderr, /^nixsig: .*bad\.toml:6: .*unknown field/m)
  assert.doesNotMatch(stderr, /\n {4}at /)
})

test('attack: control characters in a policy reach no terminal', () => {
  const file = cli.write('odd.toml', policyText('"evil\\u001b[2J" = 1'))
  const { status, stderr } = cli.run('policy', 'check', file)
  assert.equal(status, 2)
  assert.match(stderr, /unknown field/)
  assert.doesNotMatch(stderr, /\u001b/)
})

test('a directory of attestations that is not there, or is everybody’s, is a warning', () => {
  mkdirSync(join(cli.dir, 'open'))
  chmodSync(join(cli.dir, 'open'), 0o777)
  const directories = `directories = ["${cli.dir}/missing", "${cli.dir}/open"]`
  cli.write('places.toml', policyText(`[attestations]\n${directories}`))
  const { status, stderr } = cli.run('policy', 'check', 'places.toml')
  assert.equal(status, 0)
  assert.match(stderr, /warning: .*missing/)
  assert.match(stderr, /warning: .*open is writable by everybody/)
})

test('a draft may be writable by others, or a link; the policy in force may not be writable by others', () => {
  const file = cli.write('loose.toml', policyText())
  chmodSync(file, 0o666)
  symlinkSync('loose.toml', join(cli.dir, 'link.toml'))
  assert.equal(cli.run('policy', 'check', 'loose.toml').status, 0)
  assert.equal(cli.run('policy', 'check', 'link.toml').status, 0)
  for (const command of ['check', 'describe']) {
    const { status, stderr } = cli.run('policy', command, '--policy', 'loose.toml')
    assert.equal(status, 2)
    assert.match(stderr, /loose\.toml is writable by others/)
  }
})

test('a policy that is not there, and one that is not UTF-8, are errors of one line', () => {
  cli.write('latin.toml', Buffer.from('mode = "\xe9"', 'latin1'))
  for (const [file, reason] of [
    ['none.toml', /there is no policy .*none\.toml/],
    ['latin.toml', /not UTF-8/],
  ] as const) {
    const { status, stderr } = cli.run('policy', 'check', file)
    assert.equal(status, 2)
    assert.match(stderr, reason)
    assert.match(stderr, /^nixsig: [^\n]*\n$/)
  }
})

test('whichever command misses the policy first, it tells how to get one', () => {
  const places = ['--policy', 'none.toml', '--state', '.']
  for (const call of [
    ['status'],
    ['trust', 'list'],
    ['trust', 'show', 'x'],
    ['trust', 'diff', 'x'],
    ['approve', '.', '--here', '--yes'],
  ]) {
    const { status, stderr } = cli.run(...call, ...places)
    assert.equal(status, 2, call.join(' '))
    assert.match(
      stderr,
      /^nixsig: there is no policy .*none\.toml; next: nixsig setup writes one.*, nixsig init one .*, or name one with --policy\n$/,
      call.join(' '),
    )
  }
})

test('describe tells the policy in words', () => {
  cli.write('told.toml', policyText())
  const { status, stdout } = cli.run('policy', 'describe', '--policy', 'told.toml')
  assert.equal(status, 0)
  assert.match(stdout, /what is not trusted is refused/)
})

const KEY = 'alice-1:2vseemEFAOo0MO7aenTrcX7BNFQzgL4gkzpQ7p9KsvU='
const PATH = '/nix/store/0c0r6k3yj5y0qg4zq3fqzsl5zwb6l8rr-hello-2.12.tar.gz'
const OVER = `[principals.alice]
keys = ["${KEY}"]
[[revocations]]
principal = "alice"
date = 2020-01-01
[[rules]]
match.name = "hello-*"
require.source = "alice"
[[exemptions]]
name = "old"
reason = "because"
until = 2020-01-01
`

test('what is over is a warning, an error with --strict, and told beside errors', () => {
  cli.write('over.toml', policyText(OVER))
  const { status, stderr } = cli.run('policy', 'check', 'over.toml')
  assert.equal(status, 0, stderr)
  assert.match(
    stderr,
    /^nixsig: warning: rule "rule 1" \(line 8\) can be met by nobody: require\.source needs alice, and all keys of alice are revoked \(since 2020-01-01\); /m,
  )
  assert.match(stderr, /^nixsig: warning: the exemption at line 11 \(old\) is over since 2020-01-01, /m)
  const strict = cli.run('policy', 'check', '--strict', 'over.toml')
  assert.equal(strict.status, 2)
  assert.match(
    strict.stderr,
    /^nixsig: 3 warnings; next: correct the policy, then: nixsig policy check over\.toml$/m,
  )
  cli.write('both.toml', policyText(`${OVER}colour = 1\n`))
  const both = cli.run('policy', 'check', 'both.toml')
  assert.equal(both.status, 2)
  assert.match(both.stderr, /both\.toml:15: exemptions\[1\]\.colour: unknown field/)
  assert.match(both.stderr, /the exemption at line 11 /)
})

test('attack: a secret key is told, and that others could read it', () => {
  const { stdout } = cli.run('keygen', 'mine')
  assert.match(stdout, /mine\.secret/)
  const secret = cli.read('mine.secret').trim()
  const file = cli.write('secret.toml', policyText(`[principals.me]\nkeys = ["${secret}"]`))
  chmodSync(file, 0o644)
  const open = cli.run('policy', 'check', 'secret.toml')
  assert.equal(open.status, 2)
  assert.match(
    open.stderr,
    /secret\.toml:4: principals\.me\.keys\[1\]: this is a SECRET key, .* write "mine:/,
  )
  assert.match(open.stderr, /others can read \S+secret\.toml \(mode 644\)/)
  assert.ok(!(open.stderr + open.stdout).includes(secret))
  chmodSync(file, 0o600)
  assert.doesNotMatch(cli.run('policy', 'check', 'secret.toml').stderr, /others can read/)
})

test('more errors than a message holds are all told', () => {
  const wrong = Array.from({ length: 50 }, (_, index) => `unknown-${index} = 1`).join('\n')
  cli.write('many-errors.toml', policyText(wrong))
  const { stderr } = cli.run('policy', 'check', 'many-errors.toml')
  assert.equal(stderr.match(/unknown field/g)?.length, 50)
  assert.match(stderr, /^nixsig: 50 errors; next: /m)
})

test('a program gets errors and warnings as one object', () => {
  cli.write('for-programs.toml', policyText(`${OVER}colour = 1\n`))
  const { status, stdout } = cli.run('policy', 'check', '--json', 'for-programs.toml')
  assert.equal(status, 2)
  assertSchema('policy-check', stdout)
  assertSchema('policy-check', cli.run('policy', 'check', '--json', 'over.toml').stdout)
  const said = JSON.parse(stdout)
  assert.equal(said.good, false)
  assert.equal(said.summary, null)
  assert.deepEqual(
    said.errors.map((one: { line: number; code: string }) => [one.line, one.code]),
    [[15, 'invalid']],
  )
  assert.deepEqual(
    said.warnings.map((one: { line: number; code: string }) => [one.line, one.code]),
    [
      [8, 'nobody-left'],
      [11, 'exemption-over'],
    ],
  )
})

test('describe takes a draft, and has the respite of the policy in force', () => {
  const policy = cli.write('forced.toml', policyText())
  mkdirSync(join(cli.dir, 'state'), { mode: 0o755 })
  const now = Math.floor(Date.now() / 1000)
  writeFileSync(
    join(cli.dir, 'state/respite'),
    `nixsig1 respite\nsince ${now - 10}\nuntil ${now + 3600}\nreason the cache is down\n`,
    { mode: 0o644 },
  )
  const inForce = ['--policy', policy, '--state', 'state']
  assert.match(
    cli.run('policy', 'describe', ...inForce).stdout,
    /^respite until \S+Z \(the cache is down\): nothing is refused until then$/m,
  )
  const draft = cli.run('policy', 'describe', 'forced.toml', '--state', 'state')
  assert.equal(draft.status, 0, draft.stderr)
  assert.doesNotMatch(draft.stdout, /respite/)
  const json = cli.run('policy', 'describe', '--json', ...inForce).stdout
  assertSchema('policy-describe', json)
  assertSchema('policy-describe', cli.run('policy', 'describe', '--json', 'over.toml').stdout)
  const { respite, rules, mode } = JSON.parse(json)
  assert.equal(respite.reason, 'the cache is down')
  assert.equal(mode, 'enforce')
  assert.deepEqual(rules, [
    {
      title: 'default',
      line: 4,
      name: '*',
      kinds: ['fetched-source', 'local-source', 'derivation', 'output'],
      require: { source: 'nothing', derivation: 'nothing', output: [{ who: 'self', role: null }] },
    },
  ])
})

test('of a path that is not here, describe tells the rule for each kind', () => {
  cli.write('kinds.toml', policyText(OVER))
  const { status, stdout } = cli.run('policy', 'describe', 'kinds.toml', '--path', PATH, '--state', 'state')
  assert.equal(status, 0)
  const args = ['kinds.toml', '--path', PATH, '--state', 'state']
  assertSchema('policy-describe', cli.run('policy', 'describe', '--json', ...args).stdout)
  assert.match(stdout, /^as a fetched source: "rule 1" \(line 8\): needs alice$/m)
  assert.match(stdout, /^as an output: "default" \(line 16\): needs this machine$/m)
})
