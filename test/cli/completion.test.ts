// needs: dist
// What shells offer, and that no name from outside becomes more than a word.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { COMMANDS } from '../../src/cli/commands.ts'
import { completionsOf } from '../../src/cli/completions.ts'
import { finishEntry, writeEntry } from '../../src/quarantine/entries.ts'
import { byDefault, signer } from '../support/trust.ts'
import { buildCli } from './built-cli.ts'

const cli = buildCli()
after(() => cli.remove())

const CACHE = signer('cache.example.org-1').publicKey
const policy = cli.write(
  'policy.toml',
  `version = 1
mode = "enforce"
[attestations]
sources = ["https://example.org/alice"]
[principals.dev]
keys = ["${CACHE}"]
[groups.team]
members = ["dev"]
threshold = 1
${byDefault('nothing', 'dev', 'self')}
[lists.debian]
url = "https://lists.example.org/debian"
roles = ["developer"]
[lists.house]
url = "/srv/list"
roles = ["developer"]
`,
)
const state = join(cli.dir, 'state')
mkdirSync(state, { mode: 0o700 })
const path = `/nix/store/${'0'.repeat(32)}-tool`
const id = writeEntry(state, {
  path,
  narHash: 'ab'.repeat(32),
  narSize: 120,
  references: [],
  derivation: `${path}.drv`,
  builtHere: true,
  registered: 1_790_000_000,
  refused: 1_790_000_000,
  outcome: 'untrusted',
  reason: 'refused it',
})
writeFileSync(join(state, 'quarantine', id, 'content'), '')
finishEntry(state, id)

const EXPECTED: readonly (readonly [typed: readonly string[], found: readonly string[]])[] = [
  [['att'], ['attest']],
  [['help', 'rel'], ['reload'].filter(name => name.startsWith('rel'))],
  [
    ['policy', ''],
    ['check', 'describe', 'diff'],
  ],
  [['--policy', policy, 'policy', 'de'], ['describe']],
  [['verify', './result', '--rec'], ['--recursive']],
  [['verify', './res'], []],
  [['policy', 'check', '--pol'], ['--policy']],
  [
    ['git', 'sign', '--as', ''],
    ['committer', 'reviewer', 'git-sig'],
  ],
  [['git', 'sign', '--as=rev'], ['--as=reviewer']],
  [['git', 'sign', '--as', '=', 'rev'], ['reviewer']],
  [['quarantine', 'show', '--state', state, ''], [id]],
  [['quarantine', 'purge', `--state=${state}`, id.slice(0, 4)], [id]],
  [['quarantine', 'show', '--state', '/nowhere', ''], []],
  [['check-signature', 'a', 'b', '--key', ''], []],
  [
    ['git', 'verify', '--policy', policy, '--require', ''],
    ['dev', 'team'],
  ],
  [['sync', '--policy', policy, '--source', 'https'], ['https://example.org/alice']],
  [['upgrade', '--key', ''], []],
  [
    ['completion', ''],
    ['bash', 'zsh', 'fish'],
  ],
  ...['show', 'diff', 'update', 'pin', 'unsubscribe'].map(
    word =>
      [
        ['trust', word, '--policy', policy, '--state', state, ''],
        ['debian', 'house'],
      ] as const,
  ),
  [['trust', 'update', '--policy', policy, '--state', state, 'debian', 'h'], ['house']],
  [['trust', 'subscribe', 'https://lists.example.org/debian', '--role', 'de'], ['developer']],
  [['list', 'add', 'list', 'de'], ['developers']],
  [
    ['list', 'rotate', 'list', 'snapshot', 't'],
    ['targets', 'timestamp'],
  ],
  [['list', 'sign', 'list', '--renew', 'ro'], ['root']],
  [['keygen', 'x', '--', ''], []],
  [['frobnicate', ''], []],
]

for (const [typed, found] of EXPECTED) {
  test(`nixsig ${typed.join(' ')}<TAB>`, async () => assert.deepEqual(await completionsOf(typed), found))
}

test('keys of the policy in force are offered where one is named', async () => {
  assert.deepEqual(await completionsOf(['export', 'allowed-signers', '--policy', policy, '']), [
    '--policy',
    '--no-color',
    '--help',
    '--version',
  ])
  assert.deepEqual(
    await completionsOf(['attest', 'source', '--policy', policy, '--developer-key', 'cache']),
    [CACHE],
  )
})

