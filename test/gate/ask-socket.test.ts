// The socket that every user may ask, and attacks by users who can reach it.
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { lstatSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Explanation } from '../../src/explain/explain.ts'
import { printExplanation } from '../../src/explain/explanation-json.ts'
import { ASK_ANSWER_LIMIT } from '../../src/formats/asker.ts'
import { openAskedGate } from '../../src/gate/ask-gate.ts'
import {
  type AnswerAsked,
  ASK_LIMITS,
  type AskLimits,
  type AskSocket,
  openAskSocket,
} from '../../src/gate/ask-socket.ts'
import { type FindAsker, newAskerName, openAskers } from '../../src/gate/askers.ts'

const PATH = '/nix/store/8lnyx2d403hiqnqcjj8wl9j0zk56alk5-hello'

const KNOWN: Explanation = {
  path: PATH,
  mode: 'enforce',
  verdict: {
    path: PATH,
    kind: 'output',
    outcome: 'trusted',
    status: 0,
    ground: 'rule',
    rule: 'default',
    basis: { kind: 'no-requirement' },
    findings: [],
    strays: [],
    contents: 'registered',
  },
  grounds: `trusted ${PATH} (output) under rule "default": nothing is required`,
  next: '',
  sections: [{ title: 'ledger', lines: ['never admitted'] }],
  advice: [],
  status: 0,
  place: 'store',
}

const answers: AnswerAsked = async path => ({
  kind: 'answer',
  json: printExplanation({ ...KNOWN, path, verdict: { ...KNOWN.verdict, path } }, ASK_ANSWER_LIMIT),
})

interface Stage {
  readonly path: string
  readonly socket: AskSocket
}

async function withSocket(
  use: (stage: Stage) => Promise<void>,
  { answer = answers, find = openAskers(), limits = ASK_LIMITS }: Partial<Scene> = {},
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-ask-'))
  const path = join(directory, 'ask')
  const socket = await openAskSocket({ path }, answer, find, limits)
  try {
    await use({ path, socket })
  } finally {
    socket.close()
    rmSync(directory, { recursive: true })
  }
}

interface Scene {
  readonly answer: AnswerAsked
  readonly find: FindAsker
  readonly limits: AskLimits
}

/** Users by the process number that they give. */
const byNumber: FindAsker = pid => ({ name: `user ${pid % 10}`, kind: 'user' })

/** All that is said to somebody who says this after the greeting. */
async function said(path: string, bytes: string | Uint8Array): Promise<string> {
  const connection = connect(path)
  connection.on('error', () => {})
  let text = ''
  connection.on('data', chunk => {
    text += chunk.toString('latin1')
  })
  await once(connection, 'data')
  connection.write(bytes)
  await new Promise(resolve => connection.on('close', resolve))
  return text.replace(/^.*\n/, '')
}

function asks(path: string, pid: number, question = `about ${PATH}\n`): Socket {
  const connection = connect(path)
  connection.on('error', () => {})
  connection.once('data', () => connection.write(`nixsig-ask1 ${pid}\n${question}`))
  return connection
}

test('the socket is open to every user from the start, and answers one question after the other', () =>
  withSocket(async ({ path, socket }) => {
    assert.equal(lstatSync(path).mode & 0o777, 0o666)
    const gate = openAskedGate(path)
    for (const asked of [PATH, `${PATH}-2`, PATH]) {
      const answered = await gate.about(asked)
      assert.equal(answered.kind, 'answered', JSON.stringify(answered))
      assert.equal(answered.kind === 'answered' && answered.explanation.path, asked)
    }
    assert.equal(socket.connections(), 1)
    gate.close()
    await sleep(20)
    assert.equal(socket.connections(), 0)
  }))

