// needs: dist
// What --json prints is what docs/schemas says.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { cosignCheckpoint } from '../../src/crypto/note-signature.ts'
import { appendLine } from '../../src/decisions/append.ts'
import { printDecision, printLeftOut } from '../../src/decisions/line.ts'
import { parseNote, printSignatureLine } from '../../src/formats/tlog/note.ts'
import { keepSeenClaims } from '../../src/ledger/seen-conflicts.ts'
import { assertLines, assertSchema } from '../support/schema.ts'
import { policyOfTwo, WITNESSES } from '../support/tlog/log.ts'
import { byDefault, policyText, signer } from '../support/trust.ts'
import { buildCli, type Outcome } from './built-cli.ts'

const cli = buildCli()
after(() => cli.remove())

const PATH = `/nix/store/${'0'.repeat(32)}-tool`

function tool(program: string, ...args: readonly string[]): string {
  const options = {
    cwd: cli.dir,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: cli.dir },
  } as const
  const done = spawnSync(program, args, options)
  assert.equal(done.status, 0, `${program}: ${done.stderr}`)
  return done.stdout.trim()
}

/** One line that the schema describes. */
function one(name: string, { stdout, stderr }: Outcome, status?: number): Record<string, unknown> {
  assert.match(stdout, /^[\x20-\x7e]+\n$/, stderr)
  assertSchema(name, stdout)
  const json = JSON.parse(stdout)
  if (status !== undefined) assert.equal(json.status, status)
  return json
}

before(() => {
  cli.write(
    'policy.toml',
    `version = 1
mode = "enforce"
[principals.alice]
keys = ["${signer('alice').publicKey}"]
${byDefault('nothing', 'alice', 'self')}`,
  )
  mkdirSync(join(cli.dir, 'state'), { mode: 0o700 })
  for (const repository of ['repository', 'other']) {
    tool('git', 'init', '-q', repository)
    cli.write(`${repository}/file`, 'é\n')
    const identity = ['-C', repository, '-c', 'user.name=a', '-c', 'user.email=a@b.org']
    tool('git', ...identity, 'add', '.')
    tool('git', ...identity, 'commit', '-qm', 'first')
  }
  for (const name of ['dev', 'else']) tool('minisign', '-G', '-W', '-p', `${name}.pub`, '-s', `${name}.key`)
  cli.write('é.tar', 'the release\n')
  tool('minisign', '-S', '-s', 'dev.key', '-m', 'é.tar')
})

test('keygen and version', () => {
  const key = one('keygen', cli.run('keygen', 'json-1', '--json'))
  assert.equal(key['publicKey'], cli.read('json-1.pub').trim())
  assert.ok(!JSON.stringify(key).includes(cli.read('json-1.secret').split(':')[1]?.trim() ?? '-'))
  one('version', cli.run('version', '--json'))
})

test('machine-keys', {
  skip: process.geteuid?.() !== 0 && 'only root makes them',
}, () => {
  for (const change of ['made', 'kept']) {
    const { machine } = one('machine-keys', cli.run('machine-keys', '--state', 'state', '--json'))
    assert.equal((machine as { change: string }).change, change)
  }
})

test('check-signature: good, refused, undecided', () => {
  const check = (...args: string[]) => cli.run('check-signature', 'é.tar', ...args, '--json')
  one('check-signature', check('é.tar.minisig', '--key', 'dev.pub'), 0)
  one('check-signature', check('é.tar.minisig', '--key', 'else.pub'), 11)
  const broken = cli.write('broken.minisig', 'untrusted comment: x\nRWQ\n')
  one('check-signature', check(broken, '--key', 'dev.pub'), 20)
})

test('log and log verify', () => {
  const state = join(cli.dir, 'logged')
  mkdirSync(state)
  const decision = {
    door: 'gate',
    asker: 'user 1000',
    path: PATH,
    outcome: 'untrusted',
    letIn: false,
  } as const
  const refused = { ...decision, ground: 'a rule', mode: 'warn', message: 'refused' } as const
  appendLine(state, place => printDecision(place, refused), { isDurable: false })
  appendLine(state, place => printLeftOut(place, { ...decision, leftOut: 2 }), { isDurable: false })
  const places = ['--state', state, '--json']
  assertLines('log', cli.run('log', ...places).stdout)
  assert.equal(
    cli
      .run('log', '--path', PATH, '--door', 'gate', ...places)
      .stdout.trim()
      .split('\n').length,
    1,
  )
  const whole = one('log-verify', cli.run('log', 'verify', ...places))
  assert.deepEqual(whole['faults'], [])
  writeFileSync(join(state, 'decisions/open/000000000001'), 'x\u001b')
  assertLines('log', cli.run('log', ...places).stdout)
  const broken = cli.run('log', 'verify', ...places)
  assert.equal(broken.status, 1)
  assert.notDeepEqual(one('log-verify', broken)['faults'], [])
})