test('whatever is typed, it answers with words that begin so, and never fails', async () => {
  const word = fc.oneof(
    fc.constantFrom(
      ...COMMANDS.flatMap(({ name }) => name.split(' ')),
      '--',
      '-',
      '=',
      '--policy',
      '--state',
      '-A',
      '--key=',
    ),
    fc.string({ unit: 'binary', maxLength: 6 }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(word, { maxLength: 5 }), async typed => {
      for (const found of await completionsOf(typed)) {
        assert.ok(found.startsWith(typed.at(-1) ?? ''))
        assert.doesNotMatch(found, /[\p{Cc}\p{Cf}]/u)
      }
    }),
    { numRuns: 300 },
  )
})

test('the hidden command prints the same, and complains about nothing', () => {
  assert.equal(cli.run('complete', '--', 'att').stdout, 'attest\n')
  for (const words of [[], ['--', '\u001b[2J'], ['--', 'quarantine', 'show', '--state', '/dev/null', '']]) {
    const { status, stdout, stderr } = cli.run('complete', ...words)
    assert.equal(status, 0)
    assert.equal(stderr, '')
    assert.doesNotMatch(stdout, /\u001b/)
  }
})

/** What bash puts into the line, a word each, with `nixsig` as given. */
function inBash(nixsig: string, calls: readonly string[]): readonly string[] {
  const { stdout } = cli.run('completion', 'bash')
  const script = `nixsig() { ${nixsig}; }
${stdout}
try() { COMP_WORDS=(nixsig "$@"); COMP_CWORD=$#; _nixsig; printf '%s\\n' "\${COMPREPLY[@]}"; }
${calls.map(call => `try ${call}`).join('\n')}`
  const bash = spawnSync('bash', ['--norc', '--noprofile', '-c', script], {
    cwd: cli.dir,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] },
  })
  assert.equal(bash.stderr, '')
  return bash.stdout.trimEnd().split('\n')
}

test('bash completes commands, options, ids and keys with a colon', () => {
  const real = `'${process.execPath}' '${cli.program}' "$@"`
  const [name = '', rest = ''] = CACHE.split(':')
  const colon = `attest source --policy ${policy} --developer-key ${name} : ${rest.slice(0, 3)}`
  assert.deepEqual(
    inBash(real, ['att', 'verify ./result --rec', `quarantine show --state ${state} ''`, colon]),
    ['attest', '--recursive', id, rest],
  )
})

test('attack: a name with shell code in it is put into the line quoted, and run by no shell', () => {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-completion-'))
  try {
    const marker = join(directory, 'owned')
    const evil = [
      `$(touch ${marker})`,
      `\`touch ${marker}\``,
      `a;touch ${marker}`,
      `'a b'`,
      `*`,
      `-x"$IFS"`,
      `a&touch ${marker}`,
    ]
    writeFileSync(join(directory, 'names'), `${evil.join('\n')}\n`)
    const put = inBash(`cat ${join(directory, 'names')}`, ["quarantine show ''"])
    assert.equal(put.length, evil.length)
    // As the line would be read when Enter is pressed: each is one word, and it is the name.
    const { stdout } = spawnSync('bash', ['-c', put.map(word => `printf '%s\\n' ${word}`).join('\n')], {
      encoding: 'utf8',
    })
    assert.deepEqual(stdout.trimEnd().split('\n'), evil)
    assert.ok(!existsSync(marker))
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('attack: inputs of a lock and names in a policy that are no words of a terminal are not offered', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-completion-'))
  const before = process.cwd()
  try {
    const names = ['good', '\u001b[2J', 'a\nb', '--option', '\u202eevil']
    const nodes = Object.fromEntries(
      names.map(name => [
        name,
        {
          locked: { type: 'git', url: 'https://example.org/x', rev: '0'.repeat(40) },
          original: { type: 'git', url: 'https://example.org/x' },
        },
      ]),
    )
    const inputs = Object.fromEntries(names.map(name => [name, name]))
    writeFileSync(
      join(directory, 'flake.lock'),
      JSON.stringify({ nodes: { root: { inputs }, ...nodes }, root: 'root', version: 7 }),
    )
    process.chdir(directory)
    assert.deepEqual(await completionsOf(['lock', 'update', '']), ['good'])
  } finally {
    process.chdir(before)
    rmSync(directory, { recursive: true })
  }
})

test('each shell gets a script of its own', () => {
  assert.match(cli.runWith({ SHELL: '/bin/zsh' }, 'completion').stdout, /^#compdef nixsig\n/)
  assert.match(cli.run('completion', 'fish').stdout, /^complete -c nixsig /m)
  assert.match(cli.runWith({ SHELL: '/bin/dash' }, 'completion').stdout, /for bash/)
  assert.match(cli.run('completion', 'csh').stderr, /bash, zsh and fish/)
})
