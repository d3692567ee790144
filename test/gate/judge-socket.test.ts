// The resident process's socket, and attacks by clients that can reach it.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { HookQuestion } from '../../src/formats/hook-question.ts'
import { type HookReply, parseReply } from '../../src/formats/hook-reply.ts'
import { type AnswerQuestion, type JudgeSocket, openJudgeSocket } from '../../src/gate/judge-socket.ts'
import { until } from '../support/eventually.ts'

const DRV = '/nix/store/8lnyx2d403hiqnqcjj8wl9j0zk56alk5-hello.drv'
const QUESTION = `nixsig1 before-build ${DRV}\n`

const PASS: HookReply = {
  outcome: 'pass',
  sentence: '',
  notice: 'as the policy says',
  telling: { isByLine: true, versions: ['2.36.1'] },
}
const passes: AnswerQuestion = async () => PASS

interface Stage {
  readonly path: string
  readonly socket: JudgeSocket
}

async function withDirectory<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-socket-'))
  try {
    return await use(directory)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function withSocket(
  answer: AnswerQuestion,
  use: (stage: Stage) => Promise<void>,
  limits = { connections: 256, patience: 5000 },
): Promise<void> {
  return withDirectory(async directory => {
    const path = join(directory, 'socket')
    const socket = await openJudgeSocket({ path }, answer, limits)
    try {
      await use({ path, socket })
    } finally {
      await socket.close(0)
    }
  })
}

/** The whole reply to these bytes. `isDone`: this side of the connection is closed after them. */
async function ask(path: string, bytes: string | Uint8Array, isDone = false): Promise<HookReply> {
  const connection = connect(path)
  connection.on('error', () => {})
  if (isDone) connection.end(bytes)
  else connection.write(bytes)
  return parseReply(await received(connection))
}

async function received(connection: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  connection.on('data', chunk => chunks.push(chunk))
  await once(connection, 'close')
  return Buffer.concat(chunks)
}

/** An answer that is given when the test says so. */
function held() {
  let release = () => {}
  const released = new Promise<void>(resolve => {
    release = resolve
  })
  const asked: HookQuestion[] = []
  const answer: AnswerQuestion = async question => {
    asked.push(question)
    await released
    return PASS
  }
  return { answer, asked, release }
}

test('a question is answered, and the connection closed, whether or not the asker closes its half', () =>
  withSocket(passes, async ({ path }) => {
    assert.deepEqual(await ask(path, QUESTION), PASS)
    assert.deepEqual(await ask(path, QUESTION, true), PASS)
  }))

test('a question may arrive byte by byte', () =>
  withSocket(passes, async ({ path }) => {
    const connection = connect(path)
    const reply = received(connection)
    for (const byte of QUESTION) {
      connection.write(byte)
      await sleep(1)
    }
    assert.deepEqual(parseReply(await reply), PASS)
  }))

test('what is asked reaches whoever answers', async () => {
  const asked: HookQuestion[] = []
  const answer: AnswerQuestion = async question => {
    asked.push(question)
    return PASS
  }
  await withSocket(answer, async ({ path }) => {
    for (const line of [QUESTION, `nixsig1 after-build ${DRV}\n`, 'nixsig1 reload\n']) await ask(path, line)
  })
  assert.deepEqual(asked, [
    { kind: 'before-build', derivation: DRV },
    { kind: 'after-build', derivation: DRV },
    { kind: 'reload' },
  ])
})

test('questions do not wait for each other', async () => {
  const slow = held()
  const answer: AnswerQuestion = question =>
    question.kind === 'reload' ? passes(question) : slow.answer(question)
  await withSocket(answer, async ({ path, socket }) => {
    const first = ask(path, QUESTION)
    await until(() => slow.asked.length === 1)
    assert.deepEqual(await ask(path, 'nixsig1 reload\n'), PASS)
    await until(() => socket.connections() === 1)
    slow.release()
    assert.deepEqual(await first, PASS)
    await until(() => socket.connections() === 0)
  })
})

for (const [what, line, reason] of [
  ['another version', `nixsig2 before-build ${DRV}\n`, /is not of version nixsig1/],
  ['an unknown question', `nixsig1 allow ${DRV}\n`, /is of an unknown kind: "allow"/],
  ['no store path', 'nixsig1 before-build /etc/passwd.drv\n', /not in \/nix\/store/],
  ['no derivation', `nixsig1 before-build ${DRV.slice(0, -4)}\n`, /not that of a derivation/],
  ['a second question in one go', QUESTION + QUESTION, /is followed by more/],
  ['an endless line', Buffer.alloc(1024 * 1024, 'x'), /longer than 16384 bytes/],
  ['a line a byte too long', `${'x'.repeat(16 * 1024)}\n`, /longer than 16384 bytes/],
  ['binary', Buffer.from([0, 1, 2, 255, 10]), /not printable ASCII/],
] as const) {
  test(`attack: ${what} is answered with an error and nobody is asked`, () =>
    withSocket(
      () => assert.fail('nobody may be asked this'),
      async ({ path }) => {
        const { outcome, sentence } = await ask(path, line)
        assert.equal(outcome, 'error')
        assert.match(sentence, reason)
      },
    ))
}

test('attack: half a question', () =>
  withSocket(passes, async ({ path }) => {
    const { outcome, sentence } = await ask(path, QUESTION.slice(0, 40), true)
    assert.equal(outcome, 'error')
    assert.match(sentence, /does not end with a newline/)
  }))

test('attack: a question whose bytes come ever more slowly is not waited for', () =>
  withSocket(
    passes,
    async ({ path }) => {
      const connection = connect(path)
      connection.on('error', () => {})
      const drip = setInterval(() => connection.write('n'), 20)
      const { outcome, sentence } = parseReply(await received(connection))
      clearInterval(drip)
      assert.equal(outcome, 'error')
      assert.match(sentence, /not there within 100 ms/)
    },
    { connections: 256, patience: 100 },
  ))

test('attack: a pass for one question that another one follows while it is judged', async () => {
  const { answer, asked, release } = held()
  await withSocket(answer, async ({ path }) => {
    const connection = connect(path)
    const reply = received(connection)
    connection.write(QUESTION)
    await until(() => asked.length === 1)
    connection.write(QUESTION)
    await sleep(20)
    release()
    const { outcome, sentence } = parseReply(await reply)
    assert.equal(outcome, 'error')
    assert.match(sentence, /is followed by more/)
  })
})

test('attack: more connections than there may be are turned away, and the others answered', async () => {
  const { answer, asked, release } = held()
  await withSocket(
    answer,
    async ({ path, socket }) => {
      const first = [ask(path, QUESTION), ask(path, QUESTION)]
      await until(() => asked.length === 2)
      const { outcome, sentence } = await ask(path, '')
      assert.equal(outcome, 'error')
      assert.match(sentence, /too many questions at once/)
      release()
      assert.deepEqual(await Promise.all(first), [PASS, PASS])
      await until(() => socket.connections() === 0)
      assert.deepEqual(await ask(path, QUESTION), PASS)
    },
    { connections: 2, patience: 5000 },
  )
})

test('attack: many who connect and say nothing leave, and the socket answers again', () =>
  withSocket(
    passes,
    async ({ path, socket }) => {
      const idle = Array.from({ length: 8 }, () => connect(path))
      await until(() => socket.connections() === 8)
      assert.equal((await ask(path, QUESTION)).outcome, 'error')
      await Promise.all(idle.map(connection => once(connection.resume(), 'close')))
      await until(() => socket.connections() === 0)
      assert.deepEqual(await ask(path, QUESTION), PASS)
    },
    { connections: 8, patience: 200 },
  ))

test('an asker that goes away disturbs nothing: it is judged to the end, and counted until then', async () => {
  const { answer, asked, release } = held()
  await withSocket(answer, async ({ path, socket }) => {
    const gone = connect(path)
    gone.write(QUESTION)
    await until(() => asked.length === 1)
    gone.destroy()
    await sleep(20)
    assert.equal(socket.connections(), 1)
    const other = ask(path, QUESTION)
    release()
    assert.deepEqual(await other, PASS)
    await until(() => socket.connections() === 0)
  })
})

test('attack: an asker that never takes its reply is let go', () =>
  withSocket(
    async () => ({ ...PASS, notice: 'x'.repeat(60_000) }),
    async ({ path, socket }) => {
      const connection = connect({ path, allowHalfOpen: true })
      connection.pause()
      connection.write(QUESTION)
      await until(() => socket.connections() === 1)
      await until(() => socket.connections() === 0)
      connection.destroy()
    },
    { connections: 256, patience: 100 },
  ))

test('an answer that cannot be given is an error, without what went wrong inside', () =>
  withSocket(
    async () => {
      throw new Error('secret\x1b[35m')
    },
    async ({ path }) => {
      const reply = await ask(path, QUESTION)
      assert.deepEqual([reply.outcome, reply.sentence], ['error', 'an error in the middle of judging'])
    },
  ))

test('a reply that nobody could read is an error', () =>
  withSocket(
    async () => ({ ...PASS, notice: 'x'.repeat(100_000) }),
    async ({ path }) => {
      const reply = await ask(path, QUESTION)
      assert.equal(reply.outcome, 'error')
      assert.match(reply.sentence, /longer than 65536 bytes/)
    },
  ))

test('the socket and its directory are made for root alone to ask, whatever mask is set', () =>
  withDirectory(async directory => {
    const mask = process.umask(0)
    try {
      const path = join(directory, 'run/nixsig/socket')
      const socket = await openJudgeSocket({ path }, passes)
      assert.equal(process.umask(), 0)
      assert.equal(lstatSync(path).mode & 0o777, 0o600)
      assert.equal(lstatSync(join(directory, 'run/nixsig')).mode & 0o777, 0o755)
      assert.equal(lstatSync(`${path}.lock`).mode & 0o777, 0o600)
      await socket.close(0)
      assert.equal(lstatSync(path, { throwIfNoEntry: false }), undefined)
    } finally {
      process.umask(mask)
    }
  }))

/** Starts a process that serves this path and kills it, which leaves its socket behind. */
async function leaveStaleSocket(path: string): Promise<void> {
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'close')
  assert.ok(lstatSync(path).isSocket())
}

