// What the plugin asks before Nix locks its database: a user who makes the gate think for long
// delays nobody else.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { IMPORT, isValid, refuses, rememberPolicy, withPlugin } from '../support/plugin-world.ts'
import { VERSIONS, type World } from '../support/world.ts'

const PASS = 'nixsig1 pass 0 0 6\nstatus'

interface SlowGate {
  /** Paths that it was asked about, in that order. */
  readonly asked: readonly string[]
  readonly server: Server
}

/** Answers that everything may pass, after so many milliseconds each time. */
async function slowGate(world: World, delay: () => number): Promise<SlowGate> {
  mkdirSync(world.path('/run/nixsig'), { mode: 0o755 })
  const asked: string[] = []
  const server = createServer({ allowHalfOpen: true }, connection => {
    connection.on('error', () => {})
    connection.once('data', async line => {
      asked.push(/ admit (\S+) /.exec(String(line))?.[1] ?? '')
      await sleep(delay())
      connection.end(PASS)
    })
  })
  await new Promise<void>(resolve => server.listen(`${world.path('/run')}/nixsig/socket`, resolve))
  await world.output('chmod 600 /run/nixsig/socket')
  return { asked, server }
}

/** Milliseconds that alice needs to add a file by the daemon. */
async function timeOfAdding(world: World, name: string): Promise<number> {
  world.write(`/home/alice/${name}`, name)
  const start = performance.now()
  await world.output(`nix-store --add /home/alice/${name}`, {
    user: 'alice',
    env: { NIX_REMOTE: 'daemon' },
    timeout: 20_000,
  })
  return performance.now() - start
}

for (const version of VERSIONS) {
  test(`${version}: while the gate thinks about a path for seconds, another user adds files, and then the path is let in`, () =>
    withPlugin(version, async world => {
      await rememberPolicy(world)
      await world.startDaemon()
      const { asked, server } = await slowGate(world, () => 6000)
      try {
        const start = performance.now()
        const importing = world.run(IMPORT, { timeout: 40_000 })
        while (asked.length === 0) await sleep(20)
        const begun = performance.now() - start
        const times: number[] = []
        while (performance.now() - start < begun + 4000)
          times.push(await timeOfAdding(world, `file-${times.length}`))
        console.log(
          `${version}: ${times.length} files added meanwhile, the slowest in ${Math.max(...times).toFixed(0)} ms`,
        )
        const { status, stdout, stderr } = await importing
        assert.equal(status, 0, stderr)
        assert.ok(performance.now() - start >= 6000)
        assert.ok(await isValid(world, stdout.trim()))
        // What was said holds, where the others wrote meanwhile and Nix has to begin again.
        assert.deepEqual(new Set(asked), new Set([stdout.trim()]))
        assert.equal(asked.length, 1)
        assert.ok(times.length >= 2 && Math.max(...times) < 4000, times.join(' '))
      } finally {
        server.close()
      }
    }))

  test(`${version}: in the middle of a transaction the gate has a tenth of a second, and else it is a refusal`, () =>
    withPlugin(version, async world => {
      await rememberPolicy(world)
      const paths = ['0', '1'].map(digit => `/nix/store/${digit.repeat(32)}-made`)
      for (const path of paths) await world.output(`mkdir ${path}`)
      const input = paths.map(path => `${path}\n\n0\n`).join('')
      let delay = 2000
      const { asked, server } = await slowGate(world, () => delay)
      try {
        const slow = { input, timeout: 20_000 }
        const start = performance.now()
        await refuses(
          world,
          'nix-store --register-validity',
          /could not judge it: it did not answer in time/,
          slow,
        )
        const taken = performance.now() - start
        assert.ok(taken < 2000 + 1900, `${taken} ms`)
        for (const path of paths) assert.equal(await isValid(world, path), false)
        assert.equal(asked.length, 2)
        delay = 0
        await world.output('nix-store --register-validity', { input })
        for (const path of paths) assert.ok(await isValid(world, path))
      } finally {
        server.close()
      }
    }))
}
