// docs/how-to/fleet.md, run as it is written: two gates with one key behind nginx, a builder's
// attestations that the same nginx serves, and a machine that substitutes through both gates while
// one of them is killed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { appendAttestation } from '../../src/evidence/attestation-files.ts'
import { blockOf, type Commands, commandsOf, exampleOf } from '../docs/markdown.ts'
import { runAll } from '../docs/page.ts'
import { everyBlockWasRun, markRun } from '../docs/ran.ts'
import { type CachedPath, cachedPath, writeCache } from '../support/cache-of-many.ts'
import { GATE_STATE, type GateProcess, startGate } from '../support/gate-process.ts'
import { isInLedger, isValid } from '../support/scene.ts'
import { built, POLICY, type Signer, sha256, signer } from '../support/trust.ts'
import { VERSIONS, type Version, type World, withWorld } from '../support/world.ts'

const PAGE = 'docs/how-to/fleet.md'
const SECTIONS = [
  'Make the key',
  'Set up the gates',
  'Put nginx in front',
  'Serve attestations',
  'Watch over it',
  'Change the key',
]

/**
 * The example addresses of the page, and the loopback addresses that stand for them here.
 */
const ADDRESSES = {
  '192.0.2.11': '127.0.4.11',
  '192.0.2.12': '127.0.4.12',
  'listen 443': 'listen 127.0.4.10:443',
}
const FRONT = '127.0.4.10 cache.example.org\n'

function here(text: string): string {
  return Object.entries(ADDRESSES).reduce((so, [page, real]) => so.replaceAll(page, real), text)
}

function commands(section: string): readonly Commands[] {
  return commandsOf(PAGE, section).map(each => ({ ...each, script: here(each.script) }))
}

/** The commands of a section from one that has this in it, up to before one that has that. */
function part(section: string, from: string, to?: string): readonly Commands[] {
  const all = commands(section)
  const [start, end] = [from, to].map(text => all.findIndex(({ script }) => script.includes(text ?? '\0')))
  assert.ok(start !== undefined && start >= 0)
  return all.slice(start, end === undefined || end < 0 ? undefined : end)
}

interface Fleet {
  /** Where nginx runs, the certificate is made and the attestations lie. */
  readonly front: World
  readonly gates: readonly [World, World]
  /** A machine with Nix and without nixsig. */
  readonly machine: World
}

/** The machines of a fleet, each with a root of its own. They share the network of the test. */
async function withFleet(version: Version, use: (fleet: Fleet) => Promise<void>): Promise<void> {
  await withWorld('bookworm', {}, front =>
    withWorld('bookworm', {}, first =>
      withWorld('bookworm', {}, second =>
        withWorld(version, { hooks: false }, async machine => {
          for (const world of [front, first, second, machine]) world.write('/etc/hosts', FRONT)
          for (const world of [front, first, second]) {
            await world.output('ln -s /opt/nixsig/nixsig /usr/local/bin/nixsig')
          }
          await machine.output('nix-store --init')
          await use({ front, gates: [first, second], machine })
        }),
      ),
    ),
  )
}

/** The page's way to one key at both gates. */
async function makeKey({ gates: [first, second] }: Fleet): Promise<string> {
  await runAll(first, part('Make the key', 'keygen', 'install'))
  const publicKey = bring(first, second, 'fleet-1')
  for (const gate of [first, second]) await runAll(gate, part('Make the key', 'install'))
  return publicKey
}

/** Brings a key from one gate to another; its public half. */
function bring(from: World, to: World, name: string): string {
  to.write(`/root/${name}.secret`, from.read(`/root/${name}.secret`), 0o600)
  to.write(`/root/${name}.pub`, from.read(`/root/${name}.pub`))
  return from.read(`/root/${name}.pub`).trim()
}