test('the socket of a killed process is replaced', () =>
  withDirectory(async directory => {
    const path = join(directory, 'socket')
    await leaveStaleSocket(path)
    const socket = await openJudgeSocket({ path }, passes)
    assert.deepEqual(await ask(path, QUESTION), PASS)
    assert.equal(lstatSync(path).mode & 0o777, 0o600)
    await socket.close(0)
  }))

test('a socket that is served is left to whoever serves it', () =>
  withSocket(passes, async ({ path }) => {
    await assert.rejects(openJudgeSocket({ path }, passes), /is already served by another process/)
    assert.deepEqual(await ask(path, QUESTION), PASS)
  }))

test('of several that start at once where one was killed, one serves', () =>
  withDirectory(async directory => {
    const path = join(directory, 'socket')
    await leaveStaleSocket(path)
    const starts = await Promise.allSettled(
      ['first', 'second', 'third'].map(notice =>
        openJudgeSocket({ path }, async () => ({ ...PASS, notice })),
      ),
    )
    const open = starts.flatMap(start => (start.status === 'fulfilled' ? [start.value] : []))
    const refused = starts.flatMap(start => (start.status === 'rejected' ? [String(start.reason)] : []))
    assert.equal(open.length, 1)
    for (const reason of refused) assert.match(reason, /is already served by another process/)
    assert.equal((await ask(path, QUESTION)).outcome, 'pass')
    for (const socket of open) await socket.close(0)
  }))

