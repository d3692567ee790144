// needs: dist
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
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

test('describe tells the policy in words', () => {
  cli.write('told.toml', policyText())
  const { status, stdout } = cli.run('policy', 'describe', '--policy', 'told.toml')
  assert.equal(status, 0)
  assert.match(stdout, /what is not trusted is refused/)
})