test('whoever asks is the real user of the process that shows the name, and root is nobody else here', async () => {
  const find = openAskers(user => user)
  const name = newAskerName()
  assert.match(name, /^[0-9a-z]{15}$/)
  assert.equal(find(process.pid, name).name, 'user unknown')
  const before = process.title
  process.title = name
  assert.deepEqual(find(process.pid, name), { name: `user ${process.getuid?.()}`, kind: 'user' })
  process.title = before
  assert.equal(find(process.pid, name).name, 'user unknown')
  assert.equal(find(999_999_999, name).name, 'user unknown')
})

test('attack: who names the process of somebody else does not ask in their name', async () => {
  const other = fork('-e', [], { execArgv: ['-e', 'setInterval(() => {}, 1000)'], stdio: 'ignore' })
  try {
    await once(other, 'spawn')
    const name = readFileSync(`/proc/${other.pid}/comm`, 'utf8').trim()
    assert.equal(openAskers()(other.pid ?? 0, newAskerName()).name, 'user unknown', name)
  } finally {
    other.kill('SIGKILL')
  }
})

test('attack: a flood of questions by one user while another asks', async () => {
  const slow: AnswerAsked = async path => {
    await sleep(20)
    return answers(path)
  }
  await withSocket(
    async ({ path, socket }) => {
      const flood = Array.from({ length: 200 }, () => asks(path, 11, `about ${PATH}\n`))
      const more = setInterval(() => flood.push(...Array.from({ length: 20 }, () => asks(path, 11))), 5)
      try {
        await sleep(100)
        for (let turn = 0; turn < 5; turn++) {
          const gate = openAskedGate(path, 10_000)
          const answered = await gate.about(PATH)
          gate.close()
          assert.equal(answered.kind, 'answered', JSON.stringify(answered))
        }
        assert.ok(socket.connections() <= ASK_LIMITS.connections)
      } finally {
        clearInterval(more)
        for (const one of flood) one.destroy()
      }
    },
    { answer: slow, find: pid => ({ name: `user ${pid === 11 ? 11 : 0}`, kind: 'user' }) },
  )
})

test('attack: connections that say nothing do not keep others out', () =>
  withSocket(async ({ path, socket }) => {
    const silent = Array.from({ length: 400 }, () => connect(path).on('error', () => {}))
    await sleep(200)
    assert.ok(socket.connections() <= ASK_LIMITS.connections)
    const gate = openAskedGate(path)
    assert.equal((await gate.about(PATH)).kind, 'answered')
    gate.close()
    for (const one of silent) one.destroy()
  }))

test('attack: one user has so many connections, and no more', () =>
  withSocket(
    async ({ path }) => {
      const open = Array.from({ length: ASK_LIMITS.each }, () => asks(path, 1, ''))
      await sleep(50)
      assert.match(
        await said(path, 'nixsig-ask1 11\n'),
        /^error \d+\nquestion: too many connections of one user/,
      )
      for (const one of open) one.destroy()
      await sleep(20)
      const again = asks(path, 1)
      await once(again, 'data')
      again.destroy()
    },
    { find: byNumber },
  ))

test('attack: half a question and silence is ended in time', () =>
  withSocket(
    async ({ path, socket }) => {
      const late = /^error \d+\nquestion: not there within 50 ms/
      assert.match(await said(path, ''), late)
      assert.match(await said(path, 'nixsig-ask1 12'), late)
      assert.match(await said(path, `nixsig-ask1 12\nabout ${PATH}`), late)
      await sleep(20)
      assert.equal(socket.connections(), 0)
    },
    { limits: { ...ASK_LIMITS, patience: { introduction: 50, question: 50, answer: 50 } } },
  ))

test('attack: a giant question is refused unread', () =>
  withSocket(async ({ path }) => {
    const giant = Buffer.alloc(8 * 1024 * 1024, 'a')
    assert.match(await said(path, giant), /^(?:error \d+\nquestion: longer than 512 bytes.*|)$/)
    const behind = Buffer.concat([Buffer.from('nixsig-ask1 12\nabout '), giant])
    assert.match(
      await said(path, behind),
      /^(?:error \d+\nquestion: .*(?:longer than 512 bytes|more than one).*|)$/,
    )
    const many = `nixsig-ask1 12\n${`about ${PATH}\n`.repeat(10_000)}`
    assert.match(
      await said(path, many),
      /^(?:error \d+\nquestion: is followed by more than one question.*|)$/,
    )
  }))

