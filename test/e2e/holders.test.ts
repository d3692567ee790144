// A user who makes many paths that refer to a refused output neither delays others nor keeps it in
// the store.
// needs: alone
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as nix from '../support/expressions.ts'
import { withLateVictims, withVictimsLetIn } from '../support/late-refusal.ts'
import { PLUGIN } from '../support/plugin-world.ts'
import { startResident } from '../support/resident.ts'
import { assertBuilt, assertClean, instantiate, isValid, nixBuild } from '../support/scene.ts'
import { VERSIONS, type World, withWorld } from '../support/world.ts'

const STATE = '/var/lib/nixsig'
/** Entries: the refused output, and what is kept of all that refers to it. */
const ENTRIES = 17

/**
 * Has alice make texts that refer to a path, hundreds a second, until /srv/stop is there; for as
 * long as it is valid.
 */
function flood(world: World, path: string): Promise<unknown> {
  world.write(
    '/srv/flood',
    `i=0
while [ ! -e /srv/stop ]; do
  i=$((i+1))
  nix-instantiate --eval --strict --read-write-mode -E "builtins.genList (n: builtins.toFile \\"ref-$i-\\\${toString n}\\" \\"\\\${builtins.storePath ${path}} $i\\") 500" >/dev/null 2>>/srv/flood.log && echo $i >>/srv/flooded
  sleep 0.02
done
`,
  )
  for (const log of ['/srv/flood.log', '/srv/flooded']) world.write(log, '', 0o666)
  return world.run('sh /srv/flood', { user: 'alice' })
}

async function msOfBuild(world: World, name: string): Promise<number> {
  world.write(`/srv/${name}.nix`, nix.derivation(name))
  const start = Date.now()
  const { status, stderr } = await world.run(`nix-build --no-out-link /srv/${name}.nix`, { user: 'mallory' })
  assert.equal(status, 0, stderr)
  return Date.now() - start
}

/** The least time of three builds of another user. */
async function msOfBuilds(world: World, name: string): Promise<number> {
  const times: number[] = []
  for (const index of [1, 2, 3]) times.push(await msOfBuild(world, `${name}-${index}`))
  return Math.min(...times)
}

async function countEntries(world: World): Promise<number> {
  return Number(await world.output(`ls -d ${STATE}/quarantine/*Z-* 2>/dev/null | wc -l`))
}

/** What is called victim is refused after it was built, while others make what refers to it. */
async function floodVictim(world: World): Promise<void> {
  const bystander = await instantiate(world, nix.derivation('bystander'))
  await assertBuilt(world)
  // First with a path that is not refused, to compare with.
  let flooding = flood(world, bystander.out)
  const idle = await msOfBuilds(world, 'idle')
  world.write('/srv/stop', '')
  await flooding
  await world.output('rm /srv/stop')

  const victim = await instantiate(world, nix.derivation('victim'))
  flooding = flood(world, victim.out)
  const refused = nixBuild(world)
  const meanwhile = await msOfBuilds(world, 'meanwhile')
  assert.notEqual((await refused).status, 0)
  const after = await msOfBuilds(world, 'after')
  assert.ok(Math.max(meanwhile, after) < 2 * idle + 500, `${idle}, ${meanwhile} and ${after} ms`)
  world.write('/srv/stop', '')
  await flooding
  assert.equal(world.exists(victim.out), false)
  assert.ok((await countEntries(world)) <= ENTRIES, String(await countEntries(world)))
  // Without the flood the quarantine is completed, at once or with the next try.
  await world.output(`rm -f ${STATE}/quarantine/failed`)
  await msOfBuild(world, 'last')
  assert.equal(await isValid(world, victim.out), false)
  assert.equal(
    await world.output(`ls ${STATE}/quarantine/unfinished; ls ${STATE}/leaving 2>/dev/null || true`),
    '',
  )
  assert.ok((await countEntries(world)) <= ENTRIES)
  await assertClean(world)
}

for (const version of VERSIONS) {
  test(`${version}: a flood of references to a refused output, without the store plugin`, () =>
    withWorld(version, { resident: 'none' }, async world => {
      await withLateVictims(world)
      await world.startDaemon()
      await floodVictim(world)
    }))

  test(`${version}: a flood of references to a refused output, with the store plugin`, () =>
    withWorld(version, { resident: 'none', nixConf: { 'plugin-files': PLUGIN } }, async world => {
      await withVictimsLetIn(world)
      const gate = await startResident(world)
      try {
        await world.startDaemon()
        await floodVictim(world)
      } finally {
        await gate.kill()
      }
    }))
}
