// docs/resident.md: a gate that gives the plugin every kind of wrong reply, or somebody else at its
// socket. Only a complete pass lets a path in.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { type HookReply, printReply } from '../../src/formats/hook-reply.ts'
import { asRoot, DRV, HASH, PATH, usePlugin } from '../support/plugin-state.ts'

const { ask, home, letsIn, refuses, stateWith } = usePlugin()
const SOCKET = join(home, 'socket')
/** The patience of nix/plugin/ask.c, in seconds. */
const SECONDS = 1

function reply(outcome: HookReply['outcome'], change: Partial<HookReply> = {}): Buffer {
  const sentence = outcome === 'refuse' || outcome === 'error' ? 'no — never; next: ask again' : ''
  return printReply({ outcome, sentence, notice: '', telling: { isByLine: false, versions: [] }, ...change })
}

const PASS = reply('pass')
const FAILED = /the gate at \S+ could not judge it: /

/**
 * Bytes that are sent with pauses of `pause` milliseconds between the pieces, and whether the
 * connection ends then.
 */
interface Answer {
  readonly pieces: readonly Buffer[]
  readonly pause?: number
  readonly end: 'end' | 'broken off' | 'never'
}

const WRONG: Readonly<Record<string, readonly [answer: Answer, reason: RegExp]>> = {
  'nothing at all': [{ pieces: [], end: 'end' }, /it gave no reply/],
  'half a pass': [{ pieces: [PASS.subarray(0, 10)], pause: 20, end: 'broken off' }, /has no first line/],
  'nothing, for ever': [{ pieces: [], end: 'never' }, /it did not answer in time/],
  'a whole pass, and goes on': [{ pieces: [PASS], end: 'never' }, /it did not answer in time/],
  'a pass, byte after byte, too slowly': [
    { pieces: [...PASS].map(byte => Buffer.of(byte)), pause: 200, end: 'end' },
    /it did not answer in time/,
  ],
  'a pass and more': [{ pieces: [PASS, Buffer.from('\n')], end: 'end' }, /followed by more/],
  'two passes': [{ pieces: [PASS, PASS], end: 'end' }, /followed by more/],
  'more than a reply may have': [
    { pieces: [Buffer.alloc(70_000, 'x')], end: 'end' },
    /more than 65536 bytes/,
  ],
  'the reply to another question': [{ pieces: [reply('done')], end: 'end' }, /answered another question/],
  'that something went wrong': [
    { pieces: [reply('error')], end: 'end' },
    /could not judge it: no - never; next: ask again/,
  ],
  'in a protocol to come': [
    { pieces: [text('nixsig2 pass 0 0 6\nstatus')], end: 'end' },
    /does not begin as/,
  ],
  'a pass with a reason against it': [
    { pieces: [text('nixsig1 pass 2 0 6\nnostatus')], end: 'end' },
    /gives a reason without a refusal/,
  ],
  'a refusal without a reason': [
    { pieces: [text('nixsig1 refuse 0 0 6\nstatus')], end: 'end' },
    /gives no reason/,
  ],
  'a pass in capitals': [{ pieces: [text('nixsig1 PASS 0 0 6\nstatus')], end: 'end' }, /does not begin as/],
  'a pass of negative lengths': [
    { pieces: [text('nixsig1 pass 0 -1 6\nstatus')], end: 'end' },
    /does not begin as/,
  ],
  'a pass of lengths beyond all numbers': [
    { pieces: [text(`nixsig1 pass 0 ${'9'.repeat(30)} 6\nstatus`)], end: 'end' },
    /does not begin as/,
  ],
  'a pass longer than it is': [{ pieces: [text('nixsig1 pass 0 9 6\nstatus')], end: 'end' }, /breaks off/],
  'a pass with an escape in its notice': [
    { pieces: [text('nixsig1 pass 0 2 6\n\x1b[status')], end: 'end' },
    /has a character that is not text/,
  ],
  'a refusal with a NUL in its reason': [
    { pieces: [text('nixsig1 refuse 2 0 6\n\0xstatus')], end: 'end' },
    /has a character that is not text/,
  ],
  'a refusal that is not ASCII': [
    { pieces: [text('nixsig1 refuse 2 0 6\nästatus')], end: 'end' },
    /has a character that is not text/,
  ],
  'a pass with a byte of no encoding in its notice': [
    { pieces: [Buffer.from('nixsig1 pass 0 1 6\n\xffstatus', 'latin1')], end: 'end' },
    /has a character that is not text/,
  ],
  'a first line without an end': [{ pieces: [text('nixsig1 pass 0 0 6')], end: 'end' }, /no first line/],
  'what a web server says': [
    { pieces: [text('HTTP/1.1 200 OK\r\n\r\npass')], end: 'end' },
    /does not begin as/,
  ],
}

