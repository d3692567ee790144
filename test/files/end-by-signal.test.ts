// A signal that ends a program has removed what it would leave half done, and ends it in any case.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { keepAfterSignal, removeAfterSignal } from '../../src/files/end-by-signal.ts'

/** This file is also the program that is ended: in a process with this variable. */
const CHILD = 'END_BY_SIGNAL_CHILD'
const at = process.env[CHILD]
if (at === undefined) tests()
else {
  for (const name of ['first', 'kept', 'last']) writeFileSync(join(at, name), '')
  mkdirSync(join(at, 'directory', 'in'), { recursive: true })
  removeAfterSignal(join(at, 'first'))
  // Not even root can remove that.
  removeAfterSignal('/proc/version')
  removeAfterSignal(join(at, 'kept'))
  removeAfterSignal(join(at, 'directory'))
  removeAfterSignal(join(at, 'last'))
  keepAfterSignal(join(at, 'kept'))
  if (process.env['LISTENS'] !== undefined)
    process.on('SIGTERM', () => {
      process.exitCode = 7
      clearInterval(timer)
    })
  const timer = setInterval(() => undefined, 1000)
  process.stdout.write('ready\n')
}

function tests(): void {
  const dir = mkdtempSync('/tmp/nixsig-test-signal-')
  after(() => rmSync(dir, { recursive: true, force: true }))

  async function endedBy(signal: NodeJS.Signals, more: NodeJS.ProcessEnv = {}) {
    const state = mkdtempSync(join(dir, 'state-'))
    const child = spawn(process.execPath, [fileURLToPath(import.meta.url)], {
      env: { ...process.env, ...more, [CHILD]: state },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    child.kill(signal)
    const [code, by] = await once(child, 'exit')
    return { code, by, left: readdirSync(state).sort() }
  }

  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
    test(`${signal}: a file that cannot be removed keeps neither the others there nor the program running`, async () => {
      assert.deepEqual(await endedBy(signal), { code: null, by: signal, left: ['kept'] })
      assert.ok(existsSync('/proc/version'))
    })

  test('who waits for the signal as well ends the work itself, with an exit status of its own', async () => {
    assert.deepEqual(await endedBy('SIGTERM', { LISTENS: '1' }), {
      code: 7,
      by: null,
      left: ['directory', 'first', 'kept', 'last'],
    })
  })

  const cannotUnshare =
    spawnSync('unshare', ['-rpf', 'true']).status !== 0 && 'no namespaces of processes here'
  test('the first process of a container ends as well, whom no signal ends', {
    skip: cannotUnshare,
  }, async () => {
    const state = mkdtempSync(join(dir, 'state-'))
    const child = spawn(
      'unshare',
      ['-rpf', '--kill-child', process.execPath, fileURLToPath(import.meta.url)],
      {
        env: { ...process.env, [CHILD]: state },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    await once(child.stdout, 'data')
    const [first] = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').split(' ')
    process.kill(Number(first), 'SIGTERM')
    const [code] = await once(child, 'exit')
    assert.deepEqual([code, readdirSync(state)], [128 + 15, ['kept']])
  })
}
