// `nixsig status` on a machine with a mix of paths, in warn mode and once enforced: what it counts
// is what `nixsig verify` refuses.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CachedPath, cachedPath, writeCache } from '../support/cache-of-many.ts'
import * as nix from '../support/expressions.ts'
import { stock } from '../support/gated-world.ts'
import { BUILDER, STRANGER, withGuardedWorld } from '../support/guarded-world.ts'
import { ATTESTATIONS, built, POLICY, publish } from '../support/trust.ts'
import { VERSIONS, type World } from '../support/world.ts'

interface Told {
  readonly mode: string
  readonly respite: { readonly reason: string } | null
  readonly doors: { readonly closed: number; readonly open: readonly string[] } | null
  readonly caches: readonly { readonly answered: number | null; readonly failed: { detail: string } | null }[]
  readonly paths: Readonly<Record<'roots' | 'let_in' | 'judged' | 'trusted' | 'refused' | 'unjudged', number>>
  readonly groups: readonly { readonly code: string; readonly paths: readonly { readonly path: string }[] }[]
  readonly with_ledger: boolean
}

async function statusOf(world: World, args = ''): Promise<Told> {
  const { stdout, stderr } = await world.run(`/opt/nixsig/nixsig status --json ${args}`)
  assert.ok(stdout.startsWith('{'), stdout + stderr)
  return JSON.parse(stdout) as Told
}

/** What `verify` refuses of these paths and all that they refer to. */
async function refusedByVerify(world: World, paths: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await world.run(
    `/opt/nixsig/nixsig verify --recursive --no-contents --json ${paths.join(' ')}`,
  )
  const all = stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as { path: string; outcome: string })
  return all.filter(({ outcome }) => outcome !== 'trusted').map(({ path }) => path)
}

function refusedIn({ groups }: Told): readonly string[] {
  return groups.flatMap(({ paths }) => paths.map(({ path }) => path)).sort()
}

function edited(world: World, change: (toml: string) => string): void {
  world.write(POLICY, change(world.read(POLICY)))
}

for (const version of VERSIONS) {
  test(`${version}: it counts what verify refuses, by cause, and the count shrinks`, () =>
    withGuardedWorld(version, async ({ world, upstream, gate }) => {
      edited(world, toml => toml.replace(/^mode = .*$/m, 'mode = "warn"'))
      const good = cachedPath('good', 'good\n', [BUILDER])
      const strange = cachedPath('strange', 'strange\n', [STRANGER])
      const copied = cachedPath('copied', 'copied\n', [])
      const lost = cachedPath('lost', 'lost\n', [])
      stock(upstream, good, strange)
      writeCache(world.path('/srv/cache'), [copied, lost])
      const fetch = ({ path }: CachedPath) =>
        world.output(`nix-store --realise --add-root /root/${path.slice(44)} --indirect ${path}`)
      for (const one of [good, strange]) await fetch(one)
      for (const { path } of [copied, lost])
        await world.output(
          `nix --experimental-features nix-command copy --no-check-sigs --from file:///srv/cache ${path}`,
        )
      world.write('/root/own.nix', nix.derivation('own'))
      const own = await world.output('nix-build -o result own.nix')

      const first = await statusOf(world)
      const used = [good, strange, copied, lost].map(({ path }) => path)
      const verified = await refusedByVerify(world, [...used, own])
      assert.deepEqual(refusedIn(first), [...verified].sort())
      assert.deepEqual(
        first.groups.map(({ code, paths }) => [code, paths.length]),
        [
          ['unlisted-signer', 1],
          ['unsigned-derivation', 1],
          ['unsigned-output', 2],
        ],
      )
      assert.deepEqual(
        { ...first.paths },
        { roots: 3, let_in: 4, judged: 5, trusted: 1, refused: 4, unjudged: 0 },
      )
      assert.equal(first.mode, 'warn')
      assert.ok(first.caches[0]?.answered)
      assert.ok((first.doors?.closed ?? 0) > 20, JSON.stringify(first.doors))

      const shown = await world.run('/opt/nixsig/nixsig status')
      assert.equal(shown.status, 11, shown.stdout + shown.stderr)
      assert.match(shown.stdout, /^mode {6}warn: nothing is refused\nversion {3}\d/)
      assert.match(shown.stdout, /^doors {5}\d+ closed, \d+ open/m)
      assert.match(shown.stdout, /^caches {4}http:\S+: answered /m)
      assert.match(
        shown.stdout,
        /^signatures that name stranger-1, whose key the policy does not list \(1\):$/m,
      )
      assert.match(shown.stdout, /^ {2}next: nixsig adopt \$\(nixsig status --refused unsigned-output\)$/m)
      assert.match(shown.stdout, /\n4 of 5 paths would be refused now\n$/)
      for (const line of shown.stdout.split('\n'))
        assert.ok(line.length <= 80 || /\/nix\/store|http/.test(line), line)
      const listed = await world.run('/opt/nixsig/nixsig status --refused unsigned-output')
      assert.deepEqual(listed.stdout.trim().split('\n').sort(), [copied.path, lost.path].sort())

      // A plain user sees less, and is told so.
      const alice = await world.run('/opt/nixsig/nixsig status', { user: 'alice' })
      assert.match(alice.stdout, /^doors {5}only root can look at them: nixsig doctor$/m)
      assert.match(alice.stdout, /judged without the ledger/)

      // Enforced: the same count. What is gone from the store or trusted now counts no longer.
      const enforced = await world.output('/opt/nixsig/nixsig enforce')
      assert.match(enforced, /^4 of 5 paths would be refused now$/m)
      assert.match(enforced, /^outputs that not enough people signed \(2\):$/m)
      await world.output(`nix-store --delete ${lost.path}`)
      await world.output(`mkdir -p ${ATTESTATIONS}`)
      publish(
        world,
        copied.path,
        built(BUILDER, copied, `/nix/store/0123456789abcdfghijklmnpqrsvwxyz-copied.drv`),
      )
      edited(world, toml =>
        toml.replace(`"${BUILDER.publicKey}"`, `"${BUILDER.publicKey}", "${STRANGER.publicKey}"`),
      )
      const last = await statusOf(world)
      assert.deepEqual([last.mode, last.paths.judged, refusedIn(last)], ['enforce', 4, [own]])
      await world.output('/opt/nixsig/nixsig warn --until 1h --reason testing')
      const respite = await statusOf(world)
      assert.deepEqual([respite.mode, respite.respite?.reason], ['enforce', 'testing'])
      assert.match(
        (await world.run('/opt/nixsig/nixsig status')).stdout,
        /^mode {6}enforce, but nothing is refused until \S+, for (1 h|60 min)\s+more: testing$/m,
      )

      // A cache that went away is told.
      await upstream.close()
      await world.run(`nix-store --realise ${cachedPath('none', 'none\n', []).path}`)
      const [cache] = (await statusOf(world)).caches
      assert.match(cache?.failed?.detail ?? '', /refused|connect/i)
      assert.ok(gate.log() !== '')
    }))
}
