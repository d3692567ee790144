// What was signed since the ledger admitted a path: an audit counts it, however it came, and only as
// long as it is there. Whose signatures the store has is counted once more by Nix.
// takes: 1 minute
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { attestationFile, narinfoFile } from '../../src/evidence/attestation-file.ts'
import { printNixSecretKey } from '../../src/formats/nix/nix-key.ts'
import { cachedPath, writeCache } from '../support/cache-of-many.ts'
import {
  ATTESTATIONS,
  built,
  policyText,
  publish,
  type Signer,
  setPolicy,
  sha256,
  signer,
} from '../support/trust.ts'
import { NEWEST, type World, withWorld } from '../support/world.ts'

const BEN = signer('ben')
const BEA = signer('bea')
/** Another key by the name of hers. */
const FALSE_BEA = { ...signer('stranger'), key: { ...signer('stranger').key, name: BEA.key.name } }
const NIX = 'nix --extra-experimental-features nix-command'
const KEPT = '/var/lib/nixsig/audit/kept'
/** What has changed last is not kept: see kept.ts. */
const SETTLED_MS = 2500

const NAMES = ['none', 'store', 'attested', 'narinfo', 'false', 'other'] as const
const PATHS = NAMES.map(name => cachedPath(name, `${name}\n`, [BEN]))
const at = (name: (typeof NAMES)[number]) => {
  const path = PATHS[NAMES.indexOf(name)]
  assert.ok(path)
  return path
}

interface Told {
  readonly paths: readonly { readonly path: string; readonly claims: readonly { readonly key: number }[] }[]
  readonly keys: readonly { readonly label: string; readonly falls: readonly number[] }[]
  readonly shares: readonly { readonly kind: string; readonly role: string; readonly signed: number }[]
}

/** By whom each path is signed, and the paths that fall without ben, as an audit tells. */
async function auditIn(world: World) {
  const { stdout, stderr } = await world.run('/opt/nixsig/nixsig audit --store --json')
  assert.ok(stdout.startsWith('{'), stdout + stderr)
  const { paths, keys, shares } = JSON.parse(stdout) as Told
  const named = (path: string) => NAMES[PATHS.findIndex(one => one.path === path)] ?? path
  const signers = paths.map(
    ({ path, claims }) =>
      [
        named(path),
        claims
          .map(({ key }) => keys[key]?.label)
          .sort()
          .join(' '),
      ] as const,
  )
  const falls = keys.find(({ label }) => label.startsWith('ben'))?.falls ?? []
  return {
    signers: Object.fromEntries(signers),
    falls: falls.map(place => named(paths[place]?.path ?? '')).sort(),
    signed: shares.find(({ kind, role }) => kind === 'output' && role === 'builder')?.signed,
  }
}

/** The same, whether or not something is kept, and once more by what was kept of that. */
async function audited(world: World) {
  const first = await auditIn(world)
  await wait(SETTLED_MS)
  rmSync(world.path(KEPT), { force: true })
  assert.deepEqual(await auditIn(world), first, 'anew')
  assert.deepEqual(await auditIn(world), first, 'by what is kept')
  return first
}

async function sign(world: World, by: Signer, path: string): Promise<void> {
  world.write('/root/secret', printNixSecretKey(by.key), 0o600)
  await world.output(`${NIX} store sign -k /root/secret ${path}`)
}

/** Of which of the paths the store has a signature by this key, as Nix says. */
async function signedByNix(world: World, { publicKey }: Signer): Promise<readonly string[]> {
  const signed: string[] = []
  for (const [place, { path }] of PATHS.entries()) {
    const { status } = await world.run(
      `${NIX} store verify --no-contents --sigs-needed 1 --option trusted-public-keys ${publicKey} ${path}`,
    )
    if (status === 0) signed.push(NAMES[place] ?? '')
  }
  return signed
}

for (const version of NEWEST) {
  test(`${version}: what was signed since a path was admitted counts while it is there`, t =>
    withWorld(version, { resident: 'none' }, async world => {
      const builders = 'members = ["ben", "bea"]\nthreshold = 1'
      const rest = `[groups.builders]\n${builders}\n[default]\nrequire = { source = "nothing", derivation = "nothing", output = "builders" }\naccept-unknown-derivation = true\n`
      await setPolicy(world, policyText({ ben: [BEN], bea: [BEA] }, rest))
      writeCache(`${world.path('/srv')}/cache`, PATHS)
      const all = PATHS.map(({ path }) => path).join(' ')
      await world.output(
        `nix-store --realise --option substituters file:///srv/cache --option require-sigs false ${all}`,
      )
      await world.output(`/opt/nixsig/nixsig adopt ${all}`)
      const alone = Object.fromEntries(NAMES.map(name => [name, 'ben-1']))
      const both = (...names: readonly string[]) =>
        Object.fromEntries(NAMES.map(name => [name, names.includes(name) ? 'bea-1 ben-1' : 'ben-1']))

      await t.test('before', async () => {
        assert.deepEqual(await audited(world), { signers: alone, falls: [...NAMES].sort(), signed: 6 })
      })
      await t.test("a signature in the store's database, as Nix counts them", async () => {
        await sign(world, BEA, at('store').path)
        const { signers, falls } = await audited(world)
        assert.deepEqual(signers, both('store'))
        assert.deepEqual(
          Object.keys(signers).filter(name => signers[name]?.includes('bea')),
          await signedByNix(world, BEA),
        )
        assert.ok(!falls.includes('store'))
      })
      await t.test('an attestation, and a narinfo beside attestations', async () => {
        const { path, narHash } = at('attested')
        publish(world, path, built(BEA, { path, narHash }, `${path}.drv`))
        world.write(
          narinfoFile(ATTESTATIONS, at('narinfo').path),
          cachedPath('narinfo', 'narinfo\n', [BEA]).narinfo,
        )
        assert.deepEqual((await audited(world)).signers, both('store', 'attested', 'narinfo'))
      })
      await t.test('attack: a signature by another key under the name of a listed one', async () => {
        await sign(world, FALSE_BEA, at('false').path)
        assert.deepEqual((await audited(world)).signers, both('store', 'attested', 'narinfo'))
        // The true one, beside it.
        await sign(world, BEA, at('false').path)
        const { signers } = await audited(world)
        assert.deepEqual(signers, both('store', 'attested', 'narinfo', 'false'))
      })
      await t.test('attack: attestations that cannot be read', async () => {
        world.write(attestationFile(ATTESTATIONS, at('false').path), 'not an envelope\n')
        assert.deepEqual((await audited(world)).signers, both('store', 'attested', 'narinfo', 'false'))
      })
      await t.test('a verdict that was kept rests on what is there no more', async () => {
        rmSync(world.path(attestationFile(ATTESTATIONS, at('attested').path)))
        rmSync(world.path(narinfoFile(ATTESTATIONS, at('narinfo').path)))
        assert.deepEqual((await audited(world)).signers, both('store', 'false'))
      })
      await t.test('an attestation about other contents is no signature of these', async () => {
        const { path } = at('other')
        publish(world, path, built(BEA, { path, narHash: sha256('other') }, `${path}.drv`))
        assert.deepEqual((await audited(world)).signers, both('store', 'false'))
      })
    }))
}
