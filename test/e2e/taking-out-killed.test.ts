// Property: wherever a hook is killed while it quarantines refused outputs, the next hook completes
// that, and nothing else is lost.
// takes: 2 minutes
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as nix from '../support/expressions.ts'
import { withLateVictims } from '../support/late-refusal.ts'
import { assertBuilt, assertClean, instantiate, isInLedger, isValid, nixBuild } from '../support/scene.ts'
import { VERSIONS, type World, withWorld } from '../support/world.ts'

const STATE = '/var/lib/nixsig'

/**
 * Kills its process before the Nth change of a file; N is in /srv/kill-at, and counting starts with the
 * first change below the quarantine.
 */
const KILLING = `const fs = require('node:fs')
const { readFileSync, appendFileSync } = fs
const at = Number(readFileSync('/srv/kill-at', 'utf8'))
const changes = ['mkdirSync', 'renameSync', 'rmSync', 'unlinkSync', 'writeFileSync', 'writeSync', 'fsyncSync', 'utimesSync', 'closeSync']
let begun = false, count = 0
const step = (name, args) => {
  begun ||= String(args[0]).includes('/quarantine')
  if (!begun || ++count !== at) return
  appendFileSync('/srv/killed', at + ' ' + name + ' ' + args[0] + '\\n')
  process.kill(process.pid, 'SIGKILL')
}
for (const name of changes) {
  const real = fs[name]
  fs[name] = (...args) => { step(name, args); return real(...args) }
}
const programs = require('node:child_process')
for (const name of ['execFile', 'spawn']) {
  const real = programs[name]
  programs[name] = (...args) => { step(name, args); return real(...args) }
}
`

async function killHooksAt(world: World, at: number): Promise<void> {
  world.write('/srv/kill-at', String(at))
}

async function installKiller(world: World): Promise<void> {
  world.write('/srv/kill.cjs', KILLING)
  world.write(
    '/opt/wrapped/post-build-hook',
    '#!/bin/sh\nexec env -i DRV_PATH="$DRV_PATH" PATH=/usr/local/bin:/usr/bin:/bin node --require /srv/kill.cjs /opt/nixsig/post-build-hook\n',
    0o755,
  )
  await world.output(
    'sed -i "s,^post-build-hook.*,post-build-hook = /opt/wrapped/post-build-hook," /etc/nix/nix.conf',
  )
}

/** Two outputs, one of which refers to the other. */
const outputs = (name: string) =>
  `derivation { name = "${name}"; system = builtins.currentSystem; builder = "/bin/sh"; outputs = [ "out" "dev" ];
    args = [ "-c" "mkdir $out; echo ${name} > $out/file; echo $out > $dev" ]; }`

for (const [index, version] of VERSIONS.entries()) {
  test(`${version}: a hook that is killed before any of its steps loses nothing and leaves nothing refused`, () =>
    withWorld(version, { resident: 'none' }, async world => {
      await withLateVictims(world)
      const friend = await instantiate(world, nix.withInputs('friend', [nix.derivation('friends-friend')]))
      await assertBuilt(world)
      await installKiller(world)
      let steps = 0
      // Each Nix takes every second step. What happens in a step does not depend on the Nix.
      for (let at = 1 + index; ; at += VERSIONS.length) {
        await killHooksAt(world, at)
        const victim = await instantiate(world, outputs(`victim-${at}`))
        assert.notEqual((await nixBuild(world)).status, 0)
        const wasKilled = world.exists('/srv/killed') && world.read('/srv/killed').includes(`${at} `)
        const { stderr } = await world.run('/opt/nixsig/nixsig verify')
        for (const path of Object.values(victim.outputs)) {
          const where = `killed at ${at}: ${stderr}`
          assert.equal(await isValid(world, path), false, where)
          assert.equal(world.exists(path), false, where)
          assert.equal(isInLedger(world, path), false, where)
        }
        assert.equal(await isValid(world, friend.out), true)
        const left = `ls ${STATE}/expected ${STATE}/quarantine/unfinished ${STATE}/quarantine/partial ${STATE}/leaving 2>/dev/null | grep -v :$ || true`
        assert.equal(await world.output(left), '', `killed at ${at}`)
        if (!wasKilled) break
        steps++
        // A hook reads all entries to see whether there is room, and each would be a further step.
        await world.output(`rm -rf ${STATE}/quarantine/2*`)
      }
      assert.ok(steps >= 8, `${steps} steps`)
      assert.equal(await world.output('ls -A /nix/store | grep [.]nixsig || true'), '')
      assert.equal(isInLedger(world, friend.out), true)
      await assertClean(world)
    }))
}
