// docs/decision-log.md: lines that the store plugin's own code writes, read by the readers of the
// log, and written together with Node.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { appendLine, digestOf } from '../../src/decisions/append.ts'
import { afford, noteSize } from '../../src/decisions/budgets.ts'
import { foldSegments } from '../../src/decisions/fold.ts'
import { LINE_LIMIT, printDecision, SEGMENT_LINES } from '../../src/decisions/line.ts'
import { type Line, parseLine } from '../../src/decisions/parse-line.ts'
import { logPlaces } from '../../src/decisions/places.ts'
import { linesFrom } from '../../src/decisions/read.ts'
import { verifyLog } from '../../src/decisions/verify.ts'
import { machineKey, readMachineIdentity } from '../../src/verifier/machine-key.ts'
import { writerProgram } from '../support/decisions/writer.ts'
import { type AskPlugin, type Logged, logQuestion, openPlugin } from '../support/plugin.ts'
import { asRoot, HASH, isRoot, NAR_HASH, PATH } from '../support/plugin-state.ts'

const KILLS = Number(process.env['NIXSIG_KILLS'] ?? 30)

const home = mkdtempSync(join(isRoot ? '/root' : (process.env['HOME'] ?? '/tmp'), '.nixsig-test-'))
let plugin: AskPlugin
let state: string
let serial = 0
before(() => {
  plugin = openPlugin()
})
beforeEach(() => {
  state = join(home, String(serial++))
  mkdirSync(state)
})
after(() => {
  plugin.close()
  rmSync(home, { recursive: true })
})

/** A line about a path that no other test asks about: equal lines are written once a minute. */
function line(change: Partial<Logged> = {}): Logged {
  const path = `${PATH}-${serial}-${unique++}`
  return {
    ...{ state, log: 'kept', mode: 'enforce', path, hash: HASH, outcome: 'trusted', letIn: true },
    ground: 'ledger',
    ...change,
  }
}
let unique = 0

const logs = (change: Partial<Logged> = {}) =>
  assert.deepEqual(plugin.log(line(change)), { kind: 'logged', why: '' })

const logOf = (...names: readonly string[]) => join(state, 'decisions', ...names)
const open = (number: number) => logOf('open', String(number).padStart(12, '0'))

/** All lines of a log that is found to be whole. */
function lines(): readonly Line[] {
  const places = logPlaces(state)
  const { faults, setBack } = verifyLog(places, { checkpoints: [], key: undefined })
  assert.deepEqual({ faults, setBack }, { faults: [], setBack: [] })
  return [...linesFrom(places, 0)].map(({ bytes }) => parseLine(bytes?.toString('latin1') ?? ''))
}

const appendInNode = () =>
  appendLine(
    state,
    place =>
      printDecision(place, {
        ...{ door: 'command', asker: 'root', path: PATH, outcome: 'trusted', letIn: true, ground: 'x' },
      }),
    { isDurable: false },
  )

/** Log answers that say why nothing was written, where the policy wants lines to be. */
function fails(why: RegExp): void {
  const answer = plugin.log(line({ log: 'required' }))
  assert.equal(answer.kind, 'failed')
  assert.match(answer.why, why)
  // Where it is only kept, that is warned of.
  assert.equal(plugin.log(line()).kind, 'logged')
}

test('what C writes is read, and says what was decided', () => {
  machineKey(state)
  const refusal = 'refused "it" \\ as \x01 and \xe4 say; next: nixsig explain'
  const [admitted, refused] = [
    line(),
    line({ outcome: 'untrusted', letIn: false, ground: 'build', message: refusal, mode: 'warn' }),
  ]
  for (const each of [admitted, refused]) assert.equal(plugin.log(each).kind, 'logged')
  const [beginning, first, second] = lines()
  assert.ok(beginning?.kind === 'beginning')
  assert.equal(beginning.machine, readMachineIdentity(state))
  assert.ok(first?.kind === 'decision' && second?.kind === 'decision')
  const { number, previous, time, ...said } = first
  assert.ok(Math.abs(time - Date.now()) < 60_000)
  assert.deepEqual(said, {
    kind: 'decision',
    ...{ door: 'plugin', asker: isRoot ? 'root' : `user ${process.getuid?.()}`, path: admitted.path },
    ...{ narHash: NAR_HASH, outcome: 'trusted', letIn: true, ground: 'ledger', evidence: [] },
    ...{ policy: 'c'.repeat(64), mode: 'enforce', message: undefined },
  })
  assert.equal(second.message, 'refused "it" \\ as ? and ? say; next: nixsig explain')
  assert.equal(second.mode, 'warn')
  assert.equal(second.letIn, false)
})

