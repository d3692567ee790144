// Outputs built elsewhere, without our hooks: they pass as inputs by the signatures that the store
// keeps for them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { printNixSecretKey } from '../../src/formats/nix/nix-key.ts'
import * as nix from '../support/expressions.ts'
import { assertBuilt, assertRefusedBeforeBuild, instantiate, isInLedger } from '../support/scene.ts'
import { byDefault, policyText, type Signer, setPolicy, signer } from '../support/trust.ts'
import { VERSIONS, type World, withWorld } from '../support/world.ts'

const NO_HOOKS = "--option pre-build-hook '' --option post-build-hook ''"
const BOTTOM = nix.derivation('bottom', {
  build: 'echo $below > $out',
  attributes: { below: nix.derivation('below') },
})
const DATABASE = '/nix/var/nix/db/db.sqlite'

interface Elsewhere {
  readonly cache: Signer
  readonly mallory: Signer
  /** An output that was made without hooks, and what it refers to. */
  readonly bottom: string
  readonly below: string
  /** What shall be built from it, under the hooks. */
  readonly top: string
}

/** A world with outputs that no hook saw; everything but them needs nothing. */
async function withElsewhere(world: World, rule = 'require.output = "cache"\n'): Promise<Elsewhere> {
  const [cache, mallory] = [signer('cache'), signer('mallory')]
  const rules = `[[rules]]\nmatch = { name = "b*", kind = "output" }\n${rule}`
  await setPolicy(world, policyText({ cache: [cache] }, `${rules}${byDefault('nothing', 'nothing', 'self')}`))
  const { out: bottom } = await instantiate(world, BOTTOM)
  await assertBuilt(world, NO_HOOKS)
  const below = world.read(bottom).trim()
  const { out: top } = await instantiate(world, nix.withInputs('top', [BOTTOM]))
  return { cache, mallory, bottom, below, top }
}

/** Has Nix itself sign paths. */
async function signPaths(world: World, { key }: Signer, ...paths: readonly string[]): Promise<void> {
  world.write('/root/key', printNixSecretKey(key), 0o600)
  await world.output(['nix', 'store', 'sign', '-k', '/root/key', ...paths])
}

/** Writes what the database says of a path's signatures, as anybody may whom Nix lets add some. */
async function setSignatures(world: World, path: string, text: string): Promise<void> {
  await world.output(['sqlite3', DATABASE, `update ValidPaths set sigs = '${text}' where path = '${path}'`])
}

interface Attack {
  readonly act: (world: World, at: Elsewhere) => Promise<void>
  readonly reason: RegExp
}