test('log checkpoint and log verify with witnesses', {
  skip: process.geteuid?.() !== 0 && 'for root',
}, () => {
  const state = join(cli.dir, 'witnessed')
  mkdirSync(state)
  const said = { door: 'gate', asker: 'root', path: PATH, outcome: 'trusted', letIn: true } as const
  const decision = { ...said, ground: 'a rule', mode: 'enforce' } as const
  appendLine(state, place => printDecision(place, decision), { isDurable: false })
  cli.write('tlog-policy.txt', policyOfTwo())
  const rest = `[quorums.main]\npolicy = "tlog-policy.txt"\n${byDefault('nothing', 'alice', 'self')}`
  cli.write('witnesses.toml', policyText({ alice: [signer('alice')] }, rest))
  const places = ['--state', state, '--policy', 'witnesses.toml']
  const made = cli.run('log', 'checkpoint', '--to', 'today', ...places)
  assert.match(made.stderr, /witnesses know this log by nixsig\.decisions\/[0-9a-f]{32}\+[0-9a-f]{8}\+/)
  const keep = () => cli.run('log', 'checkpoint', '--cosigned', 'today', ...places)
  assert.match(keep().stderr, /today is not cosigned as it has to be: .*found: 0 of 3/)
  const none = cli.run('log', 'verify', '--quorum', 'main', ...places)
  assert.equal(none.status, 1)
  assert.match(none.stdout, /unwitnessed no checkpoint that agrees/)
  const today = join(cli.dir, 'today')
  const { text } = parseNote(readFileSync(today))
  for (const witness of WITNESSES)
    appendFileSync(today, printSignatureLine(cosignCheckpoint(text, witness, 1_790_000_000)))
  assert.match(keep().stdout, /^kept the state of 2 lines/)
  const whole = cli.run('log', 'verify', '--quorum', 'main', ...places)
  assert.match(
    whole.stdout,
    /^whole: 2 lines; the first 2 are signed; the witnesses of main saw the first 2\n/,
  )
  const json = one('log-verify', cli.run('log', 'verify', '--quorum', 'main', '--json', ...places))
  assert.equal(json['witnessed'], 2)
  for (const [words, why] of [
    [['--cosigned', 'today', '--quorum', 'other'], /other is none of \[quorums\] in .*: main/],
    [['--cosigned', 'today', '--to', 'x'], /exclude each other/],
    [['--quorum', 'main'], /--quorum goes with --cosigned/],
  ] as const)
    assert.match(cli.run('log', 'checkpoint', ...words, ...places).stderr, why)
})

test('conflicts list and withdraw', () => {
  const claim = {
    key: 'ed25519:00',
    narHash: 'ab'.repeat(32),
    seen: 1_790_000_000,
    origin: 'a file',
  } as never
  keepSeenClaims(join(cli.dir, 'state'), PATH, [claim])
  const places = ['--state', 'state', '--json']
  assertLines('conflicts-list', cli.run('conflicts', 'list', ...places).stdout)
  assertLines('conflicts-withdraw', cli.run('conflicts', 'withdraw', PATH, ...places).stdout)
  assert.equal(cli.run('conflicts', 'list', ...places).stdout, '')
})

test('git sign, verify, status, push and fetch', () => {
  cli.run('keygen', 'signer-1')
  one('git-sign', cli.run('git', 'sign', './repository', '--key', 'signer-1.secret', '--json'))
  for (const command of ['verify', 'status']) {
    const { stdout } = cli.run('git', command, './repository', '--policy', 'policy.toml', '--json')
    assertSchema(`git-${command}`, stdout)
  }
  const trusted = cli.run(
    'git',
    'status',
    './repository',
    '--policy',
    'policy.toml',
    '--require',
    'alice',
    '--json',
  )
  assertSchema('git-status', trusted.stdout)
  const exchange = (command: string) => cli.run('git', command, './other', './repository', '--json')
  assertLines('git-push', exchange('push').stdout)
  assertLines('git-fetch', exchange('fetch').stdout)
})

test('publish and import', () => {
  const word = ['--name', 'tool.tar', '--unsigned-upstream', 'a test', '--key', 'json-1.secret', '--json']
  assertLines('attest-source', cli.run('attest', 'source', 'é.tar', ...word).stdout)
  one('publish', cli.run('publish', '--to', 'public', '--as', 'alice', '--json'))
  one('import', cli.run('import', 'attestations', '--out', 'all', '--json'))
})

test('reload where no gate runs', () => {
  const { status, stdout } = cli.run('reload', '--socket', join(cli.dir, 'none'), '--json')
  assert.equal(status, 2)
  assertSchema('reload', stdout)
})
