// `nixsig log` prints what others chose, and what whoever was root put there.
// needs: dist
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { after, beforeEach, test } from 'node:test'
import { appendLine } from '../../src/decisions/append.ts'
import { type Decision, printDecision } from '../../src/decisions/line.ts'
import { logPlaces, numberName } from '../../src/decisions/places.ts'
import { eventually } from '../support/eventually.ts'
import { asRoot } from '../support/plugin-state.ts'
import { buildCli } from './built-cli.ts'

const cli = buildCli()
after(() => cli.remove())

const state = join(cli.dir, 'state')
beforeEach(() => {
  rmSync(state, { recursive: true, force: true })
  mkdirSync(state)
})

const HOSTILE = '\u001b]0;x\u0007\u001b[2J\r\n\u202e\u0000"\\'

/** Controls, and characters without a form of their own. */
const UNPRINTABLE = /[^\P{C}\n]/u

function append(change: Partial<Decision> = {}): void {
  const decision: Decision = {
    ...{
      door: 'gate',
      asker: `x${HOSTILE}`,
      path: `/nix/store/x${HOSTILE}`,
      outcome: 'untrusted',
      letIn: false,
    },
    ...{ ground: `x${HOSTILE}`, message: `x${HOSTILE}` },
    ...change,
  }
  appendLine(state, place => printDecision(place, decision), { isDurable: false })
}

const file = (number: number) => join(logPlaces(state).open, numberName(number))
const log = (...args: readonly string[]) => cli.run('log', '--state', state, ...args)

test('attack: escapes for terminals in names, and in lines that root damaged, are printed as text', () => {
  append()
  append()
  for (const [number, bytes] of [
    [3, `${HOSTILE}\u009b31m`],
    [4, readFileSync(file(1), 'latin1').replace('"gate"', `"${HOSTILE}"`)],
    [5, readFileSync(file(1), 'latin1').replace(/"time":\d+/, '"time":9007199254740991')],
  ] as const)
    writeFileSync(file(number), bytes, { mode: 0o600 })
  for (const args of [[], ['--json'], ['--path', 'x'], ['--json', '--door', 'gate']]) {
    const { status, stdout, stderr } = log(...args)
    assert.equal(status, 0, stderr)
    assert.doesNotMatch(stdout, UNPRINTABLE)
    assert.equal(stderr, '')
    assert.equal(stdout.split('\n').filter(line => /damaged/.test(line)).length, 3)
  }
  const verified = cli.run('log', 'verify', '--state', state)
  assert.equal(verified.status, 1)
  assert.doesNotMatch(verified.stdout, UNPRINTABLE)
  assert.match(verified.stdout, /^malformed line 5: .*is later than any date/m)
})

test('attack: a log that is cut, or has a line far away, does not stop one that follows it', async () => {
  append({ asker: 'root', message: undefined, ground: 'first' })
  const follower = spawn(process.execPath, [cli.program, 'log', '--follow', '--state', state])
  let said = ''
  follower.stdout.on('data', chunk => {
    said += chunk
  })
  const until = async (words: string) => {
    while (!said.includes(words)) await once(follower.stdout, 'data', { signal: AbortSignal.timeout(20_000) })
  }
  try {
    await until('first')
    truncateSync(file(1))
    append({ asker: 'root', message: undefined, ground: 'second' })
    await until('second')
    writeFileSync(file(900_000_000_000), 'far away', { mode: 0o600 })
    await until('900000000000  damaged')
    assert.doesNotMatch(said, UNPRINTABLE)
  } finally {
    follower.kill()
  }
})

test('a refusal is a line that names its path once; as JSON it is as it lies there', () => {
  const path = '/nix/store/00000000000000000000000000000000-x.drv'
  const message = `refused ${path} (derivation) under rule "default": needs bob for its derivation; next: nixsig explain ${path}`
  append({ door: 'before-build', asker: 'user 1000', path, ground: 'default', message })
  const [, line] = log().stdout.trimEnd().split('\n')
  assert.equal(
    line?.replace(/^1 {2}\S+ {2}/, ''),
    `before-build  refused ${path} for user 1000: derivation under rule "default": needs bob for its derivation`,
  )
  assert.equal(JSON.parse(log('--json').stdout.trimEnd().split('\n')[1] ?? '').message, message)
})

test('a log in a directory that the caller names, as of another machine, stays as it is', () => {
  for (let count = 0; count < 1030; count++) append({ asker: 'root' })
  assert.equal(log().status, 0)
  assert.equal(readdirSync(logPlaces(state).open).length, 1031)
})

