// Hooks that are killed, missing or cannot start: what they leave is judged by the next hook, and
// never used before that.
// needs: both-judges
// takes: 2 minutes
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as nix from '../support/expressions.ts'
import { usePreBuildHook, withLateVictims } from '../support/late-refusal.ts'
import { HAS_RESIDENT } from '../support/resident.ts'
import { assertBuilt, assertClean, instantiate, isInLedger, isValid, nixBuild } from '../support/scene.ts'
import { JUDGED, type World, withWorld } from '../support/world.ts'

const STATE = '/var/lib/nixsig'
/** Searched first by nixsig for the programs that it runs, and in a test's world empty. */
const WRAPPERS = '/run/wrappers/bin'

/** Files that a refused output has: enough that moving it takes a while. */
const FILES = 400

/** A directory of many files. What is called victim is refused; all else is trusted. */
function output(name: string): string {
  return nix.derivation(name, {
    build: `mkdir $out; i=0; while [ $i -lt ${FILES} ]; do echo ${name} > $out/$i; i=$((i+1)); done`,
  })
}

/** Has Nix call something else as one of the hooks; the hook itself again if it is left out. */
async function setHook(world: World, hook: 'pre' | 'post', script?: string): Promise<void> {
  if (hook === 'pre' && script === undefined) return usePreBuildHook(world)
  const path = script === undefined ? `/opt/nixsig/${hook}-build-hook` : `/opt/wrapped/${hook}-build-hook`
  if (script !== undefined) world.write(path, `#!/bin/sh\n${script}\n`, 0o755)
  await world.output(`sed -i "s,^${hook}-build-hook.*,${hook}-build-hook = ${path}," /etc/nix/nix.conf`)
}

/** Asserts that another hook, which has run to its end, left nothing unfinished. */
async function assertNothingPending(world: World): Promise<void> {
  assert.equal(
    await world.output(
      `ls ${STATE}/expected ${STATE}/quarantine/unfinished 2>/dev/null | grep -v :$ || true`,
    ),
    '',
  )
  await assertClean(world)
}

/**
 * Asserts that the victim left the store and lies in quarantine, whole. `counts`: how many of its
 * entries may have content.
 */
async function assertCaught(world: World, path: string, counts: readonly number[]): Promise<void> {
  assert.equal(await isValid(world, path), false)
  assert.equal(world.exists(path), false)
  assert.equal(isInLedger(world, path), false)
  const digest = path.slice('/nix/store/'.length, '/nix/store/'.length + 32)
  const kept = (await world.output(`ls -d ${STATE}/quarantine/*Z-${digest}*/content`)).split('\n')
  assert.equal(counts.includes(kept.length), true, kept.join())
  for (const content of kept) {
    assert.equal(await world.output(`ls ${content} | wc -l`), String(FILES))
    const { reason } = JSON.parse(world.read(content.replace(/content$/, 'entry.json')))
    assert.match(reason, /needs bob for its output, found no signature/)
  }
}

/** Builds `name` while its post-build hook dies, then asserts that the next hook judges it. */
async function assertRecovers(world: World, name: string, needed: boolean): Promise<void> {
  const { out } = await instantiate(world, output(name))
  await nixBuild(world)
  await assertMended(world, name, out, needed)
}

/**
 * With the hooks as they should be, builds what needs an output that was not judged, if asked, and
 * then something that has nothing to do with it.
 */
async function assertMended(world: World, name: string, out: string, needed: boolean): Promise<void> {
  await setHook(world, 'post')
  await world.output(`rm -rf ${WRAPPERS}`)
  const isVictim = name.startsWith('victim')
  if (needed) {
    const top = await instantiate(world, nix.withInputs(`top-${name}`, [output(name)]))
    const { status, stderr } = await nixBuild(world)
    assert.equal(status === 0, !isVictim, stderr)
    assert.equal(await isValid(world, top.out), !isVictim)
  }
  await instantiate(world, nix.derivation(`else-${name}`))
  await assertBuilt(world)
  // If Nix had forgotten the path already, it builds it again for `top`, and it is refused again.
  if (isVictim) await assertCaught(world, out, needed ? [1, 2] : [1])
  else if (await isValid(world, out)) assert.equal(isInLedger(world, out), true)
  await assertNothingPending(world)
}

/**
 * Scripts in place of a program that the hook runs ($REAL is that program), by when the hook dies.
 */
const MOMENTS: Readonly<Record<string, readonly [program: string, script: string]>> = {
  'before it has the lock': ['flock', 'kill -9 $PPID'],
  'before it copies': ['cp', 'kill -9 $PPID'],
  'half through the copy': ['cp', 'for to in "$@"; do :; done; mkdir "$to"; echo x > "$to/0"; kill -9 $PPID'],
  'while the copy goes on': ['cp', 'kill -9 $PPID; sleep 0.2; exec $REAL "$@"'],
  'when it has copied': ['cp', '$REAL "$@"; kill -9 $PPID'],
  'before Nix forgets the path': ['nix-store', 'kill -9 $PPID'],
  'while Nix forgets the path': ['nix-store', 'kill -9 $PPID; exec $REAL "$@"'],
  'when Nix has forgotten the path': ['nix-store', '$REAL "$@"; kill -9 $PPID'],
}

/** Seconds after which a hook is killed: at first before it has done anything, later in the midst of its work. */
const DELAYS = [0.001, 0.03, 0.06, 0.09, 0.12, 0.14, 0.16, 0.18, 0.2, 0.25]

