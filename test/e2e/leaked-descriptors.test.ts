// takes: 1 minute
/**
 * Attacks by a process that still has a descriptor of a build's output: others get what was judged,
 * whatever is written through it afterwards. Nix 2.8.0 lets a build pass one out, through a socket
 * in the abstract namespace or in its opened directory.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { encodeNar, type NarNode, narOfBytes } from '../../src/formats/nix/nar.ts'
import { descriptorProgram } from '../support/descriptor.ts'
import { derivation } from '../support/expressions.ts'
import { type GuardedWorld, PACKAGER, withGuardedWorld } from '../support/guarded-world.ts'
import { POLICY, packaged, publish, sha256 } from '../support/trust.ts'
import { VERSIONS, type World } from '../support/world.ts'

const GOOD = 'echo good\n'
const EVIL = 'echo EVIL\n'

const file = (executable = false): NarNode => ({
  kind: 'regular',
  executable,
  contents: Buffer.from(GOOD),
})

/** `tool` and `bin/run`. */
const TREE: NarNode = {
  kind: 'directory',
  entries: [
    { name: 'bin', node: { kind: 'directory', entries: [{ name: 'run', node: file(true) }] } },
    { name: 'tool', node: file() },
  ],
}
const TREE_HASH = sha256(Buffer.concat([...encodeNar(TREE)]))
const FLAT_HASH = createHash('sha256').update(GOOD).digest('hex')
const FILE_HASH = sha256(narOfBytes(Buffer.from(GOOD), false))

/** Each writes its output, and hands descriptors of its files to whoever waits at the socket. */
const fixed = (name: string, build: string, attributes: Readonly<Record<string, string>>) =>
  derivation(name, { build, attributes: { ...attributes, outputHashAlgo: '"sha256"' } })

const flatFile = (name: string) =>
  fixed(name, `printf 'echo good\\n' > $out; /srv/descriptor connect @${name} $out; true`, {
    outputHashMode: '"flat"',
    outputHash: `"${FLAT_HASH}"`,
  })

const tree = (name: string) =>
  fixed(
    name,
    `/srv/busybox mkdir -p $out/bin; printf 'echo good\\n' > $out/tool; printf 'echo good\\n' > $out/bin/run
/srv/busybox chmod 755 $out/bin/run; /srv/descriptor connect @${name} $out/tool $out/bin/run; true`,
    { outputHashMode: '"recursive"', outputHash: `"${TREE_HASH}"` },
  )

/** A build that fetches nothing has no network, and can open its directory instead. */
const plainOutput = (name: string) =>
  derivation(name, {
    build: `printf 'echo good\\n' > $out; cd /build; /srv/busybox chmod 777 .
/srv/descriptor listen /build/socket $out; true`,
  })

interface Attacker {
  /** Waits until the descriptors came; false: they cannot come. */
  holds(): Promise<boolean>
  /** Writes through them. */
  strike(): Promise<void>
}

/**
 * Alice, outside of any build. `where`: a socket, as the program takes it, or a pattern of names
 * for one.
 */
function attacker(world: World, name: string, [side, where, count, how]: readonly string[]): Attacker {
  const [held, signal] = [`/home/alice/${name}.held`, `/home/alice/${name}.signal`]
  const find = `for i in $(seq 150); do for s in ${where}; do [ -e "$s" ] && break 2; done; sleep 0.1; done`
  const get = `/srv/descriptor get ${side} "$s" ${count} ${held} ${signal} ${how} '${EVIL}'`
  const line = side === 'listen' ? `s=${where}; ${get}` : `${find}; [ -e "$s" ] && ${get}`
  const ended = world.run(line, { user: 'alice', timeout: 90_000 })
  // Where nothing is handed out, it ends with the world.
  ended.catch(() => undefined)
  return {
    async holds() {
      for (let waited = 0; waited < 200; waited++) {
        if (world.exists(held)) return true
        await sleep(10)
      }
      return false
    },
    async strike() {
      world.write(signal, '')
      const { status, stdout, stderr } = await ended
      assert.equal(status, 0, stderr)
      assert.match(stdout, /^wrote into \d files\n$/)
    },
  }
}

async function prepare(guarded: GuardedWorld): Promise<void> {
  const { world } = guarded
  const starter = world
    .read(POLICY)
    .replace('derivation = "packager", output', 'derivation = "nothing", output')
  world.write(POLICY, starter)
  world.write('/srv/descriptor', descriptorProgram(), 0o755)
  await world.output('cp /bin/busybox /srv/busybox')
}

/** Another user builds from a path, reads all of its files there, and in the store. */
async function readByOthers({ world }: GuardedWorld, name: string, source: string) {
  const build =
    'if [ -d $src ]; then read a < $src/tool; read b < $src/bin/run; else read a < $src; b=$a; fi; echo "$a:$b" > $out'
  world.write(`/srv/of-${name}.nix`, derivation(`of-${name}`, { build, attributes: { src: source } }))
  const { status, stdout, stderr } = await world.run(`nix-build --no-out-link /srv/of-${name}.nix`, {
    user: 'mallory',
  })
  return { status, stderr, read: status === 0 ? world.read(stdout.trim()) : '' }
}