const ATTACKS: Readonly<Record<string, Attack>> = {
  'no signature': {
    act: async () => {},
    reason: /bottom \(output\).*needs cache for its output, found no signature/,
  },
  'a signature by somebody who is not listed': {
    act: (world, { mallory, bottom }) => signPaths(world, mallory, bottom),
    reason: /bottom \(output\).*found only signers who are not in the trusted list \(mallory-1\)/,
  },
  'a signature by somebody else under a listed name': {
    act: (world, { cache, mallory, bottom }) =>
      signPaths(world, { ...mallory, key: { ...mallory.key, name: cache.key.name } }, bottom),
    reason: /bottom \(output\).*found a signature that does not verify \(cache-1, in the store's database\)/,
  },
  'a signature of zeros under a listed name': {
    act: (world, { bottom }) =>
      setSignatures(world, bottom, `cache-1:${Buffer.alloc(64).toString('base64')}`),
    reason: /bottom \(output\).*found a signature that does not verify \(cache-1,/,
  },
  'a signature that is none under a listed name': {
    act: (world, { bottom }) => setSignatures(world, bottom, 'cache-1:garbage'),
    reason: /bottom \(output\).*a signature that does not verify \("cache-1:garbag[^"]*" is not in the form/,
  },
  'a signature of another path': {
    act: async (world, { cache, bottom, below }) => {
      await signPaths(world, cache, below)
      const sigs = await world.output([
        'sqlite3',
        DATABASE,
        `select sigs from ValidPaths where path = '${below}'`,
      ])
      await setSignatures(world, bottom, sigs)
    },
    reason: /bottom \(output\).*found a signature that does not verify \(cache-1,/,
  },
  'a signature from before the database named another reference': {
    act: async (world, { cache, bottom, below }) => {
      await signPaths(world, cache, bottom)
      const id = (path: string) => `(select id from ValidPaths where path = '${path}')`
      const change = `insert into Refs values (${id(bottom)}, ${id(bottom)}); delete from Refs where referrer = ${id(bottom)} and reference = ${id(below)}`
      await world.output(['sqlite3', DATABASE, change])
    },
    reason: /bottom \(output\).*found a signature that does not verify \(cache-1,/,
  },
  "this machine's own key, which signs for nobody": {
    act: async (world, { bottom }) => {
      await instantiate(world, nix.derivation('makes-the-key'))
      await assertBuilt(world)
      await instantiate(world, nix.withInputs('top', [BOTTOM]))
      await world.output(`nix store sign -k /var/lib/nixsig/machine.secret ${bottom}`)
    },
    reason: /bottom \(output\).*found only signers who are not in the trusted list/,
  },
}

for (const version of VERSIONS) {
  test(`${version}: an output from elsewhere passes by its store signature`, () =>
    withWorld(version, {}, async world => {
      const { cache, bottom, below, top } = await withElsewhere(world)
      await signPaths(world, cache, bottom, below)
      await assertBuilt(world)
      assert.equal(world.read(top).trim(), bottom)
      const digest = bottom.slice('/nix/store/'.length, '/nix/store/'.length + 32)
      const entry = world.read(`/var/lib/nixsig/ledger/${digest.slice(0, 2)}/${digest}`)
      assert.match(entry, /^built elsewhere$/m)
      assert.match(entry, /^claim builder ed25519:[0-9a-f]{64} - \d+ nix the store's database$/m)
    }))

  for (const [name, { act, reason }] of Object.entries(ATTACKS)) {
    test(`${version}: attack: an output from elsewhere with ${name}`, () =>
      withWorld(version, {}, async world => {
        const at = await withElsewhere(world)
        await act(world, at)
        await assertRefusedBeforeBuild(world, at.top, reason)
        assert.equal(isInLedger(world, at.bottom), false)
      }))
  }

  test(`${version}: attack: an output from elsewhere is not one of this machine's own`, () =>
    withWorld(version, {}, async world => {
      const { top } = await withElsewhere(world, 'require.output = "self"\n')
      await assertRefusedBeforeBuild(world, top, /bottom \(output\).*needs to be built by this machine/)
    }))

  test(`${version}: attack: a good signature does not make up for a derivation that is refused`, () =>
    withWorld(version, {}, async world => {
      const { cache, bottom, below, top } = await withElsewhere(world)
      await signPaths(world, cache, bottom, below)
      const demand =
        '[[rules]]\nmatch = { name = "bottom", kind = "derivation" }\nrequire.derivation = "refuse"\n'
      await setPolicy(
        world,
        policyText({ cache: [cache] }, `${demand}${byDefault('nothing', 'nothing', 'cache')}`),
      )
      const reason =
        /bottom \(output\).*its input \S*bottom\.drv \(derivation\) is refused: the rule refuses it/
      await assertRefusedBeforeBuild(world, top, reason)
    }))

  test(`${version}: an output whose derivation is unknown passes only where the rule says so`, () =>
    withWorld(version, {}, async world => {
      const { cache, bottom, below } = await withElsewhere(world)
      await signPaths(world, cache, bottom, below)
      const drvs = (await world.output(`nix-store -q --deriver ${bottom} ${below}`)).replace('\n', ' ')
      await world.output(`nix-store --delete --ignore-liveness $(nix-store -q --referrers-closure ${drvs})`)
      assert.equal(await world.output('ls /nix/store | grep -c bottom.drv$ || true'), '0')
      const unknown = await world.run(`/opt/nixsig/nixsig verify ${bottom}`)
      assert.equal(unknown.status, 20)
      assert.match(unknown.stdout, /undecided.*\n.*its derivation is not in this store/)

      const rule =
        '[[rules]]\nmatch.name = "b*"\nrequire.output = "cache"\naccept-unknown-derivation = true\n'
      await setPolicy(
        world,
        policyText({ cache: [cache] }, `${rule}${byDefault('nothing', 'nothing', 'self')}`),
      )
      assert.match(
        await world.output(`/opt/nixsig/nixsig verify ${bottom}`),
        /^trusted .*vouched for by cache$/m,
      )
    }))
}
