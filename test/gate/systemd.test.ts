import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { get } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { activatedSockets, openNotifier } from '../../src/gate/systemd.ts'
import { FormatError } from '../../src/primitives/format-error.ts'
import { compiledModule } from './compiled-module.ts'

const OURS = String(process.pid)

/** Starts a process that ends with the test. */
function start(t: TestContext, command: string, args: readonly string[]) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  t.after(() => end(child))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    async line(): Promise<string> {
      const { value, done } = await lines.next()
      if (done === true) throw new Error(`${command} ended`)
      return value
    },
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/**
 * Stands in for systemd: a datagram socket. Each message becomes a line, with its line breaks as
 * slashes.
 */
async function startSystemd(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-notify-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'socket')
  const program = `
    use Socket;
    $| = 1;
    socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die;
    bind($socket, sockaddr_un($ARGV[0])) or die;
    print "ready\\n";
    while (defined recv($socket, my $message, 65536, 0)) {
      next if $message eq 'BARRIER=1';
      $message =~ s/\\s+$//;
      $message =~ tr/\\n/\\//;
      print "$message\\n";
    }
  `
  const receiver = start(t, 'perl', ['-e', program, path])
  assert.equal(await receiver.line(), 'ready')
  return { path, message: receiver.line }
}

function openTestNotifier(t: TestContext, environment: Record<string, string>) {
  const problems: string[] = []
  const notifier = openNotifier(problem => problems.push(problem), environment)
  t.after(notifier.stop)
  return { notifier, problems }
}

test('readiness, reloads and the end are told, in this order', async t => {
  const systemd = await startSystemd(t)
  const environment = { NOTIFY_SOCKET: systemd.path, OTHER: 'kept' }
  const { notifier, problems } = openTestNotifier(t, environment)
  assert.deepEqual(environment, { OTHER: 'kept' })
  void notifier.ready('at http://127.0.0.1:4649')
  void notifier.reloading()
  void notifier.ready('again')
  await notifier.stopping()
  assert.equal(await systemd.message(), 'READY=1/STATUS=at http://127.0.0.1:4649')
  assert.match(await systemd.message(), /^RELOADING=1\/MONOTONIC_USEC=\d+$/)
  assert.equal(await systemd.message(), 'READY=1/STATUS=again')
  assert.equal(await systemd.message(), 'STOPPING=1')
  assert.deepEqual(problems, [])
})

test('a status cannot say anything else to systemd', async t => {
  const systemd = await startSystemd(t)
  const { notifier } = openTestNotifier(t, { NOTIFY_SOCKET: systemd.path })
  await notifier.ready('a\nMAINPID=1\u0000')
  assert.equal(await systemd.message(), 'READY=1/STATUS=a\\u{a}MAINPID=1\\u{0}')
})

test('the watchdog hears from us twice in each of its intervals, until we stop', async t => {
  const systemd = await startSystemd(t)
  const environment = { NOTIFY_SOCKET: systemd.path, WATCHDOG_USEC: '400000', WATCHDOG_PID: OURS }
  const { notifier, problems } = openTestNotifier(t, environment)
  assert.deepEqual(environment, {})
  await notifier.ready('x')
  await systemd.message()
  const began = performance.now()
  for (let n = 0; n < 3; n++) assert.equal(await systemd.message(), 'WATCHDOG=1')
  const took = performance.now() - began
  assert.ok(took > 400 && took < 10_000, `three times in ${took} ms`)
  notifier.stop()
  // One watchdog message may have been on its way; after that comes STOPPING=1.
  await new Promise(resolve => setTimeout(resolve, 300))
  await notifier.stopping()
  const next = await systemd.message()
  assert.equal(next === 'WATCHDOG=1' ? await systemd.message() : next, 'STOPPING=1')
  assert.deepEqual(problems, [])
})

test('a watchdog of another process hears nothing from us', async t => {
  const systemd = await startSystemd(t)
  const environment = { NOTIFY_SOCKET: systemd.path, WATCHDOG_USEC: '40000', WATCHDOG_PID: '1' }
  const { notifier } = openTestNotifier(t, environment)
  await notifier.ready('x')
  await new Promise(resolve => setTimeout(resolve, 200))
  await notifier.stopping()
  assert.equal(await systemd.message(), 'READY=1/STATUS=x')
  assert.equal(await systemd.message(), 'STOPPING=1')
})

test('a watchdog that makes no sense is told, and is no reason to stop', async t => {
  for (const [microseconds, problem] of [
    ['soon', 'environment: soon is no number (WATCHDOG_USEC)'],
    ['-1', 'environment: -1 is no number (WATCHDOG_USEC)'],
    ['0', 'environment: no time at all (WATCHDOG_USEC)'],
  ] as const) {
    const { problems } = openTestNotifier(t, { WATCHDOG_USEC: microseconds })
    assert.deepEqual(problems, [problem])
  }
})

test('when systemd cannot be told, the caller is, and nothing else happens', async t => {
  const nowhere = join(tmpdir(), `nixsig-nobody-${OURS}`)
  const { notifier, problems } = openTestNotifier(t, { NOTIFY_SOCKET: nowhere })
  await notifier.ready('x')
  await notifier.stopping()
  assert.equal(problems.length, 2)
  for (const problem of problems) assert.match(problem, /^systemd-notify: .*No such file or directory/)
})

test('without systemd nothing is told to anybody', async t => {
  const { notifier, problems } = openTestNotifier(t, {})
  await notifier.ready('x')
  await notifier.reloading()
  await notifier.stopping()
  assert.deepEqual(problems, [])
})

