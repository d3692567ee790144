// Expectations left by failed builds do not delay other builds, are removed in time, and hide
// nothing that was not judged.
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { OVER } from '../../src/verifier/unjudged-builds.ts'
import { eventually } from '../support/eventually.ts'
import * as nix from '../support/expressions.ts'
import { withLateVictims } from '../support/late-refusal.ts'
import { assertBuilt, instantiate, isInLedger, isValid, nixBuild } from '../support/scene.ts'
import { byDefault, policyText, setPolicy, signer } from '../support/trust.ts'
import { OLDEST, VERSIONS, type World, withWorld } from '../support/world.ts'

const STATE = '/var/lib/nixsig'
const MANY = 20_000
const ALPHABET = '0123456789abcdfghijklmnpqrsvwxyz'
const FAILING = nix.derivation('fails', { build: 'exit 1' })

/**
 * Runs a hook's own program and counts what it asks of the file system; the counts are added to
 * /srv/counted.
 */
const COUNTING = `const fs = require('node:fs')
let count = 0
for (const name of ['openSync', 'readdirSync', 'lstatSync', 'statSync', 'rmSync', 'unlinkSync', 'renameSync', 'accessSync', 'readFileSync', 'readlinkSync']) {
  const real = fs[name]
  fs[name] = (...args) => { count++; return real(...args) }
}
const { Dir } = fs
const read = Dir.prototype.readSync
Dir.prototype.readSync = function () { count++; return read.call(this) }
const append = fs.writeFileSync
process.on('exit', () => append('/srv/counted', count + '\\n', { flag: 'a' }))
`

async function withPolicy(world: World): Promise<void> {
  const rules = byDefault('nothing', 'nothing', 'self')
  await setPolicy(world, policyText({ bob: [signer('bob')] }, rules))
}

/** The one expectation that there is, and its file. */
function onlyExpectation(world: World): { readonly digest: string; readonly text: string } {
  const directory = world.path(`${STATE}/expected`)
  const [digest = ''] = readdirSync(directory)
  return { digest, text: readFileSync(join(directory, digest), 'utf8') }
}

/**
 * Leaves many expectations of other outputs, as failed builds do. `age` is in seconds.
 */
function leaveMany(world: World, { digest, text }: { digest: string; text: string }, age: number): void {
  const directory = world.path(`${STATE}/expected`)
  mkdirSync(directory, { recursive: true })
  const old = text.replace(/^time \d+$/m, `time ${Math.floor(Date.now() / 1000) - age}`)
  for (let index = 0; index < MANY; index++) {
    const other = Array.from({ length: 5 }, (_, place) => ALPHABET[(index >> (5 * place)) & 31]).join('')
    const changed = `${other}${digest.slice(5)}`
    writeFileSync(join(directory, changed), old.replaceAll(digest, changed), { mode: 0o600 })
  }
}

interface Cost {
  readonly asked: number
  readonly ms: number
}

/**
 * How often the hooks of one build ask the file system for anything, and the milliseconds that it
 * takes.
 */
async function costOfBuild(world: World, name: string): Promise<Cost> {
  world.write('/srv/counted', '')
  await instantiate(world, nix.derivation(name))
  const start = Date.now()
  await assertBuilt(world)
  const ms = Date.now() - start
  const asked = world
    .read('/srv/counted')
    .trim()
    .split('\n')
    .reduce((sum, line) => sum + Number(line), 0)
  return { asked, ms }
}

async function countHooks(world: World): Promise<void> {
  world.write('/srv/count.cjs', COUNTING)
  for (const hook of ['pre', 'post']) {
    world.write(
      `/opt/wrapped/${hook}-build-hook`,
      `#!/bin/sh\nexec env -i DRV_PATH="$DRV_PATH" PATH=/usr/local/bin:/usr/bin:/bin node --require /srv/count.cjs /opt/nixsig/${hook}-build-hook "$@"\n`,
      0o755,
    )
    await world.output(
      `sed -i "s,^${hook}-build-hook.*,${hook}-build-hook = /opt/wrapped/${hook}-build-hook," /etc/nix/nix.conf`,
    )
  }
}

