// The two processes of the gate: one judges for the hooks and the plugin, the other serves HTTP. If
// either ends, the other notices.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../support/eventually.ts'
import { type GateProcess, startGate } from '../support/gate-process.ts'
import { byDefault, policyText, setPolicy, signer } from '../support/trust.ts'
import { type World, withWorld } from '../support/world.ts'

const POLICY = policyText({ someone: [signer('someone')] }, byDefault('nothing', 'nothing', 'self'))

async function withGate(use: (world: World, gate: GateProcess) => Promise<void>): Promise<void> {
  await withWorld('bookworm', { resident: 'none' }, async world => {
    await setPolicy(world, POLICY)
    const gate = await startGate(world, ['--listen', '127.0.0.1:0'])
    try {
      await use(world, gate)
    } finally {
      await gate.end('SIGKILL')
    }
  })
}

/** The process for HTTP. */
function httpOf(gate: GateProcess): number {
  return Number(readFileSync(`/proc/${gate.pid}/task/${gate.pid}/children`, 'utf8').trim())
}

function isAlive(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false
  return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
}

const isHealthy = (gate: GateProcess) =>
  fetch(`${gate.url}/health`).then(
    ({ status }) => status === 200,
    () => false,
  )

test('a process for HTTP that is killed is started again at the same address, and judging goes on meanwhile', () =>
  withGate(async (world, gate) => {
    for (const _ of [1, 2]) {
      const killed = httpOf(gate)
      process.kill(killed, 'SIGKILL')
      assert.equal((await world.run('/opt/nixsig/nixsig reload')).status, 0)
      await eventually('the gate is healthy', () => isHealthy(gate))
      assert.notEqual(httpOf(gate), killed)
    }
    const metrics = await (await fetch(`${gate.url}/metrics`)).text()
    assert.match(metrics, /^nixsig_http_restarts 2$/m)
    assert.match(metrics, /^nixsig_hooks_waiting 0$/m)
    assert.match(metrics, /^nixsig_hook_questions_total\{question="reload",outcome="done"\} 2$/m)
    assert.match(
      gate.log(),
      /"event":"the process for HTTP ended and is started again","how":"was ended by SIGKILL"/,
    )
  }))

test('a gate that is killed takes its process for HTTP along, and the next one can start', () =>
  withGate(async (world, gate) => {
    const http = httpOf(gate)
    assert.ok(isAlive(http))
    assert.equal(await gate.end('SIGKILL'), 128 + 9)
    await eventually('the process for HTTP ends', () => !isAlive(http))
    const next = await startGate(world, ['--listen', `127.0.0.1:${gate.port}`])
    assert.equal(await next.end('SIGTERM'), 0)
  }))

test('signals to the process for HTTP alone change nothing; those to the gate end both', () =>
  withGate(async (_, gate) => {
    const http = httpOf(gate)
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.kill(http, signal)
    await sleep(300)
    assert.ok(await isHealthy(gate))
    assert.equal(httpOf(gate), http)
    assert.equal(await gate.end('SIGTERM'), 0)
    assert.equal(isAlive(http), false)
  }))

test('a process for HTTP that hangs keeps no question waiting', () =>
  withGate(async (world, gate) => {
    const http = httpOf(gate)
    process.kill(http, 'SIGSTOP')
    const start = performance.now()
    const line = `nixsig1 may-build /nix/store/${'0'.repeat(32)}-x.drv\\n`
    const ask = `const s = require('net').connect('/run/nixsig/socket', () => s.end('${line}')); s.pipe(process.stdout)`
    const { stdout, stderr } = await world.run(['node', '-e', ask], { timeout: 20_000 })
    assert.match(stdout, /^nixsig1 (?:refuse|pass) /, stderr)
    assert.ok(performance.now() - start < 5000)
    process.kill(http, 'SIGCONT')
    await eventually('the gate is healthy', () => isHealthy(gate))
  }))