test('a line of any length is one', () => {
  const longest = `/nix/store/${'0'.repeat(32)}-${'n'.repeat(211)}`
  logs({ path: longest, message: '"'.repeat(4000), outcome: 'indeterminate' })
  logs({ message: '' })
  const [, first, second] = lines()
  assert.equal(first?.kind === 'decision' && first.message, '"'.repeat(512))
  assert.equal(second?.kind === 'decision' && second.message, undefined)
})

test('equal decisions of one process are one line, and others are not', () => {
  const one = line()
  for (let count = 0; count < 5; count++) assert.equal(plugin.log(one).kind, 'logged')
  for (const change of [
    { letIn: false },
    { outcome: 'untrusted' },
    { mode: 'warn' },
    { message: 'x' },
  ] as const) {
    plugin.log({ ...one, ...change })
    plugin.log({ ...one, ...change })
  }
  assert.equal(lines().length, 6)
})

test('nothing is written where the policy says so, or where nobody knows it and there is no log', () => {
  logs({ log: 'off' })
  plugin.log(line({ mode: undefined }))
  assert.equal(existsSync(logOf()), false)
  logs()
  assert.equal(plugin.log(line({ mode: undefined, outcome: 'indeterminate', letIn: false })).kind, 'logged')
  const last = lines()[2]
  assert.equal(last?.kind === 'decision' && (last.policy ?? last.mode), undefined)
  for (const change of [{ path: '/nix/store/x' }, { path: `${PATH}"` }, { hash: 'sha256:00' }]) logs(change)
  assert.equal(lines().length, 3)
})

test('a process that stood still takes no number that was folded meanwhile', () => {
  logs({ count: SEGMENT_LINES - 20 })
  for (let round = 0; round < 40; round++) appendInNode()
  assert.deepEqual(foldSegments(state), [0])
  logs()
  assert.equal(lines().length, SEGMENT_LINES + 22)
  // The number of a line that was folded is free.
  logs({ count: SEGMENT_LINES - 22 })
  assert.deepEqual(foldSegments(state), [SEGMENT_LINES])
  assert.deepEqual(readdirSync(logOf('open')), [])
  logs()
  assert.equal(appendInNode().number, 2 * SEGMENT_LINES + 1)
  logs()
  assert.equal(lines().length, 2 * SEGMENT_LINES + 3)
})

test('a last line that a loss of power left empty is chained to as it lies', async () => {
  logs({ count: 3 })
  truncateSync(open(3))
  await sleep(1100)
  logs()
  assert.equal(parseLine(readFileSync(open(4), 'latin1')).previous, digestOf(Buffer.alloc(0)))
  appendInNode()
  assert.equal(parseLine(readFileSync(open(5), 'latin1')).previous, digestOf(readFileSync(open(4))))
})

test('attack: a missing line stays missing', async () => {
  logs({ count: 9 })
  unlinkSync(open(4))
  await sleep(1100)
  logs()
  assert.equal(existsSync(open(4)), false)
  assert.equal(existsSync(open(10)), true)
})

test('attack: names that are no lines, and what killed writers left, neither stop it nor are taken for lines', async () => {
  logs()
  for (let count = 0; count < 1000; count++) writeFileSync(logOf('open', `~${count}`), '')
  for (const name of ['1', '0000000000002', '00000000000x', '999999999999.', '-00000000001'])
    writeFileSync(logOf('open', name), '')
  writeFileSync(logOf('~12-34'), '{"number":')
  await sleep(1100)
  logs()
  assert.equal(existsSync(open(2)), true)
})

test('attack: what others could have written, and links in place of the log, are refused with the reason', () => {
  logs()
  rmSync(open(1))
  symlinkSync('/etc/passwd', open(1))
  const broken = mkdtempSync(join(home, 'elsewhere-'))
  const attack = (before: () => void, why: RegExp) => {
    rmSync(logOf(), { recursive: true, force: true })
    before()
    fails(why)
  }
  attack(() => symlinkSync(broken, logOf()), /decisions: (Not a directory|Too many levels)/)
  assert.deepEqual(readdirSync(broken), [])
  attack(() => writeFileSync(logOf(), ''), /decisions: Not a directory/)
  for (const inner of ['open', 'segments']) {
    const link = () => {
      mkdirSync(logOf(), { mode: 0o700 })
      symlinkSync(broken, logOf(inner))
    }
    attack(link, new RegExp(`${inner}: (Not a directory|Too many levels)`))
    assert.deepEqual(readdirSync(broken), [])
    const shared = () => {
      mkdirSync(logOf(inner), { recursive: true, mode: 0o700 })
      chmodSync(logOf(inner), 0o777)
    }
    attack(shared, new RegExp(`${inner} is writable by others`))
  }
  const line = (make: () => void) => () => {
    mkdirSync(logOf('open'), { recursive: true, mode: 0o700 })
    make()
  }
  attack(
    line(() => symlinkSync('/etc/passwd', open(1))),
    /000000000001 Too many levels/,
  )
  attack(
    line(() => mkdirSync(open(1))),
    /000000000001 is not a regular file/,
  )
  attack(
    line(() => writeFileSync(open(1), 'x'.repeat(LINE_LIMIT + 1))),
    /000000000001 has more than 4096 bytes/,
  )
  attack(
    line(() => writeFileSync(open(999_999_999_999), '')),
    /no numbers are left/,
  )
  const segment = (text: string) =>
    line(() => {
      mkdirSync(logOf('segments'), { mode: 0o700 })
      writeFileSync(logOf('segments', '000000000000'), text)
    })
  for (const text of ['', 'x', 'x\ny', '\n', 'x'.repeat(10_000)])
    attack(segment(text), /segment 000000000000 does not end in a line/)
})