test('attack: a path with control characters, or no store path, is refused and told escaped', () =>
  withSocket(async ({ path }) => {
    for (const odd of [
      '\x1b[2J',
      'ä',
      '\0',
      '\r',
      ' ',
      '/etc/passwd',
      '../../etc/shadow',
      `${PATH}/bin`,
      `${PATH} x`,
    ]) {
      const answer = await said(path, `nixsig-ask1 12\nabout ${odd}\n`)
      assert.match(answer, /^error \d+\n[\x20-\x7e]+$/, JSON.stringify(odd))
      assert.doesNotMatch(answer, /internal|while it was judged/)
    }
  }))

test('attack: closed early, the question ends and its turn goes to the next', () => {
  let begun = 0
  const slow: AnswerAsked = async path => {
    begun++
    await sleep(30)
    return answers(path)
  }
  return withSocket(
    async ({ path, socket }) => {
      for (let time = 0; time < 6; time++) {
        const one = asks(path, 1)
        await sleep(15)
        one.destroy()
      }
      await sleep(100)
      assert.equal(socket.connections(), 0)
      assert.ok(begun < 6, `${begun} of 6 begun: those who went away are skipped`)
      const gate = openAskedGate(path)
      assert.equal((await gate.about(PATH)).kind, 'answered')
      gate.close()
    },
    { answer: slow, find: byNumber },
  )
})

test('attack: who does not read the answer loses the connection', () =>
  withSocket(
    async ({ path, socket }) => {
      const deaf = Array.from({ length: 3 }, () => asks(path, 1))
      for (const one of deaf) one.once('data', () => one.pause())
      await sleep(300)
      assert.equal(socket.connections(), 0)
      for (const one of deaf) one.destroy()
    },
    {
      answer: async () => ({ kind: 'answer', json: ' '.repeat(ASK_ANSWER_LIMIT) }),
      find: byNumber,
      limits: { ...ASK_LIMITS, patience: { introduction: 100, question: 100, answer: 100 } },
    },
  ))

test('an error while it is judged is told as such, and nothing of it', () =>
  withSocket(
    async ({ path }) => {
      const gate = openAskedGate(path)
      const answered = await gate.about(PATH)
      assert.deepEqual(answered, { kind: 'failed', why: 'an error while it was judged' })
    },
    {
      answer: async () => {
        throw new Error('secret')
      },
    },
  ))

test('attack: whoever could replace the socket is not believed', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-ask-'))
  try {
    await withSocket(async ({ path }) => {
      symlinkSync(path, join(directory, 'ask'))
      const gate = openAskedGate(join(directory, 'ask'))
      assert.match(JSON.stringify(await gate.about(PATH)), /failed.*is no socket/)
    })
    const absent = openAskedGate(join(directory, 'absent'))
    assert.deepEqual(await absent.about(PATH), { kind: 'absent' })
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('attack: an answer of another form, about another path, or that could steer a terminal is no answer', async () => {
  const bad: readonly (readonly [string, Partial<Explanation> | string])[] = [
    ['another path', { path: `${PATH}-2` }],
    ['an escape', { grounds: 'trusted \x1b[2J' }],
    ['a line feed', { advice: ['a\nb'] }],
    ['a status', { verdict: { ...KNOWN.verdict, status: 10 } }],
    ['a field', JSON.stringify({ ...KNOWN, more: 1 })],
    ['no JSON', '{'],
  ]
  for (const [what, one] of bad) {
    const json = typeof one === 'string' ? one : printExplanation({ ...KNOWN, ...one }, ASK_ANSWER_LIMIT)
    await withSocket(
      async ({ path }) => {
        const gate = openAskedGate(path)
        assert.equal((await gate.about(PATH)).kind, 'failed', what)
      },
      { answer: async () => ({ kind: 'answer', json }) },
    )
  }
})