test('attack: a file or a link where the socket should be is neither followed nor removed', () =>
  withDirectory(async directory => {
    const target = join(directory, 'precious')
    const path = join(directory, 'socket')
    writeFileSync(target, 'kept')
    symlinkSync(target, path)
    await assert.rejects(openJudgeSocket({ path }, passes), /is there already and is no socket/)
    await assert.rejects(openJudgeSocket({ path: target }, passes), /is there already and is no socket/)
    assert.equal(readFileSync(path, 'utf8'), 'kept')
  }))

test('attack: a directory that others can write to', () =>
  withDirectory(async directory => {
    chmodSync(directory, 0o777)
    const path = join(directory, 'socket')
    await assert.rejects(openJudgeSocket({ path }, passes), /is writable by everybody/)
    chmodSync(directory, 0o755)
    await (await openJudgeSocket({ path: join(directory, 'run/socket') }, passes)).close(0)
    chmodSync(directory, 0o777)
    await assert.rejects(
      openJudgeSocket({ path: join(directory, 'run/socket') }, passes),
      /is writable by everybody/,
    )
  }))

test('it closes when the answers under way are given, and hangs up on those who have not asked', async () => {
  const { answer, asked, release } = held()
  await withDirectory(async directory => {
    const path = join(directory, 'socket')
    const socket = await openJudgeSocket({ path }, answer)
    const first = ask(path, QUESTION)
    await until(() => asked.length === 1)
    const silent = connect(path)
    await until(() => socket.connections() === 2)
    const closed = socket.close(5000)
    assert.deepEqual(await received(silent), Buffer.alloc(0))
    await assert.rejects(once(connect(path), 'connect'), /ENOENT/)
    release()
    assert.deepEqual(await first, PASS)
    await closed
  })
})

test('it waits for no answer longer than it was told to when it closes', () =>
  withDirectory(async directory => {
    const { answer, asked } = held()
    const path = join(directory, 'socket')
    const socket = await openJudgeSocket({ path }, answer)
    const connection = connect(path)
    connection.write(QUESTION)
    await until(() => asked.length === 1)
    const start = Date.now()
    const reply = received(connection)
    await socket.close(100)
    assert.ok(Date.now() - start < 3000)
    assert.deepEqual(await reply, Buffer.alloc(0))
  }))

test('a file that is no listening socket is an error', async () => {
  const fd = openSync('/dev/null', 'r')
  await assert.rejects(openJudgeSocket({ fd }, passes), /EINVAL/)
})