function setPolicies({ gates }: Fleet, keys: Readonly<Record<string, Signer>>): void {
  const shown = here(exampleOf(PAGE, 'Set up the gates', 'toml'))
  const real = shown.replace(/"(\w+)-1:[\w+/]{43}="/g, (_, name: string) => {
    return `"${keys[name]?.publicKey ?? assert.fail(name)}"`
  })
  for (const gate of gates) gate.write(POLICY, real)
}

/** nginx as on the page, with its certificate known to every machine. */
async function startNginx({ front, gates, machine }: Fleet): Promise<void> {
  front.write('/etc/nginx/sites-available/gates', here(exampleOf(PAGE, 'Put nginx in front', 'nginx')))
  await runAll(front, commands('Put nginx in front'))
  markRun(blockOf(PAGE, 'Put nginx in front', 'nginx'), front.version)
  const certificate = front.read('/etc/nginx/cache.crt')
  for (const world of [...gates, machine]) world.write('/etc/ssl/certs/ca-certificates.crt', certificate)
}

/** The machine's nix.conf as on the page, with these keys. */
function pointMachine(machine: World, keys: string): void {
  const block = blockOf(PAGE, 'Point the machines at it', 'conf')
  const shown = block.text
  const before = machine
    .read('/etc/nix/nix.conf')
    .replace(/^(substituters|trusted-public-keys|narinfo).*\n/gm, '')
  machine.write('/etc/nix/nix.conf', before + shown.replace(/fleet-1:[\w+/]{43}=/, keys))
  markRun(block, machine.version)
}

/** Publishes a builder's word on paths, as on the page. */
async function publishAttestations(
  { front }: Fleet,
  by: Signer,
  paths: readonly CachedPath[],
): Promise<void> {
  for (const { path, narHash } of paths) {
    const line = built(by, { path, narHash }, `${path}.drv`)
    appendAttestation(front.path('/root/attestations'), path, line)
  }
  await runAll(front, commands('Serve attestations'))
}

/** Starts one of the gates as on the page, with its own address. */
async function startOne({ gates }: Fleet, index: 0 | 1): Promise<GateProcess> {
  const [serving = assert.fail()] = part('Set up the gates', 'serve', 'curl')
  const { script } = serving
  const [nixsig, serve, ...args] = script
    .trim()
    .replace('127.0.4.11', `127.0.4.1${index + 1}`)
    .split(' ')
  assert.deepEqual([nixsig, serve], ['nixsig', 'serve'])
  const gate = await startGate(gates[index], args)
  assert.equal(gate.url, `http://127.0.4.1${index + 1}:4649`)
  markRun(serving, gates[index].version)
  return gate
}

async function countValid(machine: World): Promise<number> {
  return Number(await machine.output('sqlite3 /nix/var/nix/db/db.sqlite "select count(*) from ValidPaths"'))
}

async function realise(machine: World, paths: readonly CachedPath[]) {
  return machine.run(['nix-store', '--realise', ...paths.map(({ path }) => path)])
}

/** Where a gate says that a NAR lies. */
async function narUrl(gate: GateProcess, { digest }: CachedPath): Promise<string> {
  const narinfo = await (await fetch(`${gate.url}/${digest}.narinfo`)).text()
  return /^URL: (nar\/.*)$/m.exec(narinfo)?.[1] ?? assert.fail(narinfo)
}

