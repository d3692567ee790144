// docs/how-to/gate.md, run as it is written: two caches, of which one lacks the other's signature.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { blockOf, blocksOf, commandsOf } from '../docs/markdown.ts'
import { type Check, runAll, type Section, testPage, usePolicy } from '../docs/page.ts'
import { everyBlockWasRun, markRun } from '../docs/ran.ts'
import { type CachedPath, cachedPath, writeCache } from '../support/cache-of-many.ts'
import { freePort, startGate } from '../support/gate-process.ts'
import { serveDirectory } from '../support/static-server.ts'
import { signer } from '../support/trust.ts'
import { EVERY_VERSION, type World, withWorld } from '../support/world.ts'

const PAGE = 'docs/how-to/gate.md'

const NIXOS = signer('cache.nixos.org')
const EXAMPLE = signer('cache.example.org')
const GREETING = cachedPath('greeting', 'hello\n', [NIXOS, EXAMPLE])
const HELLO = cachedPath('hello-2.12', 'world\n', [NIXOS], { references: [GREETING.path] })

/** The commands of a section, about a path that there really is. */
function about(commands: Section['commands'], shown: RegExp, { path }: CachedPath): Section['commands'] {
  return commands.map(one => ({
    ...one,
    script: one.script.replaceAll(shown, path),
    answer: one.answer.map(atAnyPort),
  }))
}

/** The page's gate has its usual port, this one any that is free. */
function atAnyPort(line: RegExp): RegExp {
  return new RegExp(line.source.replace(':4649', ':\\d+'))
}

/**
 * The page's policy with caches that there really are, served at two addresses, and a gate in front
 * of them.
 */
async function withGate(world: World, use: (address: string) => Promise<void>): Promise<void> {
  for (const { key, publicKey } of [NIXOS, EXAMPLE]) world.write(`/root/${key.name}.pub`, `${publicKey}\n`)
  writeCache(world.path('/srv/cache'), [GREETING, HELLO])
  const caches = [
    await serveDirectory(world.path('/srv/cache')),
    await serveDirectory(world.path('/srv/cache')),
  ]
  const port = await freePort()
  const [nixos = '', example = ''] = caches.map(({ url }) => url)
  const policy = policyOfPage()
    .replace('https://cache.nixos.org', nixos)
    .replace('https://cache.example.org', example)
    .replace('[gate]', `[gate]\nlisten = "127.0.0.1:${port}"`)
  usePolicy(world, policy)
  const gate = await startGate(world)
  try {
    await useGate(world, gate.url)
    await use(nixos)
  } finally {
    await gate.end('SIGTERM')
    for (const cache of caches) await cache.close()
  }
}

/** Makes the gate Nix's only substituter, by the page's lines for nix.conf. */
async function useGate(world: World, url: string): Promise<void> {
  const block = blockOf(PAGE, 'Set it up', 'conf')
  const key = await world.output('cat /var/lib/nixsig/gate.pub')
  const lines = block.text.replace('http://127.0.0.1:4649', url).replace(/<the line in .*>/, key)
  const names = [...lines.matchAll(/^\S+/gm)].map(([name]) => name)
  const others = world.read('/etc/nix/nix.conf').split('\n')
  const kept = others.filter(line => !names.includes(line.split(' ')[0] ?? ''))
  world.write('/etc/nix/nix.conf', `${kept.join('\n')}\n${lines}`)
  markRun(block, world.version)
}

function policyOfPage(): string {
  const [policy] = blocksOf(PAGE).filter(({ language }) => language === 'toml')
  assert.ok(policy !== undefined)
  return policy.text
}

const CHECKS: Readonly<Record<string, Check>> = {
  'Set it up': async (world, { commands }) => {
    const port = await freePort()
    usePolicy(world, policyOfPage().replace('[gate]', `[gate]\nlisten = "127.0.0.1:${port}"`))
    const [serve, ...others] = commands
    assert.deepEqual([serve?.script, others], ['nixsig serve\n', []])
    const { status, stderr } = await world.run('timeout --preserve-status 3 nixsig serve')
    assert.equal(status, 0, stderr)
    for (const line of serve?.answer ?? []) assert.match(stderr, atAnyPort(line))
    if (serve !== undefined) markRun(serve, world.version)
    assert.equal(await world.output('stat -c "%a %U" /var/lib/nixsig/gate.secret'), '600 root')
  },

  'What a refusal looks like': (world, { commands }) =>
    withGate(world, async () => {
      await runAll(world, about(commands, /\/nix\/store\/…-hello-2\.12/g, HELLO))
      await world.output(['nix-store', '--realise', GREETING.path])
    }),

  'Look before you download': (world, { commands }) =>
    withGate(world, async address => {
      const asked = commands.map(one => ({
        ...one,
        refused: true,
        script: one.script.replace('https://cache.nixos.org', address),
      }))
      await runAll(world, about(asked, /\/nix\/store\/…-nixos-system/g, HELLO))
      assert.equal((await world.run(['nix-store', '--check-validity', GREETING.path])).status, 1)
    }),
}

testPage(PAGE, CHECKS)

for (const version of EVERY_VERSION)
  test(`${version}: the units of ${PAGE} are ones that systemd can read`, () =>
    withWorld(version, {}, async world => {
      const units = blocksOf(PAGE).filter(({ language }) => language === 'ini')
      assert.equal(units.length, 2)
      for (const { text } of units) {
        const [, file = ''] = /^# (\S+)\n/.exec(text) ?? []
        world.write(file, text)
      }
      const { status, stderr } = await world.run(
        'systemd-analyze verify /etc/systemd/system/nixsig.service /etc/systemd/system/nixsig.socket',
      )
      assert.equal(status, 0, stderr)
      assert.doesNotMatch(stderr, /nixsig\.(?:service|socket)/)
      for (const unit of units) markRun(unit, version)
    }))

test(`every command of ${PAGE} is in one of its sections`, () => {
  assert.equal(commandsOf(PAGE).length, 3)
})

everyBlockWasRun('e2e/how-to-gate')