test('a log that this user may not read is not called broken', asRoot, () => {
  append()
  chmodSync(cli.dir, 0o755)
  const asUser = (...args: readonly string[]) =>
    spawnSync(
      'setpriv',
      ['--reuid=4321', '--regid=4321', '--clear-groups', process.execPath, cli.program, ...args],
      {
        encoding: 'utf8',
        cwd: cli.dir,
      },
    )
  for (const command of [['log'], ['log', 'verify']]) {
    const { status, stdout, stderr } = asUser(...command, '--state', state)
    assert.equal(stdout, '')
    assert.match(stderr, /decisions.*: this user may not; next: call again as .*root/)
    assert.ok(status !== 0 && status !== 1, `${status}`)
  }
})

test('what is given as a checkpoint and is none is named, with its option', () => {
  append()
  const page = join(cli.dir, 'page.json')
  writeFileSync(page, '{}\n')
  for (const [file, why] of [
    [page, /no blank line before the signatures/],
    [join(cli.dir, 'absent'), /there is no such file/],
    [cli.dir, /is not a regular file/],
  ] as const) {
    const { status, stderr } = cli.run('log', 'verify', '--state', state, '--checkpoint', file)
    assert.equal(status, 2)
    assert.ok(stderr.includes(`--checkpoint ${file} is no checkpoint that can be read: `), stderr)
    assert.match(stderr, why)
  }
})

test('whoever asks for what is not in the log is told how many lines it has', () => {
  assert.match(log().stderr, /^there is no decision in .*\/decisions$/m)
  append({ asker: 'root' })
  for (const args of [
    ['--path', 'gone'],
    ['--since', '2100-01-01'],
    ['--json', '--path', 'gone'],
  ]) {
    const { status, stdout, stderr } = log(...args)
    assert.deepEqual([status, stdout, stderr], [0, '', 'none of its 2 lines is like that\n'])
  }
  const { stderr } = log('--principal', 'ben')
  assert.match(stderr, /^none of its 2 lines is like that; --principal is who asked .* nixsig audit tells$/m)
})

test('a path is found by a link into the store, and by what lies in it', () => {
  const path = `/nix/store/${'0'.repeat(32)}-x`
  append({ path, asker: 'root' })
  append({ path: `/nix/store/${'0'.repeat(32)}-other`, asker: 'root' })
  const link = join(cli.dir, 'result')
  rmSync(link, { force: true })
  symlinkSync(`${path}/bin/x`, link)
  for (const asked of [path, `${path}/bin/x`, link]) {
    const { stdout, stderr } = log('--json', '--path', asked)
    assert.equal(JSON.parse(stdout).path, path, stderr)
  }
  const elsewhere = log('--path', './absent')
  assert.equal(elsewhere.status, 2)
  assert.match(elsewhere.stderr, /cannot follow .*absent to a store path/)
})

test('attack: whoever follows a log is told that an older one was put in its place', async () => {
  append({ asker: 'root', ground: 'first', message: undefined })
  cpSync(logPlaces(state).directory, join(state, 'older'), { recursive: true })
  append({ asker: 'root', ground: 'second', message: undefined })
  const follower = spawn(process.execPath, [cli.program, 'log', '--follow', '--state', state])
  let said = ''
  for (const stream of [follower.stdout, follower.stderr])
    stream.on('data', chunk => {
      said += chunk
    })
  const until = (words: string) => eventually(words, () => said.includes(words))
  try {
    await until('second')
    renameSync(logPlaces(state).directory, join(state, 'newer'))
    renameSync(join(state, 'older'), logPlaces(state).directory)
    await until('the log had 3 lines and has ')
    await until('it was cut, or another one was put in its place')
    append({ asker: 'root', ground: 'in place of it', message: undefined })
    await until('in place of it')
  } finally {
    follower.kill()
  }
})

test('a checkpoint replaces no file, and needs a directory', asRoot, () => {
  append()
  const kept = join(cli.dir, 'monday')
  rmSync(kept, { force: true })
  const to = (file: string) => cli.run('log', 'checkpoint', '--state', state, '--to', file)
  assert.equal(to(kept).status, 0)
  for (const [file, why] of [
    [kept, 'something is there already'],
    [join(cli.dir, 'absent', 'monday'), 'it is not there'],
  ] as const) {
    const { status, stderr } = to(file)
    assert.equal(status, 2)
    assert.ok(
      stderr.includes(`--to ${file} cannot be written: ${why}; next: name another file, in a`),
      stderr,
    )
  }
})