test('attack: a log of another user, or one that another user may write, is refused', asRoot, () => {
  logs()
  chownSync(logOf(), 1000, 1000)
  fails(/decisions belongs to user 1000/)
  chownSync(logOf(), 0, 0)
  chmodSync(logOf(), 0o770)
  fails(/decisions is writable by others/)
  chmodSync(logOf(), 0o700)
  chownSync(open(1), 1000, 1000)
  rmSync(logOf('open'), { recursive: true })
  mkdirSync(logOf('open'), { mode: 0o700 })
  writeFileSync(open(1), '')
  chownSync(open(1), 1000, 1000)
  fails(/000000000001 belongs to another user/)
})

test(
  'attack: a user has thousands of paths copied, over the budget of a sixteenth of the log a day',
  asRoot,
  () => {
    const own = mkdtempSync('/tmp/nixsig-test-')
    try {
      const places = logPlaces(own)
      const size = 8 * 1024 * 1024
      mkdirSync(places.directory, { mode: 0o700 })
      noteSize(places, size)
      for (const name of [own, places.directory, places.askers]) chownSync(name, 4321, 4321)
      const questions = ['kept', 'required'].map(log =>
        logQuestion(line({ state: own, log: log as Logged['log'], count: 3000 })),
      )
      const asUser = ['--reuid=4321', '--regid=4321', '--clear-groups', plugin.program]
      const { stdout, stderr } = spawnSync('setpriv', asUser, {
        input: `${questions.join('\n')}\n`,
        encoding: 'utf8',
      })
      // The log does not keep a user out who has no line left.
      assert.equal(stdout, 'logged\t\nlogged\t\n', stderr)
      spawnSync('chown', ['-R', '0:0', own])
      const { faults } = verifyLog(places, { checkpoints: [], key: undefined })
      assert.deepEqual(faults, [])
      const all = [...linesFrom(places, 0)].map(({ bytes = Buffer.alloc(0) }) => bytes)
      const bytes = all.reduce((sum, { length }) => sum + length, 0)
      assert.ok(bytes < size / 16 && bytes > size / 24, `${bytes} bytes`)
      const read = all.map(each => parseLine(each.toString('latin1')))
      const leftOut = read.filter(each => each.kind === 'left-out')
      assert.deepEqual(
        leftOut.map(({ door, asker, leftOut: count }) => [door, asker, count]),
        [['plugin', 'user 4321', 1]],
      )
      // Node takes from the same budget.
      const now = Date.now()
      const one = { bytes: 600, size, now }
      assert.equal(afford(places, { ...one, asker: 'user 4321' }), 'nothing')
      assert.equal(afford(places, { ...one, asker: 'user 4322' }), 'line')
      assert.equal(afford(places, { ...one, asker: 'root' }), 'line')
      // But for the beginning and the line about it, all are decisions; one was told, and one came from Node.
      const untold = 6000 - (all.length - 2)
      assert.deepEqual(afford(places, { ...one, asker: 'user 4321', bytes: size, now: now + 600_001 }), {
        leftOut: untold + 1,
      })
    } finally {
      rmSync(own, { recursive: true })
    }
  },
)

