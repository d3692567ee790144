// An audit of a generated store of 10,000 outputs: its counts are those of Nix and of what the store
// was made from, and what falls is sampled by really revoking somebody in a copy of the policy.
// takes: 3 minutes
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withMany } from '../support/stores/many.ts'
import { NEWEST, type World } from '../support/world.ts'

interface Audit {
  readonly paths: readonly {
    readonly path: string
    readonly part: string
    readonly nar_size: number
    readonly outcome: string
    readonly references: readonly number[]
  }[]
  readonly principals: readonly { readonly name: string; readonly falls: readonly number[] }[]
  readonly groups: readonly { readonly code: string; readonly paths: readonly number[] }[]
  readonly exemptions: readonly { readonly paths: readonly number[] }[]
  readonly unjudged: number
}

async function passing(world: World, paths: readonly string[], policy: string): Promise<ReadonlySet<string>> {
  const { stdout, stderr } = await world.run(
    `/opt/nixsig/nixsig verify --no-contents --json --policy ${policy} ${paths.join(' ')}`,
  )
  const verdicts = stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as { readonly path: string; readonly outcome: string })
  assert.equal(verdicts.length, paths.length, stderr)
  return new Set(verdicts.filter(({ outcome }) => outcome === 'trusted').map(({ path }) => path))
}

for (const version of NEWEST) {
  test(`${version}: the counts of an audit of 10,000 paths are those of Nix`, t =>
    withMany(version, async ({ world, root, outputs, signers, policy }) => {
      const { stdout, stderr } = await world.run(`/opt/nixsig/nixsig audit --json ${root}`, {
        timeout: 400_000,
      })
      assert.ok(stdout.startsWith('{'), stdout + stderr)
      const audit = JSON.parse(stdout) as Audit
      const closure = audit.paths.filter(({ part }) => part === 'closure')
      const named = (places: readonly number[]) => places.map(place => audit.paths[place]?.path ?? '?').sort()
      assert.equal(audit.unjudged, 0)

      await t.test('paths and sizes, as Nix has them', async () => {
        const stated = (await world.output(`nix-store -qR ${root}`)).split('\n').sort()
        assert.deepEqual(stated, [...outputs].sort())
        assert.deepEqual(closure.map(({ path }) => path).sort(), stated)
        const size = (await world.output(`nix path-info -S ${root}`)).split(/\s+/)[1]
        assert.equal(
          closure.reduce((sum, path) => sum + path.nar_size, 0),
          Number(size),
        )
        const references = closure.reduce((sum, path) => sum + path.references.length, 0)
        assert.ok(references > 5 * outputs.length, `${references}`)
      })

      const isTwice = (path: string) => /-twice-\d+$/.test(path)
      const half = outputs.filter(path => isTwice(path) && signers.get(path)?.length === 1).sort()
      await t.test('verdicts, groups and exemptions, by who signed what', () => {
        const refused = closure.filter(({ outcome }) => outcome !== 'trusted').map(({ path }) => path)
        assert.deepEqual(refused.sort(), half)
        assert.deepEqual(
          audit.groups.map(({ code, paths }) => [code, named(paths)]),
          [['unsigned-output', half]],
        )
        const seed = outputs.filter(path => /-seed-\d+$/.test(path)).sort()
        assert.deepEqual(
          audit.exemptions.map(({ paths }) => named(paths)),
          [seed],
        )
      })

      await t.test('what falls without each of the builders, by who signed what', () => {
        for (const who of ['ben', 'bea', 'bo']) {
          const expected = outputs.filter(path => {
            const by = signers.get(path) ?? []
            return by.includes(who) && (isTwice(path) ? by.length === 2 : by.length === 1)
          })
          const told = audit.principals.find(({ name }) => name === who)
          assert.deepEqual([who, named(told?.falls ?? [])], [who, expected.sort()])
        }
      })

      await t.test('what falls, sampled by taking them out of a copy of the policy', async () => {
        const sample = outputs.filter((_, index) => index % 331 === 0 || index % 997 === 1)
        world.write('/etc/nixsig/before.toml', policy)
        const before = await passing(world, sample, '/etc/nixsig/before.toml')
        for (const { name, falls } of audit.principals) {
          const revocation = `[[revocations]]\nprincipal = "${name}"\ndate = 2020-01-01\n[default]`
          world.write('/etc/nixsig/without.toml', policy.replace(/^\[default\]$/m, revocation))
          const after = await passing(world, sample, '/etc/nixsig/without.toml')
          const expected = sample.filter(path => before.has(path) && !after.has(path)).sort()
          const told = named(falls).filter(path => sample.includes(path))
          assert.deepEqual([name, told], [name, expected])
        }
      })
    }))
}
