// From the gate's answer to a path in the store: however the contents are transferred, they are
// those that were judged. docs/semantics.md, G7.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { narOfBytes } from '../../src/formats/nix/nar.ts'
import { printNixSecretKey } from '../../src/formats/nix/nix-key.ts'
import { cachedPath, writeCache } from '../support/cache-of-many.ts'
import * as nix from '../support/expressions.ts'
import { ALPHA, type GatedWorld, stock, withGatedWorld } from '../support/gated-world.ts'
import { assertClean } from '../support/scene.ts'
import { serveDirectory } from '../support/static-server.ts'
import { POLICY } from '../support/trust.ts'
import { type User, VERSIONS, type World } from '../support/world.ts'

const HELLO = cachedPath('hello', 'hello\n', [ALPHA])
const NO_HOOKS = "--option pre-build-hook '' --option post-build-hook ''"
const COMPRESSIONS = ['none', 'xz', 'bzip2', 'gzip', 'zstd', 'br']
const USERS: readonly User[] = ['root', 'alice']

/**
 * A directory with a link, a program, an empty file and a name of a NAR's odd kinds; it refers to
 * itself and its inputs.
 */
const MAKE_TREE =
  'mkdir -p $out/bin "$out/a b"; echo $inputs $out > $out/bin/x; chmod +x $out/bin/x; ln -s bin/x $out/x; : > "$out/a b/=?"'

function setUpstream(world: World, url: string): void {
  world.write(POLICY, world.read(POLICY).replace(/^upstreams = .*$/m, `upstreams = ["${url}"]`))
}

/** Real paths of a closure, built here and signed by `alpha`; the last one refers to all others. */
async function makeClosure(world: World): Promise<readonly string[]> {
  const lib = nix.derivation('lib', {
    build: 'echo lib > $out; mkdir $dev; ln -s $out $dev/lib',
    attributes: { outputs: '[ "out" "dev" ]' },
  })
  const tree = nix.derivation('tree', { build: MAKE_TREE, inputs: [`${lib}.out`, `${lib}.dev`] })
  world.write('/srv/x.nix', tree)
  const top = await world.output(`nix-build --no-out-link ${NO_HOOKS} /srv/x.nix`)
  const closure = (await world.output(['nix-store', '-q', '--requisites', top])).split('\n')
  world.write('/root/alpha.secret', printNixSecretKey(ALPHA.key), 0o600)
  await world.output(`nix store sign -k /root/alpha.secret ${closure.join(' ')}`)
  return closure
}