for (const version of JUDGED) {
  for (const [moment, [program, script]] of Object.entries(MOMENTS)) {
    test(`${version}: a hook that is killed while it quarantines, ${moment}`, () =>
      withWorld(version, { resident: 'may-end' }, async world => {
        await withLateVictims(world)
        const real = await world.output(['which', program])
        for (const needed of [false, true]) {
          const wrapper = `#!/bin/sh\necho >> /srv/died\nREAL=${real}\n${script}\n`
          world.write(`${WRAPPERS}/${program}`, wrapper, 0o755)
          await assertRecovers(world, needed ? 'victim-needed' : 'victim', needed)
        }
        // Where a resident process was the first to die, the hook that had asked it may have been
        // the next.
        const deaths = await world.output('wc -l < /srv/died')
        assert.ok(deaths === '2' || (HAS_RESIDENT && deaths === '3'), deaths)
      }))
  }

  for (const [what, name] of [
    ['a refused output', 'victim'],
    ['a trusted output', 'friend'],
  ]) {
    test(`${version}: a post-build hook that is killed at any moment of judging ${what}`, () =>
      withWorld(version, {}, async world => {
        await withLateVictims(world)
        for (const [index, delay] of DELAYS.entries()) {
          // Alone, or with all that it has started.
          const alone = index % 4 < 2 ? '--foreground' : ''
          await setHook(world, 'post', `exec timeout ${alone} -s KILL ${delay} /opt/nixsig/post-build-hook`)
          await assertRecovers(world, `${name}${index}`, index % 2 === 1)
        }
      }))
  }

  for (const [what, script] of Object.entries({
    'is killed at once': 'kill -9 $$',
    'is killed before it says anything': 'exec timeout -s KILL 0.01 /opt/nixsig/pre-build-hook "$@"',
    'is killed once it has decided': '/opt/nixsig/pre-build-hook "$@"; kill -9 $$',
    'is /bin/false': 'exec /bin/false',
    'cannot find itself': 'exec /opt/nixsig/no-such-hook "$@"',
  })) {
    test(`${version}: nothing is built by a pre-build hook that ${what}`, () =>
      withWorld(version, {}, async world => {
        await withLateVictims(world)
        await setHook(world, 'pre', script)
        const { out } = await instantiate(world, output('friend'))
        for (const time of ['first', 'second']) {
          const { status, stderr } = await nixBuild(world)
          assert.notEqual(status, 0, time)
          assert.match(stderr, /error: program ['"].*pre-build-hook['"] failed/)
          assert.equal(await isValid(world, out), false, time)
        }
        await setHook(world, 'pre')
        await assertBuilt(world)
        await assertNothingPending(world)
      }))
  }

  for (const [what, spoil] of Object.entries({
    'is not there': 'mv /opt/nixsig /opt/away',
    'cannot be executed': 'chmod 644 /opt/nixsig/*-hook',
    'is cut off': 'truncate -s 9999 /opt/nixsig/pre-build-hook',
    'is empty': ': > /opt/nixsig/pre-build-hook',
    'lacks its other half': 'rm /opt/nixsig/judge.js',
    'lacks its cryptography': 'rm -r /opt/nixsig/prebuilds',
    'finds no node': 'umount /usr/local/bin/node; rm $(which -a node)',
  })) {
    test(`${version}: nothing is built where the hook ${what}`, () =>
      withWorld(version, { resident: 'none' }, async world => {
        await withLateVictims(world)
        await usePreBuildHook(world, '/opt/nixsig/pre-build-hook')
        await world.run(spoil)
        const { out } = await instantiate(world, output('friend'))
        for (const time of ['first', 'second']) {
          assert.notEqual((await nixBuild(world)).status, 0, time)
          assert.equal(await isValid(world, out), false, time)
        }
      }))
  }

  for (const [what, script] of Object.entries({
    'is /bin/false': 'exec /bin/false',
    'finds no node': 'exec /usr/bin/env -i PATH=/nowhere node',
    'is not told which derivation': 'exec env -u DRV_PATH /opt/nixsig/post-build-hook',
  })) {
    test(`${version}: what a post-build hook that ${what} did not judge is judged by the next hook`, () =>
      withWorld(version, {}, async world => {
        await withLateVictims(world)
        for (const index of [0, 1]) {
          await setHook(world, 'post', script)
          const { out } = await instantiate(world, output(`victim${index}`))
          assert.notEqual((await nixBuild(world)).status, 0)
          assert.equal(isInLedger(world, out), false)
          await assertRecovers(world, `victim${index}`, index === 1)
        }
      }))
  }

  for (const user of ['root', 'alice'] as const) {
    const through = user === 'root' ? 'Nix itself' : 'a client of the daemon'
    test(`${version}: ${through} is killed while the post-build hook runs`, () =>
      withWorld(version, {}, async world => {
        await withLateVictims(world)
        await setHook(world, 'post', 'touch /srv/started; sleep 0.3; exec /opt/nixsig/post-build-hook')
        const daemon = user === 'root' ? undefined : await world.startDaemon()
        const { out } = await instantiate(world, output('victim'))
        const build = 'nix-build --no-out-link /srv/x.nix & while ! [ -e /srv/started ]; do sleep 0.01; done'
        assert.equal((await world.run(`${build}; kill -9 $!`, { user })).status, 0)
        await daemon?.stop()
        await assertMended(world, 'victim', out, false)
      }))
  }
}
