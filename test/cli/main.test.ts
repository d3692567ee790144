// needs: dist
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { after, test } from 'node:test'
import { byDefault, signer } from '../support/trust.ts'
import { buildCli } from './built-cli.ts'

const cli = buildCli()
after(() => cli.remove())

// Nothing in it is warned of.
const POLICY = `version = 1
mode = "enforce"
[principals.dev]
keys = ["${signer('dev').publicKey}"]
${byDefault('nothing', 'dev', 'self')}`
const policy = cli.write('policy.toml', POLICY)

const COMMANDS = [
  'keygen',
  'key',
  'machine-keys',
  'key passphrase',
  'attest',
  'attest source',
  'attest derivation',
  'attest output',
  'handoff',
  'check-signature',
  'import',
  'export',
  'export in-toto',
  'export sigstore',
  'export narinfo',
  'export pem',
  'export allowed-signers',
  'publish',
  'sync',
  'verify',
  'explain',
  'policy',
  'policy check',
  'policy describe',
  'quarantine',
  'quarantine list',
  'quarantine show',
  'quarantine release',
  'quarantine purge',
  'log',
  'log verify',
  'log checkpoint',
  'conflicts',
  'conflicts list',
  'conflicts withdraw',
  'list',
  'list build',
]

for (const command of COMMANDS) {
  test(`${command} --help tells its own usage, without node_modules beside it`, () => {
    const { status, stdout, stderr } = cli.run(...command.split(' '), '--help')
    assert.equal(status, 0, stderr)
    assert.ok(stdout.startsWith(`nixsig ${command}`), stdout)
    assert.match(stdout, /--help {2}.*\n/)
  })
}

test('the help lists every command and every exit status', () => {
  const { stdout } = cli.run('--help')
  for (const command of COMMANDS) assert.ok(stdout.includes(`nixsig ${command.split(' ')[0]}`), command)
  for (const status of [0, 2, 10, 11, 12, 13, 14, 20]) assert.match(stdout, new RegExp(`\\b${status}\\s`))
})

test('the version is the one of package.json', () => {
  assert.match(cli.run('--version').stdout, /^\d+\.\d+\.\d+\n$/)
})

const WRONG_CALLS: readonly (readonly [string, readonly string[], RegExp])[] = [
  ['no command', [], /which command\?/],
  ['an unknown command', ['verfiy'], /verfiy/],
  ['an unknown subcommand', ['policy', 'chekc'], /chekc/],
  [
    'an unknown option',
    ['verify', '--recursiv'],
    /unknown option --recursiv: did you mean --recursive\? see nixsig verify --help/,
  ],
  ['a policy given twice', ['verify', '--policy', 'a', '--policy', 'b'], /--policy is given more than once/],
  [
    'an option without its value',
    ['policy', 'describe', '--policy'],
    /--policy needs a value: --policy FILE/,
  ],
  ['an empty state directory', ['quarantine', 'list', '--state='], /--state is empty/],
  ['a negated option', ['verify', '--no-recursive'], /no-recursive/],
  ['a path outside the store', ['verify', '/etc/passwd'], /\/etc\/passwd is not in \/nix\/store/],
  ['a path that leads nowhere', ['verify', './result'], /cannot follow \.\/result/],
  ['the store itself', ['verify', '/nix/store'], /is not in \/nix\/store/],
  ['a malformed store path', ['verify', '/nix/store/x'], /in no store path/],
  ['attest of nothing in particular', ['attest', 'all'], /all/],
]

for (const [what, args, message] of WRONG_CALLS) {
  test(`${what} is a wrong call: status 2 and one line`, () => {
    const { status, stdout, stderr } = cli.run(...args)
    assert.equal(status, 2, stderr)
    assert.equal(stdout, '')
    assert.match(stderr, message)
    assert.match(stderr, /^nixsig: [^\n]*\n$/)
    assert.match(stderr, /; next: \S|nixsig (?:[a-z]+ )?--help/)
  })
}

test('attack: what was typed reaches the terminal escaped', () => {
  const { stderr } = cli.run('verify', '/tmp/\u001b]0;owned\u0007')
  assert.match(stderr, /\\u\{1b\}/)
  assert.doesNotMatch(stderr, /[\u001b\u0007]/)
  assert.doesNotMatch(cli.run('\u001b[2J').stderr, /\u001b/)
})

test('messages are not translated, whatever the environment says', () => {
  assert.match(cli.runWith({ LC_ALL: 'de_DE.UTF-8' }, '--help').stdout, /Commands:/)
})

const CHECK = ['policy', 'check', policy] as const

test('a terminal gets colours', () => {
  assert.match(cli.runInTerminal({ TERM: 'xterm' }, ...CHECK).stdout, /\u001b\[32mgood/)
})

for (const [what, env, args] of [
  ['NO_COLOR', { NO_COLOR: '1', TERM: 'xterm' }, []],
  ['--no-color', { TERM: 'xterm' }, ['--no-color']],
  ['a dumb terminal', { TERM: 'dumb' }, []],
] as const) {
  test(`no colours with ${what}, nor in a pipe even if colours are forced`, () => {
    const { stdout, status } = cli.runInTerminal(env, ...CHECK, ...args)
    assert.equal(status, 0)
    assert.match(stdout, /^good /)
    assert.match(cli.runWith({ ...env, FORCE_COLOR: '1' }, ...CHECK, ...args).stdout, /^good /)
  })
}

test('a reader that goes away is not told that all was well', () => {
  const line = `'${process.execPath}' '${cli.program}' policy check '${policy}'; echo $? >&2`
  const shell = spawnSync('bash', ['-c', `(sleep 0.5; ${line}) | true`], { encoding: 'utf8' })
  assert.match(shell.stderr, /^141\n$/)
})

test('an answer that cannot be written is an error that says so', () => {
  const line = `'${process.execPath}' '${cli.program}' policy check '${policy}' >/dev/full; echo $? >&2`
  const { stderr } = spawnSync('bash', ['-c', line], { encoding: 'utf8' })
  assert.match(stderr, /^nixsig: cannot write the answer: the file system is full\n2\n$/)
})
