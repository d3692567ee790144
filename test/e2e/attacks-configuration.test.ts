// The policy and the records of this machine, broken or owned by others: nothing is built by them.
// needs: both-judges
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { entryFile } from '../../src/ledger/admissions.ts'
import * as nix from '../support/expressions.ts'
import {
  afterPreBuildHook,
  assertBuilt,
  assertClean,
  assertQuarantined,
  assertRefusedBeforeBuild,
  instantiate,
  isInLedger,
  isValid,
  nixBuild,
  quarantined,
} from '../support/scene.ts'
import {
  built,
  byDefault,
  contentsOf,
  POLICY,
  packaged,
  policyText,
  publish,
  setPolicy,
  sha256,
  signer,
} from '../support/trust.ts'
import { JUDGED, type World, withWorld } from '../support/world.ts'

const STATE = '/var/lib/nixsig'

/** By this policy everything that is built here may be used. */
async function withLenientPolicy(world: World): Promise<void> {
  await setPolicy(world, policyText({ alice: [signer('alice')] }, byDefault('nothing', 'nothing', 'self')))
}

/** The file of the ledger that holds the entry of a path. */
function fileOf(path: string): string {
  return entryFile(STATE, path.slice('/nix/store/'.length, '/nix/store/'.length + 32))
}

interface Damage {
  /** A line of shell. */
  readonly action: string
  readonly reason: RegExp
  /** What only hooks read that judge themselves: a resident process has it in memory. */
  readonly isOfHooks?: true
}

const BROKEN: Readonly<Record<string, Damage>> = {
  'no policy': { action: `rm ${POLICY}`, reason: /cannot read \/etc\/nixsig\/policy\.toml: ENOENT/ },
  'no directory of the policy': { action: 'rm -r /etc/nixsig', reason: /cannot read .*policy\.toml: ENOENT/ },
  'a policy that is no TOML': { action: `echo '[[' >> ${POLICY}`, reason: /policy\.toml:\d+: not TOML/ },
  'a policy with an unknown field': {
    action: `sed -i '1i enforce = true' ${POLICY}`,
    reason: /policy\.toml:1: .*enforce/,
  },
  'a policy with a field twice': {
    action: `sed -i '1i version = 1' ${POLICY}`,
    reason: /policy\.toml:2: not TOML/,
  },
  'a policy with a threshold that nobody can meet': {
    action: `printf '[groups.few]\\nmembers = ["alice"]\\nthreshold = 2\\n' >> ${POLICY}`,
    reason: /policy\.toml:\d+: .*threshold/,
  },
  'an empty policy': { action: `: > ${POLICY}`, reason: /policy\.toml:1: version must be 1/ },
  'a policy that is no text': { action: `printf '\\377' > ${POLICY}`, reason: /policy: .*UTF-8/ },
  'a policy that is a pipe': {
    action: `rm ${POLICY} && mkfifo ${POLICY}`,
    reason: /policy\.toml is not a regular file/,
  },
  'a policy that everybody may write to': {
    action: `chmod o+w ${POLICY}`,
    reason: /policy\.toml is writable by others/,
  },
  'a policy of another user': {
    action: `chown alice ${POLICY}`,
    reason: /policy\.toml belongs to user 1000/,
  },
  'a policy that is a link to what another user keeps': {
    action: `mv ${POLICY} /home/alice/p && ln -s /home/alice/p ${POLICY}`,
    reason: /\/home\/alice belongs to user 1000/,
  },
  'a directory of the policy that everybody may write to': {
    action: 'chmod o+w /etc/nixsig',
    reason: /\/etc\/nixsig is writable by everybody \(chmod o-w \/etc\/nixsig\)/,
  },
  'a directory of the policy that its group may write to': {
    action: 'chmod g+w /etc/nixsig',
    reason: /\/etc\/nixsig is writable by its group/,
  },
  'a directory of the policy of another user': {
    action: 'chown alice /etc/nixsig',
    reason: /\/etc\/nixsig belongs to user 1000/,
  },
  'a directory above the policy that everybody may write to': {
    action: 'chmod o+w /etc',
    reason: /\/etc is writable by everybody/,
  },
  'a state directory that everybody may write to': {
    action: `mkdir -p ${STATE} && chmod o+w ${STATE}`,
    reason: /\/var\/lib\/nixsig is writable by others/,
  },
  'a state directory of another user': {
    action: `mkdir -p ${STATE} && chown mallory ${STATE}`,
    reason: /\/var\/lib\/nixsig belongs to user 1001/,
  },
  'a state directory that is a link': {
    action: `mkdir /srv/state && rm -rf ${STATE} && ln -s /srv/state ${STATE}`,
    reason: /\/var\/lib\/nixsig is not a directory/,
  },
  'a remembered policy of another user': {
    action: `mkdir -p ${STATE} && echo nixsig1 x > ${STATE}/policy && chown alice ${STATE}/policy`,
    reason: /\/var\/lib\/nixsig\/policy belongs to user 1000/,
    isOfHooks: true,
  },
}

/**
 * An entry that an attacker puts into the ledger for an unsigned derivation: its file, the true
 * entry of another path, and a forged entry.
 */
interface Forgery {
  readonly file: string
  readonly good: string
  /** Correct in every field except who wrote it. */
  readonly forged: string
}

