// What a build is made from, by how it came into the store, and the kinds of derivations that
// cannot be judged.
// needs: both-judges
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as nix from '../support/expressions.ts'
import {
  assertBuilt,
  assertRefusedBeforeBuild,
  instantiate,
  isInLedger,
  nixBuild,
  quarantined,
} from '../support/scene.ts'
import {
  byDefault,
  contentsOf,
  packaged,
  policyText,
  publish,
  type Signer,
  setPolicy,
  signer,
} from '../support/trust.ts'
import { JUDGED_WITH_NIX, type World, withWorld } from '../support/world.ts'

async function withAlice(world: World, rest: string): Promise<Signer> {
  const alice = signer('alice')
  await setPolicy(world, policyText({ alice: [alice] }, rest))
  return alice
}

/** Everything valid in the store that has one of these names. */
function named(world: World, name: string): Promise<string> {
  return world.output([
    'sqlite3',
    '/nix/var/nix/db/db.sqlite',
    `select path from ValidPaths where path like '%-${name}'`,
  ])
}

/** Expressions that put something into the store while they are evaluated. */
const LOCAL: Readonly<Record<string, string>> = {
  'a file by its path': '/srv/local/file.txt',
  'a directory by its path': '/srv/local',
  'a text written by the expression': nix.toFile('local', 'the text\n'),
  'a filtered directory': '(builtins.path { path = /srv/local; name = "local"; filter = _: _: true; })',
}

const FEATURES = 'nix-command flakes ca-derivations impure-derivations'

/** Attributes of derivations whose outputs no .drv names, and what is said of them. */
const KINDS: Readonly<Record<string, readonly [Readonly<Record<string, string>>, RegExp]>> = {
  'content-addressed': [
    { __contentAddressed: 'true', outputHashMode: '"recursive"', outputHashAlgo: '"sha256"' },
    /it is a content-addressed derivation, a kind that cannot be judged/,
  ],
  impure: [{ __impure: 'true' }, /it is an impure derivation, a kind that cannot be judged/],
}

/** Local sources need nobody, and fetched ones alice; or the other way round. */
function byKind(local: string, fetched: string): string {
  const rule = (kind: string, need: string) =>
    `[[rules]]\nmatch = { name = "*", kind = "${kind}" }\nrequire.source = "${need}"\n`
  return rule('local-source', local) + rule('fetched-source', fetched) + byDefault('alice', 'nothing', 'self')
}