const RIGHT: Readonly<Record<string, Answer>> = {
  pass: { pieces: [PASS], end: 'end' },
  'pass-in-pieces': { pieces: [PASS.subarray(0, 5), PASS.subarray(5)], pause: 50, end: 'end' },
  refuse: { pieces: [reply('refuse')], end: 'end' },
  notice: { pieces: [reply('pass', { notice: 'would be refused' })], end: 'end' },
}

const ANSWERS = [...Object.values(WRONG).map(([answer]) => answer), ...Object.values(RIGHT)]

function text(value: string): Buffer {
  return Buffer.from(value)
}

/** A row whose path tells the gate below which answer to give. */
function rowFor(answer: Answer) {
  return { path: `${PATH}-answer-${ANSWERS.indexOf(answer)}`, hash: HASH }
}

// In a thread of its own, since the test blocks while it waits for the answer.
const GATE = `const { parentPort, workerData } = require('node:worker_threads')
require('node:net').createServer({ allowHalfOpen: true }, connection => {
  connection.on('error', () => {})
  let question = ''
  connection.on('data', data => (question += data))
  connection.on('end', async () => {
    parentPort.postMessage(question)
    const { pieces, pause = 0, end } = workerData.answers[Number(/-answer-(\\d+) /.exec(question)[1])]
    for (const piece of pieces) {
      connection.write(piece)
      await new Promise(resolve => setTimeout(resolve, pause))
    }
    if (end === 'end') connection.end()
    if (end === 'broken off') connection.destroy()
  })
}).listen(workerData.socket, () => parentPort.postMessage('listens'))`

let gate: Worker
const asked: string[] = []

before(async () => {
  gate = new Worker(GATE, { eval: true, workerData: { socket: SOCKET, answers: ANSWERS } })
  await new Promise(resolve => gate.once('message', resolve))
  gate.on('message', question => asked.push(question))
  chmodSync(SOCKET, 0o600)
})
after(() => gate.terminate())

for (const [what, [answer, reason]] of Object.entries(WRONG)) {
  test(`attack: a gate that answers ${what} lets nothing in`, () => {
    const start = performance.now()
    const where = { ...stateWith(), socket: SOCKET }
    const decided = ask(where, rowFor(answer))
    assert.ok(performance.now() - start < SECONDS * 1000 + 900)
    assert.equal(decided.outcome, 'refused')
    assert.match(decided.reason, FAILED)
    assert.match(decided.reason, reason)
  })
}

test('a pass lets in, however it comes, and a refusal refuses in its own words', () => {
  const where = { ...stateWith(), socket: SOCKET }
  const { pass, 'pass-in-pieces': inPieces, refuse, notice } = RIGHT
  assert.ok(pass && inPieces && refuse && notice)
  letsIn(where, rowFor(pass))
  letsIn(where, rowFor(inPieces))
  refuses(where, rowFor(refuse), /^no - never; next: ask again$/)
  assert.deepEqual(ask(where, rowFor(notice)), {
    outcome: 'warned',
    reason: 'would be refused',
  })
})

test('what is asked is one line with all that Nix says of the path', async () => {
  const where = { ...stateWith(), socket: SOCKET }
  const { pass } = RIGHT
  assert.ok(pass)
  const row = rowFor(pass)
  await new Promise(resolve => setTimeout(resolve, 50))
  asked.length = 0
  letsIn(where, row)
  letsIn(where, { ...row, deriver: DRV, ca: 'fixed:r:sha256:x' })
  letsIn(where, { ...row, root: '/mnt', narSize: 120, sigs: 'a-1:AA b-1:BB' })
  await new Promise(resolve => setTimeout(resolve, 100))
  assert.deepEqual(asked, [
    `nixsig1 for:${process.getuid?.()} admit ${row.path} ${HASH} - - 0 -\n`,
    `nixsig1 for:${process.getuid?.()} admit ${row.path} ${HASH} ${DRV} fixed:r:sha256:x 0 -\n`,
    `nixsig1 for:${process.getuid?.()} admit ${row.path} ${HASH} - - 120 /mnt a-1:AA b-1:BB\n`,
  ])
})