test('a service that systemd activates answers at the socket that systemd opened', async t => {
  const [http, systemd] = await Promise.all([
    compiledModule('src/gate/http-server.ts'),
    compiledModule('src/gate/systemd.ts'),
  ])
  const program = `
    const { openHttpServer } = await import(process.argv[1])
    const { activatedSockets } = await import(process.argv[2])
    const sockets = activatedSockets()
    const body = Buffer.from(JSON.stringify([sockets, Object.keys(process.env).filter(name => /^LISTEN/.test(name))]))
    const server = await openHttpServer({ fd: sockets.http }, () => ({ status: 200, body }))
    console.log(server.address)
  `
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-activate-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const port = await freePort()
  const address = `127.0.0.1:${port}`
  const service = start(t, 'systemd-socket-activate', [
    ...['--listen', join(directory, 'judge'), '--listen', address, '--fdname', 'judge:http'],
    ...[process.execPath, '--input-type=module', '--eval', program, http, systemd],
  ])
  const answer = await patiently(() => fetchText(port))
  assert.deepEqual(JSON.parse(answer), [{ judge: 3, http: 4 }, []])
  assert.equal(await service.line(), address)
})

/** systemd-socket-activate prints nothing that we could read when it listens. */
async function patiently<T>(action: () => Promise<T>, attempts = 100): Promise<T> {
  try {
    return await action()
  } catch (error) {
    if (attempts === 0 || (error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') throw error
    await new Promise(resolve => setTimeout(resolve, 50))
    return patiently(action, attempts - 1)
  }
}

function fetchText(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, agent: false }, async response => {
      resolve((await response.setEncoding('utf8').toArray()).join(''))
    }).on('error', reject)
  })
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

test('sockets for another process are not ours, and the variables are gone', () => {
  const environment = { LISTEN_PID: '1', LISTEN_FDS: '1', LISTEN_FDNAMES: 'http', OTHER: 'kept' }
  assert.deepEqual(activatedSockets(environment), {})
  assert.deepEqual(environment, { OTHER: 'kept' })
})

test('without systemd there are no sockets', () => {
  assert.deepEqual(activatedSockets({}), {})
  assert.deepEqual(activatedSockets({ LISTEN_FDS: '1' }), {})
  assert.deepEqual(activatedSockets({ LISTEN_PID: OURS, LISTEN_FDS: '0' }), {})
})

test('what cannot be is refused, and says what is wrong', () => {
  for (const [environment, problem] of [
    [{ LISTEN_PID: 'x', LISTEN_FDS: '1' }, 'environment: x is no number (LISTEN_PID)'],
    [{ LISTEN_PID: ` ${OURS}`, LISTEN_FDS: '1' }, `environment:  ${OURS} is no number (LISTEN_PID)`],
    [{ LISTEN_PID: OURS, LISTEN_FDS: '-1' }, 'environment: -1 is no number (LISTEN_FDS)'],
    [{ LISTEN_PID: OURS, LISTEN_FDS: '1e3' }, 'environment: 1e3 is no number (LISTEN_FDS)'],
    [
      { LISTEN_PID: OURS, LISTEN_FDS: '4', LISTEN_FDNAMES: 'http:judge:ask:http' },
      'environment: 4 sockets; there is use for http, judge, ask alone (LISTEN_FDS)',
    ],
    [{ LISTEN_PID: OURS, LISTEN_FDS: '1' }, 'environment: names 0 sockets of 1 (LISTEN_FDNAMES)'],
    [
      { LISTEN_PID: OURS, LISTEN_FDS: '1', LISTEN_FDNAMES: 'http:judge' },
      'environment: names 2 sockets of 1 (LISTEN_FDNAMES)',
    ],
    [
      { LISTEN_PID: OURS, LISTEN_FDS: '1', LISTEN_FDNAMES: 'nixsig\u001b.socket' },
      'environment: nixsig\\u{1b}.socket is none of http, judge, ask; FileDescriptorName= says which a socket is (LISTEN_FDNAMES)',
    ],
  ] as const) {
    assert.throws(
      () => activatedSockets({ ...environment }),
      (error: Error) => error instanceof FormatError && error.message === problem,
      problem,
    )
  }
})

/**
 * What a process says about the sockets that the environment announces. `files` are its descriptors
 * from 3 on, as for `spawn`.
 */
async function refusalWith(names: string, files: readonly ('pipe' | number)[]): Promise<string> {
  const program = `
    const { activatedSockets } = await import(process.argv[1])
    const [, , LISTEN_FDNAMES] = process.argv
    try {
      const LISTEN_FDS = String(LISTEN_FDNAMES.split(':').length)
      activatedSockets({ LISTEN_PID: String(process.pid), LISTEN_FDS, LISTEN_FDNAMES })
    } catch (error) {
      console.log(error.message)
    }
  `
  const systemd = await compiledModule('src/gate/systemd.ts')
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program, systemd, names], {
    stdio: ['ignore', 'pipe', 'inherit', ...files],
  })
  const said = await child.stdout?.setEncoding('utf8').toArray()
  return said?.join('') ?? ''
}

test('a file that is no socket is refused', async t => {
  const file = openSync('/dev/null', 'r')
  t.after(() => closeSync(file))
  const refusal = await refusalWith('http', [file])
  assert.equal(refusal, 'environment: file 3, called http, is not a socket (LISTEN_FDS)\n')
})

test('two sockets of one name are refused', async () => {
  // The pipes that Node gives to a child are sockets.
  const refusal = await refusalWith('http:http', ['pipe', 'pipe'])
  assert.equal(refusal, 'environment: two sockets are called http (LISTEN_FDNAMES)\n')
})