for (const version of JUDGED_WITH_NIX) {
  test(`${version}: attack: anybody's derivation that fetches the same tree does not make a local source a fetched one`, () =>
    withWorld(version, {}, async world => {
      world.write('/srv/lib.sh', 'echo lib\n')
      const source = await world.output('nix-store --add /srv/lib.sh')
      const hash = await world.output(`nix-hash --type sha256 ${source}`)
      const attributes = {
        outputHashMode: '"recursive"',
        outputHashAlgo: '"sha256"',
        outputHash: `"${hash}"`,
      }
      const { out } = await instantiate(world, nix.derivation('lib.sh', { attributes }))
      assert.equal(out, source)
      for (const [local, fetched, status] of [
        ['nothing', 'alice', 0],
        ['alice', 'nothing', 10],
      ] as const) {
        await withAlice(world, byKind(local, fetched))
        const verdict = await world.run(['/opt/nixsig/nixsig', 'verify', source])
        assert.equal(verdict.status, status, verdict.stdout)
        assert.match(verdict.stdout, /\(local source\)/)
      }
    }))

  test(`${version}: attack: what its name proves to be fetched is no local source, though a derivation lists it as one`, () =>
    withWorld(version, {}, async world => {
      await withAlice(world, byKind('nothing', 'alice'))
      world.write('/srv/evil.sh', 'echo evil\n')
      const source = await world.output('nix-store --add-fixed sha256 /srv/evil.sh')
      const { out } = await instantiate(world, nix.withInputs('user', [`(builtins.storePath ${source})`]))
      const reason = /evil\.sh \(fetched source\) under rule .*needs alice for its source, found no signature/
      await assertRefusedBeforeBuild(world, out, reason)
    }))

  for (const [what, expression] of Object.entries(LOCAL)) {
    test(`${version}: ${what} is a source: refused unsigned, built from signed`, () =>
      withWorld(version, {}, async world => {
        const alice = await withAlice(world, byDefault('alice', 'nothing', 'self'))
        world.write('/srv/local/file.txt', 'local\n')
        const { drv, out } = await instantiate(world, nix.withInputs('user', [expression]))
        const source = await world.output(`nix-store -q --references ${drv}`)
        const reason = new RegExp(
          `${source} \\(local source\\).*needs alice for its source, found no signature`,
        )
        await assertRefusedBeforeBuild(world, out, reason)
        publish(world, source, packaged(alice, await contentsOf(world, source)))
        await assertBuilt(world)
        assert.equal(isInLedger(world, source), true)

        // Another text under the same name is another path, and nobody signed it.
        world.write('/srv/local/file.txt', 'altered\n')
        const altered = await instantiate(
          world,
          nix.withInputs('user', [expression.replace('the text', 'another text')]),
        )
        await assertRefusedBeforeBuild(world, altered.out, /local source.*needs alice for its source/)
      }))
  }

  test(`${version}: a directory with a fixed output hash: refused unsigned, made when signed`, () =>
    withWorld(version, {}, async world => {
      const alice = await withAlice(world, byDefault('alice', 'nothing', 'self'))
      world.write('/srv/tree/a/b', 'text\n')
      const narHash = (await world.output('nix-store --dump /srv/tree | sha256sum')).slice(0, 64)
      const attributes = {
        outputHashMode: '"recursive"',
        outputHashAlgo: '"sha256"',
        outputHash: `"${narHash}"`,
      }
      const build = 'mkdir -p $out/a; echo text > $out/a/b'
      const { out } = await instantiate(world, nix.derivation('tree', { build, attributes }))
      await assertRefusedBeforeBuild(world, out, /tree \(fetched source\).*needs alice for its source/)
      publish(world, out, packaged(alice, { path: out, narHash }))
      await assertBuilt(world)
      assert.equal(isInLedger(world, out), true)
    }))

  for (const [kind, [attributes, reason]] of Object.entries(KINDS)) {
    test(`${version}: ${kind} derivations are refused, and so is what is built from them`, () =>
      withWorld(version, { nixConf: { 'experimental-features': FEATURES } }, async world => {
        await withAlice(world, byDefault('nothing', 'nothing', 'self'))
        const odd = nix.derivation('odd', { attributes })
        const above = { ...(kind === 'impure' ? { __impure: 'true' } : {}) }
        for (const expression of [odd, nix.derivation('above', { inputs: [odd], attributes: above })]) {
          world.write('/srv/x.nix', expression)
          const { status, stderr } = await nixBuild(world)
          assert.notEqual(status, 0)
          assert.match(stderr, /unknown pre-build hook command 'nixsig: refused \S*odd\.drv \(derivation\)/)
          assert.match(stderr, reason)
          assert.equal(`${await named(world, 'odd')}${await named(world, 'above')}`, '')
        }
        const drv = await world.output('nix-instantiate /srv/x.nix 2>/dev/null')
        const asked = await world.run(['/opt/nixsig/pre-build-hook', drv])
        assert.equal(asked.status, 1)
        assert.match(asked.stderr, /a kind that cannot be judged/)
      }))
  }

  test(`${version}: a content-addressed output that no hook stopped before leaves the store after`, () =>
    withWorld(version, { nixConf: { 'experimental-features': FEATURES } }, async world => {
      await withAlice(world, byDefault('nothing', 'nothing', 'self'))
      const [attributes, reason] = KINDS['content-addressed'] ?? [{}, /never/]
      world.write('/srv/x.nix', nix.derivation('odd', { attributes }))
      for (const times of [1, 2]) {
        assert.notEqual((await nixBuild(world, "--option pre-build-hook ''")).status, 0)
        assert.equal(await named(world, 'odd'), '')
        const entries = await quarantined(world)
        assert.equal(entries.length, times)
        for (const entry of entries) assert.match(entry.reason, reason)
      }
    }))

  test(`${version}: an impure output that no hook stopped before fails its build, and is admitted for no other`, () =>
    withWorld(version, { nixConf: { 'experimental-features': FEATURES } }, async world => {
      await withAlice(world, byDefault('alice', 'nothing', 'self'))
      world.write('/srv/x.nix', nix.derivation('odd', { attributes: { __impure: 'true' } }))
      const refused = await nixBuild(world, "--option pre-build-hook ''")
      assert.notEqual(refused.status, 0)
      assert.match(refused.stderr, /it is an impure derivation, a kind that cannot be judged/)
      // The store does not tell a hook what an impure derivation made: its output stays, and is
      // nothing.
      const path = await named(world, 'odd')
      assert.equal(isInLedger(world, path), false)
      const { out } = await instantiate(world, nix.withInputs('user', [`(builtins.storePath ${path})`]))
      await assertRefusedBeforeBuild(world, out, /odd \(local source\).*needs alice for its source/)
    }))

  test(`${version}: what a build refers to by a name of its own making is no input that hides`, () =>
    withWorld(version, {}, async world => {
      const alice = await withAlice(world, byDefault('alice', 'nothing', 'self'))
      const inner = nix.derivation('inner', { inputs: [nix.toFile('hidden', 'nobody signed this')] })
      const { out } = await instantiate(world, nix.withInputs('outer', [inner, nix.toFile('seen', 'seen\n')]))
      world.write('/srv/seen', 'seen\n')
      const seen = await world.output('ls -d /nix/store/*-seen')
      publish(world, seen, packaged(alice, await contentsOf(world, seen)))
      await assertRefusedBeforeBuild(world, out, /-hidden \(local source\).*needs alice for its source/)
    }))
}

test('sid: dynamic derivations are refused by both hooks', () =>
  withWorld(
    'sid',
    { nixConf: { 'experimental-features': `${FEATURES} dynamic-derivations` } },
    async world => {
      await withAlice(world, byDefault('nothing', 'nothing', 'self'))
      const attributes = { __contentAddressed: 'true', outputHashMode: '"text"', outputHashAlgo: '"sha256"' }
      const maker = nix.derivation('made.drv', { attributes })
      const made = `(builtins.outputOf (${maker}).outPath "out")`
      world.write('/srv/x.nix', nix.derivation('above', { inputs: [made] }))
      const { status, stderr } = await nixBuild(world)
      assert.notEqual(status, 0)
      assert.match(
        stderr,
        /made\.drv\.drv \(derivation\).*a content-addressed derivation, a kind that cannot be/,
      )
      assert.equal(await named(world, 'above'), '')

      const drv = await world.output('nix-instantiate /srv/x.nix 2>/dev/null')
      assert.match(world.read(drv), /^DrvWithVersion\("xp-dyn-drv"/)
      for (const [hook, options] of [
        [['/opt/nixsig/pre-build-hook', drv], {}],
        [['/opt/nixsig/post-build-hook'], { env: { DRV_PATH: drv } }],
      ] as const) {
        const asked = await world.run(hook, options)
        assert.equal(asked.status, 1)
        assert.match(
          asked.stderr,
          /above\.drv \(derivation\).*a dynamic derivation, a kind that cannot be judged/s,
        )
      }
    },
  ))