for (const version of VERSIONS) {
  const gated = (name: string, use: (world: GatedWorld) => Promise<void>) =>
    test(`${version}: ${name}`, () => withGatedWorld(version, '', use))

  gated('what Nix itself put into a cache comes out of it as it was, compressed in any way', async gated => {
    const { world, admission, isValid, realise } = gated
    const closure = await makeClosure(world)
    assert.equal(closure.length, 3)
    const [top = ''] = closure.slice(-1)
    const hashes = await world.output(['nix-store', '-q', '--hash', ...closure])
    for (const compression of COMPRESSIONS) {
      const cache = `file:///srv/${compression}?compression=${compression}`
      await world.output(['nix', 'copy', '--to', cache, top])
    }
    for (const [index, compression] of COMPRESSIONS.entries()) {
      await world.output('nix-store --gc; rm -rf /var/lib/nixsig/ledger')
      assert.equal(await isValid(top), false)
      await withServer(world.path(`/srv/${compression}`), async url => {
        // One half comes through the gate, the other one past it.
        setUpstream(world, index % 2 === 0 ? url : `file:///srv/${compression}`)
        const { status, stderr } = await realise(top)
        assert.equal(status, 0, `${compression}: ${stderr}`)
      })
      assert.equal(await world.output(['nix-store', '-q', '--hash', ...closure]), hashes)
      const inside = await world.output(['cat', `${top}/x`])
      assert.deepEqual(inside.split(' ').sort(), [...closure].sort())
      const admitted = closure.map(path => admission(path)?.narHash ?? assert.fail(path))
      const printed = await world.output(['nix-hash', '--type', 'sha256', '--to-base32', ...admitted])
      assert.equal(printed.replace(/^/gm, 'sha256:'), hashes)
      await assertClean(world)
    }
  })

  gated('what is let in stands in the ledger before its first byte has come', async gated => {
    const { world, admission, caches, isValid, realise } = gated
    const [cache] = caches
    stock(cache, HELLO)
    let goOn = () => {}
    const held = new Promise<void>(resolve => {
      goOn = resolve
    })
    const isNarAsked = () => cache.asked.includes(HELLO.url)
    Object.defineProperty(cache, 'pause', { get: () => (isNarAsked() ? held : undefined) })
    let isOver = false
    const realised = realise(HELLO.path).finally(() => {
      isOver = true
    })
    while (!isNarAsked() && !isOver) await sleep(10)
    assert.equal(isOver, false)
    assert.equal(admission(HELLO.path)?.narHash, HELLO.narHash)
    assert.equal(await isValid(HELLO.path), false)
    assert.equal(world.exists(HELLO.path), false)
    goOn()
    assert.equal((await realised).status, 0)
    assert.equal(await isValid(HELLO.path), true)
  })

  gated(
    'attack: a cache sends other contents than it told of: nothing of them stays, and the true ones still come',
    async ({ world, caches, gate, isValid }) => {
      const [cache] = caches
      const swapped: Readonly<Record<string, Uint8Array>> = {
        'of the same size': narOfBytes(Buffer.from('hallo\n'), false),
        longer: narOfBytes(Buffer.alloc(100_000, 'hello\n'), false),
        'cut short': HELLO.nar.subarray(0, 60),
        empty: new Uint8Array(),
      }
      writeCache(world.path('/srv/cache'), [HELLO])
      for (const upstream of [cache.url, 'file:///srv/cache']) {
        setUpstream(world, upstream)
        for (const [index, [what, nar]] of Object.entries(swapped).entries()) {
          stock(cache, { ...HELLO, nar })
          writeCache(world.path('/srv/cache'), [{ ...HELLO, nar }])
          const user = USERS[index % USERS.length] ?? 'root'
          const commands = [`nix copy --from ${gate.url} ${HELLO.path}`, `nix-store --realise ${HELLO.path}`]
          const { status, stderr } = await world.run(commands[Math.floor(index / 2) % 2] ?? '', { user })
          assert.notEqual(status, 0, what)
          assert.match(stderr, /hash mismatch|unexpected end-of-file|does not match|size mismatch|NAR/i, what)
          assert.equal(await isValid(HELLO.path), false, what)
        }
        stock(cache, HELLO)
        writeCache(world.path('/srv/cache'), [HELLO])
        await world.output(`nix copy --from ${gate.url} ${HELLO.path}`)
        assert.equal(await world.output(['cat', HELLO.path]), 'hello')
        await assertClean(world)
        await world.output(['nix-store', '--delete', HELLO.path])
      }
    },
  )

  gated('nix log shows the log that a cache has, passed on or pointed at', async ({ world }) => {
    const build = 'echo some words; echo x > $out'
    world.write('/srv/x.nix', nix.derivation('told', { build }))
    const path = await world.output(`nix-build --no-out-link ${NO_HOOKS} /srv/x.nix 2>/dev/null`)
    const drv = await world.output(['nix-store', '-q', '--deriver', path])
    world.write('/root/alpha.secret', printNixSecretKey(ALPHA.key), 0o600)
    await world.output(
      `nix store sign -k /root/alpha.secret ${path}; nix copy --to file:///srv/cache ${path}
      nix store copy-log --to file:///srv/cache ${drv}; rm -r /nix/var/log/nix/drvs`,
    )
    await withServer(world.path('/srv/cache'), async url => {
      for (const upstream of [url, 'file:///srv/cache']) {
        setUpstream(world, upstream)
        for (const [what, user] of [
          [drv, 'root'],
          [path, 'alice'],
        ] as const) {
          const { stdout, stderr } = await world.run(['nix', 'log', what], { user })
          assert.equal(stdout.trim(), 'some words', stderr)
        }
      }
    })
  })
}

/** Serves a directory for as long as `use` takes. */
async function withServer(directory: string, use: (url: string) => Promise<void>): Promise<void> {
  const server = await serveDirectory(directory)
  try {
    await use(server.url)
  } finally {
    await server.close()
  }
}
