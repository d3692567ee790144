// The store client with real daemons, over their socket and over a pipe to a daemon of its own.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openStore, type Store } from '../../src/store/store-client.ts'
import * as nix from '../support/expressions.ts'
import { VERSIONS, type World, withWorld } from '../support/world.ts'

const SOCKET = '/nix/var/nix/daemon-socket/socket'
const ABSENT = '/nix/store/0c0n3p2a7zlnjs4v8y1yylrhjjxrsrb8-absent'

const TRANSPORTS = { socket: overSocket, pipe: overPipe } as const

async function overSocket<T>(world: World, use: (store: Store) => Promise<T>): Promise<T> {
  const daemon = await world.startDaemon()
  try {
    return await using({ socket: world.path(SOCKET) }, use)
  } finally {
    await daemon.stop()
  }
}

/** No daemon listens; the nix-daemon that the client starts enters the world first. */
async function overPipe<T>(world: World, use: (store: Store) => Promise<T>): Promise<T> {
  const nixBin = mkdtempSync(join(tmpdir(), 'nixsig-bin-'))
  try {
    // The client ends what it started by a signal, which must not reach nsenter before nix-daemon
    // (see killUnder).
    const script = `#!/bin/sh\ntrap '' TERM\nexec ${world.enter(['nix-daemon']).join(' ')} "$@"\n`
    writeFileSync(join(nixBin, 'nix-daemon'), script, { mode: 0o755 })
    return await using({ socket: world.path(SOCKET), nixBin }, use)
  } finally {
    rmSync(nixBin, { recursive: true })
  }
}

async function using<T>(
  options: Parameters<typeof openStore>[0],
  use: (store: Store) => Promise<T>,
): Promise<T> {
  const store = await openStore(options)
  try {
    return await use(store)
  } finally {
    store.close()
  }
}

/** Builds `top`, which refers to `bottom`; the paths of both and of their derivations. */
async function built(world: World) {
  const bottom = nix.derivation('bottom', {
    build: 'mkdir $out $dev',
    attributes: { outputs: '[ "out" "dev" ]' },
  })
  world.write('/tmp/x.nix', nix.withInputs('top', [bottom]))
  const drv = await world.output('nix-instantiate /tmp/x.nix')
  const path = await world.output(['nix-store', '--realise', drv])
  const bottomPath = world.read(path).trim()
  const bottomDrv = await world.output(['nix-store', '--query', '--deriver', bottomPath])
  return { drv, path, bottomPath, bottomDrv }
}

async function asksEverything(world: World, over: (typeof TRANSPORTS)[keyof typeof TRANSPORTS]) {
  const { drv, path, bottomPath, bottomDrv } = await built(world)
  const hash = await world.output(['nix-hash', '--type', 'sha256', path])
  const size = Number(await world.output(['nix-store', '--query', '--size', path]))
  await over(world, async store => {
    const { registrationTime, ...info } = (await store.pathInfo(path)) ?? { registrationTime: 0 }
    assert.ok(Math.abs(registrationTime - Date.now() / 1000) < 600)
    assert.deepEqual(info, {
      path,
      deriver: drv,
      narHash: hash,
      references: [bottomPath],
      narSize: size,
      ultimate: true,
      signatures: [],
    })
    const source = await store.pathInfo(drv)
    assert.match(source?.ca ?? '', /^text:sha256:/)
    assert.equal(source?.ultimate, false)

    assert.equal(await store.pathInfo(ABSENT), undefined)
    assert.deepEqual(await store.validPaths([path, ABSENT, drv]), new Set([path, drv]))
    assert.deepEqual(await store.validPaths([]), new Set())
    assert.deepEqual(await store.referrers(bottomPath), [path])
    assert.deepEqual(await store.referrers(path), [])
    assert.deepEqual(await store.derivers(path), [drv])
    const outputs = await store.outputs(bottomDrv)
    assert.deepEqual([...outputs.keys()].sort(), ['dev', 'out'])
    assert.equal(outputs.get('out'), bottomPath)
    await assert.rejects(store.outputs(ABSENT), { name: 'StoreError' })

    // The error left the connection as it was.
    const signature = `key-1:${Buffer.alloc(64, 1).toString('base64')}`
    await store.addSignatures(path, [signature])
    assert.deepEqual((await store.pathInfo(path))?.signatures, [signature])
  })
}

async function keepsRoots(world: World, over: (typeof TRANSPORTS)[keyof typeof TRANSPORTS]) {
  const { path } = await built(world)
  await over(world, async store => {
    await store.addTempRoot(path)
    await world.run('nix-store --gc')
    assert.equal(world.exists(path), true)
  })
  await world.run('nix-store --gc')
  assert.equal(world.exists(path), false)
}

for (const version of VERSIONS) {
  for (const [transport, over] of Object.entries(TRANSPORTS)) {
    const title = (what: string) => `${version}, ${transport}: ${what}`

    test(title('everything that nixsig asks is answered'), () =>
      withWorld(version, { hooks: false }, world => asksEverything(world, over)),
    )

    test(title('a temporary root lasts as long as the connection'), () =>
      withWorld(version, { hooks: false }, world => keepsRoots(world, over)),
    )

    test(title('three hundred paths are told apart at once'), () =>
      withWorld(version, { hooks: false }, async world => {
        world.write('/tmp/x.nix', nix.manyInputs('many', 300))
        const drv = await world.output('nix-instantiate /tmp/x.nix')
        const inputs = (await world.output(['nix-store', '--query', '--references', drv])).split('\n')
        assert.equal(inputs.length, 300)
        await over(world, async store => {
          assert.deepEqual((await store.pathInfo(drv))?.references.toSorted(), inputs.toSorted())
          const infos = await Promise.all(inputs.map(input => store.pathInfo(input)))
          assert.deepEqual(
            infos.map(info => info?.path),
            inputs,
          )
          assert.equal((await store.validPaths([...inputs, ABSENT])).size, 300)
        })
      }),
    )
  }

  test(`${version}: the pipe reaches the local store whatever root's own files and nix.conf say`, () =>
    withWorld(version, { hooks: false }, async world => {
      const { path } = await built(world)
      world.write('/root/.config/nix/nix.conf', 'store = /tmp/elsewhere\n')
      world.write('/.config/nix/nix.conf', 'store = /tmp/elsewhere\n')
      world.write('/etc/nix/nix.conf', `${world.read('/etc/nix/nix.conf')}store = daemon\n`)
      await overPipe(world, async store => assert.equal((await store.pathInfo(path))?.path, path))
    }))

  test(`${version}: a path whose registration is damaged is an error, not an answer`, () =>
    withWorld(version, { hooks: false }, async world => {
      const { path } = await built(world)
      await damage(world, path)
      await overPipe(world, async store => {
        await assert.rejects(store.pathInfo(path), /StoreError|FormatError/)
      })
    }))
}

/** Writes a hash into the database that is none. */
async function damage(world: World, path: string): Promise<void> {
  await world.output([
    'sqlite3',
    '/nix/var/nix/db/db.sqlite',
    `update ValidPaths set hash = 'sha256:zz' where path = '${path}'`,
  ])
}

test('the hash that the client tells is the hash of the archive', () =>
  withWorld('bookworm', { hooks: false }, async world => {
    const { path } = await built(world)
    const archive = await world.output(`nix-store --dump ${path} | base64 -w0`)
    const hash = createHash('sha256').update(Buffer.from(archive, 'base64')).digest('hex')
    await overPipe(world, async store => assert.equal((await store.pathInfo(path))?.narHash, hash))
  }))
