// `nixsig audit` with real Nix: what it finds is what `nixsig verify` and the files on the disk say,
// and what falls without somebody is what is refused once their key is revoked.
import assert from 'node:assert/strict'
import { basename } from 'node:path'
import { test } from 'node:test'
import { commandsOf } from '../docs/markdown.ts'
import { runAll } from '../docs/page.ts'
import { everyBlockWasRun } from '../docs/ran.ts'
import { type CachedPath, cachedPath, writeCache } from '../support/cache-of-many.ts'
import * as nix from '../support/expressions.ts'
import { stock } from '../support/gated-world.ts'
import { BUILDER, STRANGER, withGuardedWorld } from '../support/guarded-world.ts'
import { assertSchema } from '../support/schema.ts'
import { POLICY } from '../support/trust.ts'
import { OLDEST, type World } from '../support/world.ts'

const PAGE = 'docs/how-to/audit.md'

interface Told {
  readonly time: number
  readonly paths: readonly {
    readonly path: string
    readonly part: string
    readonly outcome: string
    readonly let_in: boolean
    readonly built_here: boolean
    readonly derivation: number | null
  }[]
  readonly keys: readonly { readonly identity: string; readonly falls: readonly number[] }[]
  readonly principals: readonly { readonly name: string; readonly falls: readonly number[] }[]
  readonly weakest: { readonly key: number; readonly falls: number } | null
  readonly exemptions: readonly { readonly paths: readonly number[] }[]
  readonly ends: readonly {
    readonly kind: string
    readonly what: string
    readonly falls: readonly number[]
  }[]
  readonly disk: {
    readonly unregistered: readonly { readonly name: string; readonly size: number | null }[]
    readonly differing: readonly { readonly path: number }[]
    readonly missing: readonly number[]
  }
  readonly changes?: Readonly<Record<'newly_refused' | 'appeared' | 'new_exemptions', readonly number[]>>
}

async function auditOf(world: World, args = '--store'): Promise<Told> {
  const { stdout, stderr } = await world.run(`/opt/nixsig/nixsig audit --json ${args}`)
  assert.ok(stdout.startsWith('{'), stdout + stderr)
  assertSchema('audit', stdout)
  return JSON.parse(stdout) as Told
}

function edited(world: World, change: (toml: string) => string): void {
  world.write(POLICY, change(world.read(POLICY)))
}

const inMode = (mode: string) => (toml: string) => toml.replace(/^mode = .*$/m, `mode = "${mode}"`)

/** What `verify` refuses of all that the store has. */
async function refusedByVerify(world: World): Promise<readonly string[]> {
  const all = await world.output('nix --extra-experimental-features nix-command path-info --all')
  const { stdout } = await world.run(
    `/opt/nixsig/nixsig verify --no-contents --json ${all.replaceAll('\n', ' ')}`,
  )
  const lines = stdout.trim().split('\n')
  const judged = lines.map(line => JSON.parse(line) as { path: string; outcome: string })
  return judged
    .filter(({ outcome }) => outcome !== 'trusted')
    .map(({ path }) => path)
    .sort()
}

function refusedIn({ paths }: Told): readonly string[] {
  return paths
    .filter(({ outcome }) => outcome !== 'trusted')
    .map(({ path }) => path)
    .sort()
}

function named({ paths }: Told, places: readonly number[] = []): readonly string[] {
  return places.map(place => paths[place]?.path ?? '').sort()
}

function withoutTime({ time: _, ...rest }: Told): object {
  return rest
}

const FETCH = ({ path }: CachedPath) =>
  `nix-store --realise --add-root /root/${path.slice(44)} --indirect ${path}`
const COPY = 'nix --extra-experimental-features nix-command copy --no-check-sigs --from file:///srv/cache'