test('attack: a deriver or a content address with another word or line in it is not asked about', () => {
  const where = { ...stateWith(), socket: SOCKET }
  const { pass } = RIGHT
  assert.ok(pass)
  for (const word of ['x y', 'x\ry', 'x'.repeat(1000)]) {
    refuses(where, { ...rowFor(pass), deriver: word }, /too long or malformed/)
    refuses(where, { ...rowFor(pass), ca: word }, /too long or malformed/)
  }
})

test('attack: a build that nobody let start is not asked about', () => {
  const where = { ...stateWith(), socket: SOCKET }
  const { pass } = RIGHT
  assert.ok(pass)
  refuses(where, { ...rowFor(pass), deriver: DRV, isOurs: true }, /nobody let its build start/)
})

const SOMEBODY: Readonly<Record<string, readonly [put: (place: string) => string, reason: RegExp]>> = {
  'a file': [
    place => {
      writeFileSync(join(place, 's'), '')
      return join(place, 's')
    },
    /s is no socket/,
  ],
  'a link to the socket': [
    place => {
      symlinkSync(SOCKET, join(place, 's'))
      return join(place, 's')
    },
    /s is no socket/,
  ],
  'a path that is too long': [
    place => {
      const deep = join(place, 'd'.repeat(120))
      mkdirSync(deep)
      execFileSync('ln', [SOCKET, join(deep, 's')])
      return join(deep, 's')
    },
    /its socket has too long a path/,
  ],
  'a socket in a directory that everybody may write to': [
    place => {
      execFileSync('ln', [SOCKET, join(place, 's')])
      chmodSync(place, 0o777)
      return join(place, 's')
    },
    /is writable by everybody/,
  ],
  'a socket that a link in such a directory leads to': [
    place => {
      symlinkSync(home, join(place, 'link'))
      chmodSync(place, 0o777)
      return join(place, 'link/socket')
    },
    /is writable by everybody/,
  ],
  'a socket under a directory of links that others could change': [
    place => {
      mkdirSync(join(place, 'open'))
      execFileSync('ln', [SOCKET, join(place, 'open/s')])
      chmodSync(join(place, 'open'), 0o777)
      symlinkSync(join(place, 'open'), join(place, 'link'))
      return join(place, 'link/s')
    },
    /is writable by everybody/,
  ],
}

for (const [what, [put, reason]] of Object.entries(SOMEBODY)) {
  test(`attack: ${what} in the gate's place is not asked`, () => {
    const where = stateWith()
    const { pass } = RIGHT
    assert.ok(pass)
    const place = join(where.directory, 'run')
    mkdirSync(place)
    refuses({ ...where, socket: put(place) }, rowFor(pass), reason)
  })
}

test("attack: a socket that others may write to, or somebody else's, is not asked", asRoot, () => {
  const where = { ...stateWith(), socket: SOCKET }
  const { pass } = RIGHT
  assert.ok(pass)
  try {
    for (const mode of [0o660, 0o602]) {
      chmodSync(SOCKET, mode)
      refuses(where, rowFor(pass), /socket is writable by others/)
    }
    chmodSync(SOCKET, 0o600)
    chownSync(SOCKET, 1000, 1000)
    refuses(where, rowFor(pass), /socket belongs to user 1000/)
  } finally {
    chownSync(SOCKET, 0, 0)
    chmodSync(SOCKET, 0o600)
  }
  letsIn(where, rowFor(pass))
})

test('a gate whose socket nobody listens at any more is as good as none', async () => {
  const where = stateWith()
  const socket = join(where.directory, 's')
  const script = `import { createServer } from 'node:net'
    createServer().listen(${JSON.stringify(socket)}, () => process.kill(process.pid, 'SIGKILL'))`
  try {
    execFileSync(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' })
  } catch {
    // Killed, as it should be.
  }
  chmodSync(socket, 0o600)
  const { pass } = RIGHT
  assert.ok(pass)
  refuses({ ...where, socket }, rowFor(pass), /nobody answers at \S+ who could judge it/)
})