test('attack: many users over the budget of all have one line a minute about what has none', asRoot, () => {
  const own = mkdtempSync('/tmp/nixsig-test-')
  try {
    const places = logPlaces(own)
    const decision = { door: 'command', asker: 'root', path: PATH, outcome: 'trusted', letIn: true } as const
    appendLine(own, place => printDecision(place, { ...decision, ground: 'rule' }), { isDurable: false })
    noteSize(places, 8 * 1024 * 1024)
    const used = [0, Date.now(), 0, 0].map(number => String(number).padStart(15, '0')).join(' ')
    const file = openSync(places.askers, 'r+')
    writeSync(file, `${used}\n`, 0)
    closeSync(file)
    const users = [4321, 4322, 4323, 4324]
    for (const user of users) {
      spawnSync('chown', ['-R', `${user}:${user}`, own])
      const asUser = [`--reuid=${user}`, `--regid=${user}`, '--clear-groups', plugin.program]
      const input = `${logQuestion(line({ state: own, log: 'required' }))}\n`
      const { stdout, stderr } = spawnSync('setpriv', asUser, { input, encoding: 'utf8' })
      assert.equal(stdout, 'logged\t\n', stderr)
    }
    spawnSync('chown', ['-R', '0:0', own])
    const read = [...linesFrom(places, 2)].map(({ bytes }) => parseLine(bytes?.toString('latin1') ?? ''))
    assert.deepEqual(
      read.map(each => each.kind === 'left-out' && [each.asker, each.leftOut]),
      [['user 4321', 1]],
    )
    // Nothing is forgotten: it is told later, by Node as well.
    const later = { bytes: 1e9, size: 8 * 1024 * 1024, now: Date.now() + 60_001 }
    assert.deepEqual(afford(places, { ...later, asker: 'user 4322' }), { leftOut: 2 })
  } finally {
    rmSync(own, { recursive: true })
  }
})

/** Starts C that writes so many lines, or Node. */
function writer(language: 'C' | 'Node', name: string, each: number) {
  const arguments_ = language === 'C' ? [] : [nodeProgram, state, name, String(each)]
  const child = spawn(language === 'C' ? plugin.program : process.execPath, arguments_, {
    stdio: [language === 'C' ? 'pipe' : 'ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout?.on('data', chunk => {
    said += chunk
  })
  if (language === 'C') {
    child.stdin?.on('error', () => {})
    const paths = Array.from({ length: each }, (_, count) => `${PATH}-${name}-${count}`)
    const questions = paths.map(path => logQuestion(line({ path, log: 'required' })))
    child.stdin?.end(`${questions.join('\n')}\n`)
  }
  return { child, name, language, said: () => said }
}
let nodeProgram: string

/** How many lines a writer was told are written. */
function told({ language, said }: ReturnType<typeof writer>): number {
  if (language === 'Node') return said().split('\n').length - 1
  const answers = said().split('\n').slice(0, -1)
  for (const answer of answers) assert.equal(answer, 'logged\t')
  return answers.length
}

const writtenBy = (all: readonly Line[], name: string) =>
  all.filter(each => each.kind === 'decision' && (each.asker === name || each.path.includes(`-${name}-`)))

test('ten writers in C and in Node at once lose no line and break no chain', {
  timeout: 120_000,
}, async () => {
  nodeProgram = await writerProgram(home)
  const each = 250
  const writers = Array.from({ length: 10 }, (_, index) =>
    writer(index % 2 === 0 ? 'C' : 'Node', `w${index}`, each),
  )
  await Promise.all(writers.map(({ child }) => once(child, 'close')))
  const all = lines()
  assert.equal(all.length, 1 + 10 * each)
  for (const each of writers) {
    const paths = writtenBy(all, each.name).map(read => read.kind === 'decision' && read.path)
    assert.equal(told(each), paths.length)
    assert.equal(new Set(paths).size, paths.length)
  }
  assert.deepEqual(
    readdirSync(logOf()).filter(name => name.startsWith('~')),
    [],
  )
})

test(`attack: killed at ${KILLS} points, what C answered is in the log, and the chain holds`, {
  timeout: 1_200_000,
}, async () => {
  nodeProgram = await writerProgram(home)
  const writers: ReturnType<typeof writer>[] = []
  for (let round = 0; round < KILLS; round++) {
    const pair = [writer('C', `c${round}`, 3000), writer(round % 4 === 0 ? 'Node' : 'C', `n${round}`, 3000)]
    await Promise.all(pair.map(({ child }) => once(child.stdout ?? assert.fail(), 'data')))
    await sleep(Math.random() * 30)
    for (const { child } of pair) child.kill('SIGKILL')
    await Promise.all(pair.map(({ child }) => once(child, 'close')))
    writers.push(...pair)
  }
  const all = lines()
  let count = 0
  for (const each of writers) {
    const [answered, written] = [told(each), writtenBy(all, each.name).length]
    // Killed after it wrote one, and before it said so.
    assert.ok(written === answered || written === answered + 1, `${each.name}: ${answered} of ${written}`)
    count += answered
  }
  assert.ok(count > 2 * KILLS, `${count} lines`)
})