for (const version of OLDEST) {
  for (const [what, age] of [
    ['over', 3600],
    ['perhaps going on', 0],
  ] as const) {
    test(`${version}: ${MANY} expectations of builds that are ${what} cost another build nothing`, () =>
      withWorld(version, { resident: 'none' }, async world => {
        await withPolicy(world)
        await instantiate(world, FAILING)
        assert.notEqual((await nixBuild(world)).status, 0)
        const left = onlyExpectation(world)
        await countHooks(world)
        await costOfBuild(world, 'first')
        const made = Date.now()
        leaveMany(world, left, age)
        const costs: { readonly without: Cost; readonly beside: Cost }[] = []
        const [expected, away] = [`${STATE}/expected`, `${STATE}/away`]
        for (const name of ['a', 'b', 'c', 'd']) {
          await world.output(`mv ${expected} ${away}`)
          const without = await costOfBuild(world, `${name}-1`)
          await world.output(`rm -rf ${expected}; mv ${away} ${expected}`)
          costs.push({ without, beside: await costOfBuild(world, `${name}-2`) })
        }
        const more = costs.map(({ without, beside }) => beside.asked - without.asked)
        // Three passes a build at most: 512 names, and some ten questions for each of 64 of them.
        assert.ok(Math.max(...more) < 3 * (520 + 64 * 12), `${more.join()} questions more`)
        const ratios = costs.map(({ without, beside }) => beside.ms / without.ms)
        assert.ok(Math.min(...ratios) < 1.5, `${ratios.join()} times as long`)
        const count = Number(await world.output(`ls -f ${STATE}/expected | wc -l`))
        // After a minute the others are over as well: a slow machine shows only what they cost.
        if (what === 'over') assert.ok(count < MANY, `${count} are left`)
        else if (Date.now() - made < OVER * 1000) assert.ok(count >= MANY, `${count} are left`)
      }))
  }
}

for (const version of VERSIONS) {
  test(`${version}: an expectation is kept while its build goes on, however long, and dropped when that is over`, () =>
    withWorld(version, { resident: 'none' }, async world => {
      await withPolicy(world)
      const waiting = nix.derivation('waits', {
        build: 'while ! [ -e /srv/go ]; do sleep 0.1; done; echo done > $out',
      })
      const { out } = await instantiate(world, waiting)
      const build = nixBuild(world)
      const digest = out.slice('/nix/store/'.length, '/nix/store/'.length + 32)
      const file = `${STATE}/expected/${digest}`
      await eventually('the build is expected', () => world.exists(file))
      const makeOld = async (name: string) =>
        world.output(`sed -i "s/^time .*/time 1700000000/" ${STATE}/expected/${name}`)
      await makeOld(digest)
      world.write('/srv/fails.nix', FAILING)
      assert.notEqual((await world.run('nix-build --no-out-link /srv/fails.nix')).status, 0)
      const failed = readdirSync(world.path(`${STATE}/expected`)).filter(name => name !== digest)
      assert.equal(failed.length, 1)
      await makeOld(failed[0] ?? '')
      world.write('/srv/else.nix', nix.derivation('else'))
      await world.output('nix-build --no-out-link /srv/else.nix')
      assert.deepEqual(readdirSync(world.path(`${STATE}/expected`)), [digest])
      world.write('/srv/go', '')
      const { status, stderr } = await build
      assert.equal(status, 0, stderr)
      assert.equal(isInLedger(world, out), true)
    }))

  test(`${version}: what was noted of an output that was there is forgotten when its build is over`, () =>
    withWorld(version, { resident: 'none' }, async world => {
      await withPolicy(world)
      const { out } = await instantiate(
        world,
        nix.derivation('made', { build: 'if [ -e /srv/fail ]; then exit 1; fi; echo > $out' }),
      )
      await assertBuilt(world)
      world.write('/srv/fail', '')
      assert.notEqual((await nixBuild(world, '--check')).status, 0)
      const [digest = ''] = readdirSync(world.path(`${STATE}/present`))
      assert.ok(out.includes(digest) && digest !== '')
      await instantiate(world, nix.derivation('else-1'))
      await assertBuilt(world)
      assert.equal(world.exists(`${STATE}/present/${digest}`), true, 'its build may be going on')
      await world.output(`touch -d '2 minutes ago' ${STATE}/present/${digest}`)
      await instantiate(world, nix.derivation('else-2'))
      await assertBuilt(world)
      assert.equal(world.exists(`${STATE}/present/${digest}`), false)
    }))
}

for (const version of OLDEST) {
  test(`${version}: among ${MANY} others, what was not judged is when something is built from it`, () =>
    withWorld(version, { resident: 'none' }, async world => {
      await withLateVictims(world)
      await instantiate(world, FAILING)
      assert.notEqual((await nixBuild(world)).status, 0)
      const left = onlyExpectation(world)
      const paths: Record<string, string> = {}
      for (const name of ['victim', 'friend']) {
        const { out } = await instantiate(world, nix.derivation(name))
        assert.notEqual((await nixBuild(world, '--option post-build-hook /bin/false')).status, 0)
        assert.equal(await isValid(world, out), true)
        paths[name] = out
      }
      leaveMany(world, left, 0)
      const { out: top } = await instantiate(world, nix.withInputs('top', [nix.derivation('friend')]))
      await assertBuilt(world)
      assert.equal(isInLedger(world, paths['friend'] ?? ''), true)
      assert.equal(isInLedger(world, top), true)
      const { out: evil } = await instantiate(world, nix.withInputs('evil', [nix.derivation('victim')]))
      assert.notEqual((await nixBuild(world)).status, 0)
      assert.equal(await isValid(world, evil), false)
      assert.equal(await isValid(world, paths['victim'] ?? ''), false)
      assert.equal(world.exists(paths['victim'] ?? ''), false)
    }))
}