for (const version of OLDEST) {
  test(`${version}: it finds what verify and the disk say, and what falls is what a revocation refuses`, () =>
    withGuardedWorld(version, async ({ world, upstream, attest, instantiate }) => {
      const good = cachedPath('good', 'good\n', [BUILDER])
      const above = cachedPath('above', `${good.path}\n`, [BUILDER], { references: [good.path] })
      stock(upstream, good, above)
      await world.output(`${FETCH(above)} && ln -s ${above.path} /root/result`)
      const { drv, out } = await instantiate('own', nix.withInputs('own', [nix.derivation('dep')]))
      await attest(drv)
      await world.output(`nix-store --realise --add-root /root/own --indirect ${drv}`)

      await world.output('mkdir -p /usr/local/bin && ln -s /opt/nixsig/nixsig /usr/local/bin/nixsig')
      // Everything is trusted: the page's commands end with 0.
      await runAll(world, commandsOf(PAGE))
      const first = await auditOf(world)
      assert.deepEqual(refusedIn(first), [])
      const [own] = first.paths.filter(({ path }) => path === out)
      assert.equal(own?.built_here, true)
      assert.equal(first.paths[own?.derivation ?? -1]?.path, drv)
      assert.deepEqual((await auditOf(world)).paths, first.paths)
      // Asked for alone, it comes with what it was made of.
      const alone = await auditOf(world, out)
      const requisites = (await world.output(`nix-store --query --requisites ${out}`)).split('\n').sort()
      const closure = alone.paths.filter(({ part }) => part === 'closure').map(({ path }) => path)
      assert.deepEqual([...closure].sort(), requisites)
      assert.ok(alone.paths.some(({ path, part }) => path === drv && part === 'making'))

      // What falls is what is refused without the key: by the record of this machine, a revocation.
      for (const name of ['builder', 'packager']) {
        const falls = named(first, first.principals.find(one => one.name === name)?.falls)
        assert.ok(falls.length > 0, name)
        const before = world.read(POLICY)
        world.write(
          POLICY,
          `${before}\n[[revocations]]\nprincipal = "${name}"\ndate = 2020-01-01\nreason = "a test"\n`,
        )
        assert.deepEqual(await refusedByVerify(world), falls, name)
        assert.deepEqual(refusedIn(await auditOf(world)), falls, name)
        world.write(POLICY, before)
      }
      const weakest = first.keys[first.weakest?.key ?? -1]
      assert.equal(weakest?.falls.length, Math.max(...first.keys.map(({ falls }) => falls.length)))
      await world.output('/opt/nixsig/nixsig audit --store --json > /root/monday.json')

      // Refused, let in with a warning, exempt.
      edited(world, inMode('warn'))
      const strange = cachedPath('strange', 'strange\n', [STRANGER])
      const exempt = cachedPath('exempt', 'exempt\n', [STRANGER])
      writeCache(world.path('/srv/cache'), [strange, exempt])
      await world.output(`${COPY} ${strange.path} ${exempt.path}`)
      edited(world, inMode('enforce'))
      const soon = new Date(Date.now() + 10 * 86_400_000).toISOString().slice(0, 10)
      edited(
        world,
        toml => `${toml}\n[[exemptions]]\npath = "${exempt.path}"\nreason = "a test"\nuntil = ${soon}\n`,
      )
      const since = await auditOf(world, '--store --since /root/monday.json')
      assert.deepEqual(refusedIn(since), [strange.path])
      assert.deepEqual(refusedIn(since), await refusedByVerify(world))
      assert.deepEqual(named(since, since.changes?.appeared), [exempt.path, strange.path].sort())
      assert.deepEqual(since.changes?.newly_refused, [])
      assert.equal(since.changes?.new_exemptions.length, 1)
      assert.deepEqual(
        since.exemptions.map(({ paths }) => named(since, paths)),
        [[exempt.path]],
      )
      assert.deepEqual(
        since.ends.map(({ kind, falls }) => [kind, named(since, falls)]),
        [['exemption', [exempt.path]]],
      )
      assert.ok(since.paths.find(({ path }) => path === strange.path)?.let_in)
      const failing = async (on: string, more = '') =>
        (await world.run(`/opt/nixsig/nixsig audit --store --fail-on ${on} ${more}`)).status
      assert.equal(await failing('refused,undecided'), 1)
      assert.equal(await failing('undecided,unregistered,missing'), 0)
      assert.equal(await failing('new-refused', '--since /root/monday.json'), 1)
      assert.equal(await failing('ends'), 1)
      assert.equal(await failing('new-refused'), 2)
      assert.equal(await failing('differing'), 2)
      assert.equal(await failing('nonsense'), 2)
      const shown = await world.run('/opt/nixsig/nixsig audit --store --since /root/monday.json')
      assert.equal(shown.status, 11, shown.stdout + shown.stderr)
      assert.match(
        shown.stdout,
        /^signatures that name stranger-1, whose key the policy does not list \(1\):$/m,
      )
      assert.match(shown.stdout, /^exemptions {2}line \d+, until \S+: 1 path \(.?a test.?\)$/m)
      assert.match(shown.stdout, /^let in {6}\S+-strange$/m)
      assert.match(shown.stdout, /^ {2}new \(2\): /m)

      // The disk: what nobody registered, what was changed, what is gone.
      const kept = await auditOf(world)
      world.write('/nix/store/0123456789abcdfghijklmnpqrsvwxyz-stray', 'nobody registered it')
      await world.output(`chmod u+w ${above.path} && echo changed >> ${above.path}`)
      await world.output(`rm -r ${strange.path}`)
      const disk = (await auditOf(world, '--store --contents')).disk
      assert.deepEqual(disk.unregistered, [{ name: '0123456789abcdfghijklmnpqrsvwxyz-stray', size: 20 }])
      assert.deepEqual(
        disk.differing.map(({ path }) => kept.paths[path]?.path),
        [above.path],
      )
      assert.deepEqual(named(kept, disk.missing), [strange.path])
      assert.equal(await failing('differing', '--contents'), 1)
      assert.equal(await failing('unregistered'), 1)

      // A plain user learns what he may read, and is told what he cannot.
      const alice = await world.run('/opt/nixsig/nixsig audit --json --store', { user: 'alice' })
      assertSchema('audit', alice.stdout)
      assert.match(alice.stderr, /is root's alone, so nothing is known here of what this machine built/)
      assert.ok(refusedIn(JSON.parse(alice.stdout) as Told).map(path => basename(path)).length > 0)
      assert.deepEqual(withoutTime(await auditOf(world)), withoutTime(await auditOf(world)))
    }))
}

everyBlockWasRun('e2e/audit')