const ENTRIES: Readonly<Record<string, (forgery: Forgery) => Damage>> = {
  'the entry of another path': ({ file, good }) => ({
    action: `cp ${good} ${file}`,
    reason: /ledger entry .* is not about \/nix\/store\/.*plain\.drv/,
  }),
  'an entry that another user owns': ({ file, forged }) => ({
    action: `cp ${forged} ${file} && chown alice ${file}`,
    reason: /ledger.* belongs to user 1000/,
  }),
  'an entry that everybody may write to': ({ file, forged }) => ({
    action: `cp ${forged} ${file} && chmod o+w ${file}`,
    reason: /ledger.* is writable by others/,
  }),
  'an entry that is a link': ({ file, forged }) => ({
    action: `ln -s ${forged} ${file}`,
    reason: /cannot read .*ledger.*symbolic link/,
  }),
  'an entry that is a pipe': ({ file }) => ({
    action: `mkfifo ${file}`,
    reason: /ledger.* is not a regular file/,
  }),
  'an entry that is garbage': ({ file }) => ({
    action: `head -c 300 /dev/urandom | tr '\\0' x > ${file}`,
    reason: /ledger entry .* does not have the form of one/,
  }),
  'an entry without a word': ({ file }) => ({
    action: `echo > ${file}`,
    reason: /ledger entry .* does not have the form of one/,
  }),
  'an entry that breaks off': ({ file, forged }) => ({
    action: `head -c -1 ${forged} > ${file}`,
    reason: /ledger entry .* breaks off in the middle of a line/,
  }),
  'an entry longer than any': ({ file, forged }) => ({
    action: `cp ${forged} ${file} && yes claim | head -c 300000 >> ${file}`,
    reason: /ledger.* is larger than 262144 bytes/,
  }),
}

async function assertRefusedOnce(world: World, out: string, reason: RegExp): Promise<void> {
  const { status, stderr } = await nixBuild(world)
  assert.notEqual(status, 0)
  assert.match(stderr, reason)
  assert.equal(await isValid(world, out), false)
}

for (const version of JUDGED) {
  for (const [name, { action, reason, isOfHooks }] of Object.entries(BROKEN)) {
    test(`${version}: attack: ${name}`, () =>
      withWorld(version, isOfHooks ? { resident: 'none' } : {}, async world => {
        await withLenientPolicy(world)
        const { out } = await instantiate(world, nix.derivation('plain'))
        await world.output(action)
        // What hooks remember is written anew, by root, once the policy has not changed for a
        // while.
        if (isOfHooks) return assertRefusedOnce(world, out, reason)
        await assertRefusedBeforeBuild(world, out, /undecided/, reason)
      }))
  }

  for (const [name, damageOf] of Object.entries(ENTRIES)) {
    test(`${version}: attack: in the ledger, ${name}`, () =>
      withWorld(version, {}, async world => {
        const alice = signer('alice')
        await setPolicy(world, policyText({ alice: [alice] }, byDefault('nothing', 'alice', 'self')))
        const other = await instantiate(world, nix.derivation('good'))
        publish(world, other.drv, packaged(alice, await contentsOf(world, other.drv)))
        await assertBuilt(world)
        const { drv, out } = await instantiate(world, nix.derivation('plain'))
        const [good, file] = [fileOf(other.drv), fileOf(drv)]
        const { narHash } = await contentsOf(world, drv)
        world.write(
          '/srv/forged',
          world.read(good).replace(/^nixsig4 \S+ \S+/, `nixsig4 ${drv} sha256:${narHash}`),
        )
        const { action, reason } = damageOf({ file, good, forged: '/srv/forged' })
        await world.output(`mkdir -p $(dirname ${file}) && ${action}`)
        await assertRefusedBeforeBuild(world, out, reason)
      }))
  }

  for (const [name, { action, reason }] of Object.entries({
    'the policy goes away': BROKEN['no policy'],
    'the policy becomes unreadable': BROKEN['a policy that is no TOML'],
    'everybody gets to write to its directory':
      BROKEN['a directory of the policy that everybody may write to'],
  } as Readonly<Record<string, Damage>>)) {
    test(`${version}: attack: while a build runs, ${name}`, () =>
      withWorld(version, {}, async world => {
        await withLenientPolicy(world)
        const { out } = await instantiate(world, nix.derivation('plain'))
        await afterPreBuildHook(world, action)
        assert.notEqual((await nixBuild(world)).status, 0)
        await assertQuarantined(world, [out], { reason })
        assert.match((await nixBuild(world)).stderr, reason)
        assert.equal(await isValid(world, out), false)
      }))
  }

  test(`${version}: attack: while a build runs, everybody gets to write to the state: judged once that is mended`, () =>
    withWorld(version, {}, async world => {
      const bob = signer('bob')
      await setPolicy(world, policyText({ bob: [bob] }, byDefault('nothing', 'nothing', 'bob')))
      const { drv, out } = await instantiate(world, nix.derivation('plain'))
      publish(world, out, built(bob, { path: out, narHash: sha256('other') }, drv))
      await afterPreBuildHook(world, `chmod o+w ${STATE}`)
      assert.notEqual((await nixBuild(world)).status, 0)
      assert.deepEqual(await quarantined(world), [])
      assert.equal(isInLedger(world, out), false)

      // Nothing else is built either, and what was not judged stays expected.
      await instantiate(world, nix.withInputs('top', [nix.derivation('plain')]))
      assert.match((await nixBuild(world)).stderr, /nixsig is writable by others \(chmod go-w/)
      await world.output(`chmod go-w ${STATE}`)
      assert.notEqual((await nixBuild(world)).status, 0)
      await assertQuarantined(world, [out], { reason: /builders disagree: bob/ })
      await assertClean(world)
    }))
}
