// The thin hooks: they treat each reply as src/formats/hook-reply.ts does, and without a reply they
// execute the hooks in the directory above.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type HookReply, LEFT_TO_THE_HOOK, parseReply, printReply } from '../../src/formats/hook-reply.ts'

const DIRECTORY = mkdtempSync(join(tmpdir(), 'nixsig-thin-'))
const SOCKET = join(DIRECTORY, 'socket')
/** A socket with a slow listener. */
const SLOW_SOCKET = join(DIRECTORY, 'slow')
const DRV = '/nix/store/8lnyx2d403hiqnqcjj8wl9j0zk56alk5-hello-2.12.drv'
const SOURCES = [
  ...['ask-for', 'asker', 'hook', 'lines', 'owned', 'refusal-line', 'reply', 'resident', 'sha256'],
  'store-path',
]

/** A program that prints a version of this name, or runs another program as its child. */
const NIX = `#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int n, char **a) {
  if (n > 1 && strcmp(a[1], "--version") == 0) return puts(VERSION) < 0;
  if (fork() == 0) return execv(a[1], a + 1);
  int status;
  wait(&status);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}`

function compile(out: string, args: readonly string[], input = ''): void {
  const made = spawnSync('cc', ['-D_GNU_SOURCE', '-g', ...args, '-o', out], { input, encoding: 'utf8' })
  assert.equal(made.status, 0, made.stderr)
}

let answer: Buffer | undefined
let asked: string[] = []
let server: Server

before(async () => {
  mkdirSync(join(DIRECTORY, 'native'))
  const sources = SOURCES.map(name => join(PROJECT_ROOT, 'nix/plugin', `${name}.c`))
  const hook = join(DIRECTORY, 'native/pre-build-hook')
  compile(hook, ['-O1', '-fsanitize=address,undefined', `-DNIXSIG_SOCKET="${SOCKET}"`, ...sources])
  copyFileSync(hook, join(DIRECTORY, 'native/post-build-hook'))
  mkdirSync(join(DIRECTORY, 'hasty'))
  const hasty = ['-DSIGN_OF_LIFE_MS=100', `-DNIXSIG_SOCKET="${SLOW_SOCKET}"`]
  compile(join(DIRECTORY, 'hasty/pre-build-hook'), [
    '-O1',
    '-fsanitize=address,undefined',
    ...hasty,
    ...sources,
  ])
  copyFileSync(hook, join(DIRECTORY, 'native/other'))
  for (const name of ['pre-build-hook', 'post-build-hook']) {
    const script = `#!/bin/sh\necho "bundle ${name} $1 $DRV_PATH $SECRET" >&2\nexit 3\n`
    writeFileSync(join(DIRECTORY, name), script, { mode: 0o755 })
  }
  for (const [name, version] of Object.entries({
    nix: 'nix (Nix) 2.34.8',
    old: 'nix (Nix) 2.7.0',
    lix: 'nix (Lix, like Nix) 2.91.1',
  })) {
    compile(join(DIRECTORY, name), [`-DVERSION="${version}"`, '-x', 'c', '-'], NIX)
  }
  server = createServer(connection => {
    connection.on('error', () => {})
    connection.on('data', data => {
      asked.push(data.toString())
      if (answer === undefined) connection.destroy()
      else connection.end(answer)
    })
  })
  await new Promise<void>(resolve => server.listen(SOCKET, resolve))
  spawnSync('chmod', ['600', SOCKET])
})
after(() => {
  server.close()
  rmSync(DIRECTORY, { recursive: true })
})