for (const version of VERSIONS) {
  test(`${version}: docs/how-to/fleet.md: two gates behind nginx, and everything is substituted though one is killed`, () =>
    withFleet(version, async fleet => {
      const { front, gates, machine } = fleet
      const [cache, workshop, mallory] = [signer('cache'), signer('workshop'), signer('mallory')]
      const contents = (name: string) => Buffer.alloc(512 * 1024, name)
      const make = (name: string, by: Signer) => cachedPath(name, contents(name), [by])
      const signed = Array.from({ length: 40 }, (_, index) => make(`signed-${index}`, cache))
      // Only the attestations that nginx serves vouch for these: no list has mallory.
      const attested = Array.from({ length: 20 }, (_, index) => make(`attested-${index}`, mallory))
      const [late, foreign] = [make('late', cache), make('foreign', mallory)]
      const all = [...signed, ...attested]
      for (const gate of gates) writeCache(gate.path('/srv/cache'), [...all, late, foreign])

      const publicKey = await makeKey(fleet)
      setPolicies(fleet, { cache, workshop })
      await startNginx(fleet)
      await publishAttestations(fleet, workshop, attested)
      const [first, second] = [await startOne(fleet, 0), await startOne(fleet, 1)]
      await runAll(gates[0], part('Set up the gates', 'curl'))
      pointMachine(machine, publicKey)

      // Each gate accepts a NAR address that the other gave out, unless somebody altered it.
      const [some = assert.fail()] = all
      const url = await narUrl(first, some)
      const nar = await fetch(`${second.url}/${url}`)
      assert.equal(sha256(Buffer.from(await nar.arrayBuffer())), some.narHash)
      const forged = url.replace(/.$/, last => (last === 'A' ? 'Q' : 'A'))
      assert.equal((await fetch(`${second.url}/${forged}`)).status, 404)

      const refused = await realise(machine, [foreign])
      assert.notEqual(refused.status, 0)
      assert.match(
        refused.stderr,
        /HTTP error 451.*nixsig: refused .*-foreign .*only signers who are not in the trusted list/s,
      )

      await runAll(front, commands('Watch over it'))

      const substituting = realise(machine, all)
      let isOver = false
      void substituting.finally(() => {
        isOver = true
      })
      while (!isOver && (await countValid(machine)) < 10) await sleep(5)
      await first.end('SIGKILL')
      const [before, { status, stderr }] = [await countValid(machine), await substituting]
      assert.equal(status, 0, stderr)
      assert.ok(before < all.length, `${before} of ${all.length} were there when the gate was killed`)
      for (const { path } of all) {
        assert.equal(await isValid(machine, path), true, path)
        assert.ok(
          gates.some(gate => isInLedger(gate, path)),
          path,
        )
      }
      assert.equal(await isValid(machine, foreign.path), false)

      const again = await startOne(fleet, 0)
      const health = [again, second].map(async ({ url }) => (await fetch(`${url}/health`)).text())
      assert.equal(await health[0], await health[1])
      const hidden = await front.run(
        'curl -fsS --cacert /etc/nginx/cache.crt https://cache.example.org/metrics',
      )
      assert.match(hidden.stderr, /404/)
      await changeKey(fleet, [again, second], { publicKey, late })
      await front.output('nginx -s quit')
    }))
}

/**
 * The page's way to another key, with something substituted under both and then under the new one
 * alone.
 */
async function changeKey(
  fleet: Fleet,
  running: readonly [GateProcess, GateProcess],
  { publicKey, late }: { readonly publicKey: string; readonly late: CachedPath },
): Promise<void> {
  const { gates, machine } = fleet
  await runAll(gates[0], part('Change the key', 'keygen', 'install'))
  const next = bring(gates[0], gates[1], 'fleet-2')
  pointMachine(machine, `${publicKey} ${next}`)
  for (const index of [0, 1] as const) {
    await runAll(gates[index], part('Change the key', 'install'))
    assert.equal(await running[index].end('SIGTERM'), 0)
    await startOne(fleet, index)
  }
  pointMachine(machine, publicKey)
  assert.notEqual((await realise(machine, [late])).status, 0)
  assert.equal(await isValid(machine, late.path), false)
  pointMachine(machine, next)
  const { status, stderr } = await realise(machine, [late])
  assert.equal(status, 0, stderr)
}

test(`every section of ${PAGE} with commands is run`, () => {
  const titles = new Set(commandsOf(PAGE).map(({ section }) => section))
  assert.deepEqual([...titles], SECTIONS)
  assert.equal(`${GATE_STATE}/gate.secret`, '/var/lib/nixsig/gate.secret')
})

everyBlockWasRun('e2e/fleet')