const READ_GOOD = 'echo good:echo good\n'

for (const version of VERSIONS) {
  test(`attack: what is written through descriptors that a fetch handed out reaches nobody, on ${version}`, () =>
    withGuardedWorld(version, async guarded => {
      const { world } = guarded
      await prepare(guarded)
      const cases = [
        ['flat', flatFile('flat'), FILE_HASH, ['listen', '@flat', '1', 'write']],
        ['mapped', flatFile('mapped'), FILE_HASH, ['listen', '@mapped', '1', 'map']],
        ['tree', tree('tree'), TREE_HASH, ['listen', '@tree', '2', 'write']],
        ['mapped-tree', tree('mapped-tree'), TREE_HASH, ['listen', '@mapped-tree', '2', 'map']],
      ] as const
      for (const [name, expression, narHash, how] of cases) {
        const { out } = await guarded.instantiate(name, expression)
        publish(world, out, packaged(PACKAGER, { path: out, narHash }))
        const alice = attacker(world, name, how)
        await sleep(300)
        const built = await world.run(`nix-build --no-out-link /srv/${name}.nix`, { user: 'alice' })
        assert.equal(built.status, 0, built.stderr)
        const isHeld = await alice.holds()
        // The newest Nix lets no build come to such a socket.
        if (version === 'bookworm') assert.ok(isHeld, `${name}: nothing was handed out, so nothing was tried`)
        assert.equal(guarded.admission(out)?.narHash, narHash)
        if (isHeld) await alice.strike()
        const { status, stderr, read } = await readByOthers(guarded, name, expression)
        assert.equal(status, 0, stderr)
        assert.equal(read, READ_GOOD, name)
        const verified = await world.run(`/opt/nixsig/nixsig verify ${out}`)
        assert.equal(verified.status, 0, verified.stdout)
        assert.equal((await world.run(`nix-store --verify-path ${out}`)).status, 0)
      }
    }))

  test(`attack: a build that opens its directory, and hands out a descriptor of its output there, on ${version}`, () =>
    withGuardedWorld(version, async guarded => {
      const { world } = guarded
      await prepare(guarded)
      const expression = plainOutput('plain')
      const { out } = await guarded.instantiate('plain', expression)
      const sockets =
        '/tmp/nix-build-*/socket /tmp/nix-build-*/build/socket /nix/var/nix/builds/*/build/socket'
      const alice = attacker(world, 'plain', ['connect', sockets, '1', 'write'])
      const built = await world.run('nix-build --no-out-link /srv/plain.nix', { user: 'alice' })
      assert.equal(built.status, 0, built.stderr)
      // Mended Nix lets nobody come to the socket.
      assert.equal(await alice.holds(), version === 'bookworm')
      if (version === 'bookworm') await alice.strike()
      assert.equal(world.read(out), GOOD)
      const { status, stderr, read } = await readByOthers(guarded, 'plain', expression)
      assert.equal(status, 0, stderr)
      assert.equal(read, READ_GOOD)
    }))

  test(`attack: what was fetched before nixsig came, its descriptor still held, on ${version}`, () =>
    withGuardedWorld(version, async guarded => {
      const { world } = guarded
      await prepare(guarded)
      const cases = [
        ['early', flatFile('early'), FILE_HASH, ['listen', '@early', '1', 'write'], true],
        ['early-tree', tree('early-tree'), TREE_HASH, ['listen', '@early-tree', '2', 'map'], true],
        ['late', flatFile('late'), FILE_HASH, ['listen', '@late', '1', 'write'], false],
        ['late-tree', tree('late-tree'), TREE_HASH, ['listen', '@late-tree', '2', 'map'], false],
      ] as const
      for (const [name, expression, narHash, how, strikesFirst] of cases) {
        const { out } = await guarded.instantiate(name, expression)
        publish(world, out, packaged(PACKAGER, { path: out, narHash }))
        const alice = attacker(world, name, how)
        await sleep(300)
        await world.output(`nix-build --no-out-link /srv/${name}.nix`, guarded.before)
        const isHeld = await alice.holds()
        if (version === 'bookworm') assert.ok(isHeld, `${name}: nothing was handed out, so nothing was tried`)
        if (isHeld && strikesFirst) await alice.strike()
        const { status, stderr, read } = await readByOthers(guarded, name, expression)
        if (strikesFirst && version === 'bookworm') {
          assert.notEqual(status, 0)
          assert.match(
            stderr.replace(/\s+/g, ' '),
            /what lies on the disk \(sha256:[0-9a-f]{64}\) is not what Nix registered/,
          )
          continue
        }
        assert.equal(status, 0, stderr)
        if (isHeld && !strikesFirst) await alice.strike()
        assert.equal(read, READ_GOOD)
        assert.equal((await world.run(`nix-store --verify-path ${out}`)).status, 0)
      }
    }))
}