interface Ran {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a hook, as the child of a program if one is named, with this answer ready for it. */
async function run(
  reply: Buffer | undefined,
  { name = 'pre-build-hook', parent = '', drv = DRV, from = 'native' } = {},
): Promise<Ran> {
  answer = reply
  asked = []
  const hook = join(DIRECTORY, from, name)
  const [program = hook, ...args] = [
    ...(parent === '' ? [] : [join(DIRECTORY, parent)]),
    hook,
    drv,
    '/sandbox',
  ]
  const child = spawn(program, args, {
    env: { PATH: process.env['PATH'] ?? '', DRV_PATH: drv, SECRET: 'secret', ASAN_OPTIONS: 'detect_leaks=0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', text => (stdout += text))
  child.stderr.on('data', text => (stderr += text))
  const status = await new Promise<number | null>(resolve => child.on('close', resolve))
  return { status, stdout, stderr }
}

const reply = (outcome: HookReply['outcome'], change: Partial<HookReply> = {}) =>
  printReply({
    outcome,
    sentence: outcome === 'refuse' || outcome === 'error' ? 'no — never' : '',
    notice: '',
    telling: { isByLine: true, versions: [] },
    ...change,
  })

test('a pass is silent, and its notice is told line by line', async () => {
  assert.deepEqual(await run(reply('pass')), { status: 0, stdout: '', stderr: '' })
  assert.deepEqual(asked, [`nixsig1 for:${process.getuid?.()} before-build ${DRV}\n`])
  const warned = await run(reply('pass', { notice: 'one\ntwo' }), { name: 'post-build-hook' })
  assert.deepEqual(warned, { status: 0, stdout: '', stderr: 'nixsig: one\nnixsig: two\n' })
  assert.deepEqual(asked, [`nixsig1 for:${process.getuid?.()} after-build ${DRV}\n`])
})

test('a resident process of an older version is asked again without the word that it does not know', async () => {
  const sentence = 'question: is of an unknown kind: "for:0" (line 1)'
  const { status } = await run(reply('error', { sentence }))
  assert.equal(status, 3)
  const question = `before-build ${DRV}\n`
  assert.deepEqual(asked, [`nixsig1 for:${process.getuid?.()} ${question}`, `nixsig1 ${question}`])
})

test('a refusal is a line of output where Nix is known to show that and to fail, else a status', async () => {
  const byLine = await run(reply('refuse'), { parent: 'nix' })
  assert.deepEqual(byLine, { status: 0, stdout: 'nixsig: no - never\n', stderr: '' })
  const byStatus = { status: 1, stdout: '', stderr: 'nixsig: no - never\n' }
  for (const parent of ['', 'old', 'lix']) assert.deepEqual(await run(reply('refuse'), { parent }), byStatus)
  const told = reply('refuse', { telling: { isByLine: false, versions: [] } })
  assert.deepEqual(await run(told, { parent: 'nix' }), byStatus)
  const listed = reply('refuse', { telling: { isByLine: true, versions: ['2.6.1', '2.7.0'] } })
  assert.equal((await run(listed, { parent: 'old' })).stdout, 'nixsig: no - never\n')
  const after = await run(reply('refuse', { notice: 'in full' }), { name: 'post-build-hook', parent: 'nix' })
  assert.deepEqual(after, { status: 1, stdout: '', stderr: 'nixsig: in full\n' })
})

test('attack: without a whole verdict the hook beside it judges, in an environment of nothing but the derivation', async () => {
  const whole = reply('pass')
  const broken: readonly (Buffer | undefined)[] = [
    undefined,
    whole.subarray(0, -1),
    Buffer.concat([whole, Buffer.from('x')]),
    reply('done'),
    reply('error'),
    Buffer.from('nixsig2 pass 0 0 6\nstatus'),
    Buffer.alloc(70_000, 'x'),
    Buffer.from('nixsig1 pass 0 1 6\n\x1bstatus'),
  ]
  for (const bytes of broken) {
    const { status, stdout, stderr } = await run(bytes)
    assert.equal(status, 3, stderr)
    assert.equal(stdout, '')
    assert.match(
      stderr,
      /^nixsig: judging without the resident process: .*\nbundle pre-build-hook \S+hello-2\.12\.drv \S+hello-2\.12\.drv \n$/,
    )
  }
})

test('what is left to the hook, because the resident process may not write, is no fault to report', async () => {
  const { status, stderr } = await run(reply('error', { sentence: LEFT_TO_THE_HOOK }))
  assert.equal(status, 3)
  assert.match(stderr, /^bundle pre-build-hook \S+hello-2\.12\.drv \S+hello-2\.12\.drv \n$/)
})

/**
 * Runs `use` while a listener at the slow socket does `act` with each question, numbered from 1.
 */
async function withSlow(act: (connection: Socket, number: number) => void, use: () => Promise<void>) {
  const open = new Set<Socket>()
  const slow = createServer({ allowHalfOpen: true }, connection => {
    open.add(connection.on('error', () => {}))
    connection.on('data', () => act(connection, open.size))
  })
  await new Promise<void>(resolve => slow.listen(SLOW_SOCKET, resolve))
  chmodSync(SLOW_SOCKET, 0o600)
  try {
    await use()
  } finally {
    for (const connection of open) connection.destroy()
    slow.close()
  }
}

test('fault: a process that hangs, which takes connections still, is not waited for', () =>
  withSlow(
    () => {},
    async () => {
      const { status, stderr } = await run(undefined, { from: 'hasty' })
      assert.equal(status, 3)
      assert.match(stderr, /judging without the resident process: it hangs: it gave no sign of life/)
      assert.match(stderr, /bundle pre-build-hook/)
    },
  ))

test('one that only takes its time is waited for', () =>
  withSlow(
    (connection, number) => {
      if (number > 1) connection.end('nixsig1 error')
      else setTimeout(() => connection.end(reply('pass')), 700)
    },
    async () =>
      assert.deepEqual(await run(undefined, { from: 'hasty' }), { status: 0, stdout: '', stderr: '' }),
  ))

test('what is no derivation is asked of nobody, and a hook of another name refuses', async () => {
  for (const drv of ['', '/etc/passwd', `${DRV} x`, DRV.slice(0, -4)]) {
    const { status, stderr } = await run(reply('pass'), { drv })
    assert.equal(status, 3, stderr)
    assert.deepEqual(asked, [])
  }
  const other = await run(reply('pass'), { name: 'other' })
  assert.equal(other.status, 1)
  assert.match(other.stderr, /neither pre-build-hook nor post-build-hook/)
})

test('a reply is taken or left as it is in TypeScript, whatever was done to it', async () => {
  let state = 7
  const random = (limit: number) => {
    state = (state * 16807) % 2147483647
    return state % limit
  }
  const seeds = [
    reply('pass', { notice: 'a\nb' }),
    reply('refuse', { notice: 'ä…' }),
    reply('done'),
    reply('error'),
  ]
  const words = ['0', '9', ' ', '\n', '\u00ad', '\u2028', 'ä', 'line 2.36', 'status', 'pass', '\xff', '\0']
  const verdicts = new Set<string>()
  for (let index = 0; index < 250; index++) {
    const bytes = Buffer.from(seeds[random(seeds.length)] ?? '')
    const at = random(bytes.length)
    const word = Buffer.from(words[random(words.length)] ?? '', random(2) === 0 ? 'utf8' : 'latin1')
    const changed = Buffer.concat([
      bytes.subarray(0, at),
      word,
      bytes.subarray(at + (index % 2 === 0 ? word.length : index % 3)),
    ])
    let expected = 3
    try {
      const { outcome } = parseReply(changed)
      if (outcome === 'pass') expected = 0
      if (outcome === 'refuse') expected = 1
    } catch {
      expected = 3
    }
    const { status, stderr } = await run(changed)
    assert.equal(status, expected, `${JSON.stringify(changed.toString('latin1'))}: ${stderr}`)
    verdicts.add(String(status))
  }
  assert.deepEqual([...verdicts].sort(), ['0', '1', '3'])
})
