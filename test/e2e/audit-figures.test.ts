// Every figure of an audit, counted once more in another way: by Nix, by `nixsig verify`, and for
// what falls without somebody by really revoking them in a copy of the policy.
// takes: 3 minutes
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { committers } from '../support/approvals.ts'
import { assertSchema } from '../support/schema.ts'
import { type HandMade, type Name, WHAT, withHandMade } from '../support/stores/hand-made.ts'
import { POLICY } from '../support/trust.ts'
import { NEWEST, type World } from '../support/world.ts'

const people = committers()
after(() => people.remove())

interface Path {
  readonly path: string
  readonly kind: string
  readonly part: 'closure' | 'making'
  readonly nar_size: number
  readonly references: readonly number[]
  readonly outcome: string
  readonly status: number
  readonly basis: string | null
  readonly group: number | null
  readonly let_in: boolean
  readonly built_here: boolean
  readonly registered: number | null
}

interface Audit {
  readonly paths: readonly Path[]
  readonly expressions: readonly {
    readonly revision: string
    readonly signers: readonly string[]
    readonly claims: readonly { readonly key: number; readonly role: string }[]
  }[]
  readonly keys: readonly { readonly label: string; readonly falls: readonly number[] }[]
  readonly principals: readonly {
    readonly name: string
    readonly keys: readonly number[]
    readonly falls: readonly number[]
  }[]
  readonly groups: readonly { readonly code: string; readonly paths: readonly number[] }[]
  readonly shares: readonly {
    readonly kind: string
    readonly role: string
    readonly signed: number
    readonly total: number
  }[]
  readonly weakest: { readonly key: number; readonly falls: number } | null
  readonly exemptions: readonly {
    readonly line: number
    readonly until: number
    readonly paths: readonly number[]
  }[]
  readonly ends: readonly { readonly kind: string; readonly who: string | null; readonly at: number }[]
  readonly disk: {
    readonly unregistered: readonly { readonly name: string }[]
    readonly differing: readonly {
      readonly path: number
      readonly registered: string
      readonly found: string
    }[]
    readonly missing: readonly number[]
  }
  readonly unjudged: number
}

async function auditOf(world: World, args: string): Promise<Audit> {
  const { stdout, stderr } = await world.run(`/opt/nixsig/nixsig audit --json ${args}`)
  assert.ok(stdout.startsWith('{'), stdout + stderr)
  assertSchema('audit', stdout)
  return JSON.parse(stdout) as Audit
}

interface Verdict {
  readonly path: string
  readonly kind: string
  readonly outcome: string
  readonly status: number
  readonly basis?: { readonly kind: string; readonly principals?: readonly string[] }
}

/** What `verify` says of each path, under this machine's policy or another one. */
async function verified(
  world: World,
  paths: readonly string[],
  args = '',
): Promise<ReadonlyMap<string, Verdict>> {
  const { stdout, stderr } = await world.run(
    `/opt/nixsig/nixsig verify --no-contents --json ${args} ${paths.join(' ')}`,
  )
  const verdicts = stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Verdict)
  assert.equal(verdicts.length, paths.length, stderr)
  return new Map(verdicts.map(verdict => [verdict.path, verdict]))
}

const WITHOUT = '/etc/nixsig/without.toml'

/** Writes a copy of the policy with one revocation more. */
function writeWithout({ world, policyWithout }: HandMade, revocation: string): void {
  const text = policyWithout([
    /^\[approvals\]$/m,
    `[[revocations]]\n${revocation}\ndate = 2020-01-01\n[approvals]`,
  ])
  world.write(WITHOUT, text)
}

/** The paths of the closure that pass, and would not if a revocation were added. */
async function fallsBy(
  made: HandMade,
  before: ReadonlyMap<string, Verdict>,
  revocation: string,
): Promise<readonly string[]> {
  writeWithout(made, revocation)
  const under = await verified(made.world, [...before.keys()], `--policy ${WITHOUT}`)
  const passes = (verdicts: ReadonlyMap<string, Verdict>, path: string) =>
    verdicts.get(path)?.outcome === 'trusted'
  return [...before.keys()].filter(path => passes(before, path) && !passes(under, path)).sort()
}

for (const version of NEWEST) {
  test(`${version}: the figures of an audit are those that are counted in other ways`, t =>
    withHandMade(version, people, async made => {
      const { world, paths, ends, keys } = made
      const audit = await auditOf(world, '--contents')
      const named = (places: readonly number[]) => places.map(place => audit.paths[place]?.path ?? '?').sort()
      const closure = (await world.output(`nix-store -qR ${paths.system}`)).split('\n').sort()
      const inClosure = audit.paths.filter(({ part }) => part === 'closure')

      const all = audit.paths.map(({ path }) => path)
      const before = await verified(world, all)
      // Without a look at the disk, verify sees neither what was altered nor what is gone.
      const isUnseen = (path: string) => path === paths.altered || path === paths.lost
      const judged = new Map([...before].filter(([path]) => closure.includes(path) && !isUnseen(path)))

      await t.test('paths, sizes and references, as Nix has them', async () => {
        assert.deepEqual(inClosure.map(({ path }) => path).sort(), closure)
        assert.equal(audit.unjudged, 0)
        const sizes = (await world.output(`nix-store -q --size ${all.join(' ')}`)).split('\n').map(Number)
        assert.deepEqual(
          audit.paths.map(path => path.nar_size),
          sizes,
        )
        for (const { path, references } of audit.paths) {
          const stated = (await world.output(`nix-store -q --references ${path}`)).split('\n')
          const known = stated.filter(one => one !== path && all.includes(one))
          assert.deepEqual(named(references), known.sort(), path)
        }
      })
      await t.test('verdicts and groups, as verify says and the table of the store', () => {
        for (const { path, outcome, kind, basis } of audit.paths) {
          const verdict = before.get(path)
          if (isUnseen(path)) continue
          assert.deepEqual([path, outcome, kind], [path, verdict?.outcome, verdict?.kind])
          if (outcome === 'trusted') assert.equal(basis, verdict?.basis?.kind ?? null, path)
        }
        for (const name of Object.keys(WHAT) as Name[]) {
          const what: (typeof WHAT)[Name] = WHAT[name]
          const told = audit.paths.find(({ path }) => path === paths[name])
          const group = audit.groups[told?.group ?? -1]?.code
          if (typeof what === 'string') assert.deepEqual([name, told?.outcome], [name, 'trusted'])
          else assert.deepEqual([name, told?.status, group], [name, ...what])
          for (const [place, one] of audit.groups.entries())
            assert.equal(named(one.paths).includes(paths[name]), told?.group === place, `${name} ${one.code}`)
        }
        const letIn = audit.paths.filter(path => path.let_in).map(({ path }) => path)
        for (const name of ['unapproved', 'respited', 'sourced'] as const)
          assert.ok(letIn.includes(paths[name]), `${name} was let in during a respite`)
        for (const { path, outcome } of audit.paths)
          if (outcome === 'trusted') assert.ok(!letIn.includes(path), `${path} was not`)
      })
      await t.test('shares, by the principals that verify names', () => {
        const ROLES: Readonly<Record<string, readonly (readonly [role: string, who: RegExp])[]>> = {
          output: [['builder', /^(?!self$)/]],
          derivation: [
            ['packager', /^alice$/],
            ['approver', /^carol$/],
          ],
          'local-source': [['approver', /^carol$/]],
          'fetched-source': [['developer', /^debian\/guillem$/]],
        }
        for (const [kind, roles] of Object.entries(ROLES)) {
          const of = [...before.values()].filter(verdict => verdict.kind === kind)
          for (const [role, who] of roles) {
            const signed = of.filter(
              ({ path, basis }) =>
                basis?.principals?.some(name => who.test(name)) === true &&
                // Its contents are not those that ben signed, or it is gone.
                !isUnseen(path),
            )
            const share = audit.shares.find(one => one.kind === kind && one.role === role)
            assert.deepEqual(
              [kind, role, share?.signed, share?.total],
              [kind, role, signed.length, of.length],
            )
          }
        }
      })
      await t.test('the commit, with those who signed it and who approved it', () => {
        const [found, ...more] = audit.expressions
        assert.deepEqual([found?.revision, found?.signers, more], [made.commit, ['carl', 'cora'], []])
        assert.deepEqual(
          found?.claims.map(({ role, key }) => [role, audit.keys[key]?.label]),
          [['approver', 'carol-1']],
        )
      })
      await t.test('attack: an approval by a key that is revoked since vouches for no commit', async () => {
        writeWithout(made, 'principal = "carol"')
        assert.deepEqual((await auditOf(world, `--policy ${WITHOUT}`)).expressions, [])
      })
      await t.test('what falls without somebody, by taking them out of a copy of the policy', async () => {
        for (const { name, falls } of audit.principals) {
          const expected = await fallsBy(made, judged, `principal = "${name}"`)
          assert.deepEqual([name, named(falls)], [name, expected])
        }
      })
      await t.test('what falls without a key, and the weakest one', async () => {
        const counts: number[] = []
        for (const [name, key] of Object.entries(keys)) {
          const expected = await fallsBy(made, judged, `key = "${key}"`)
          const own = audit.principals.find(one => one.name === (name === 'worker' ? 'cache' : name))
          const labelled = audit.keys.filter(
            (one, place) =>
              own?.keys.includes(place) && (one.label === `${name}-1` || key.startsWith(one.label)),
          )
          assert.deepEqual([name, ...labelled.map(({ falls }) => named(falls))], [name, expected])
          counts.push(expected.length)
        }
        assert.equal(audit.weakest?.falls, Math.max(...counts))
        assert.equal(audit.keys[audit.weakest?.key ?? -1]?.falls.length, Math.max(...counts))
      })
      await t.test('exemptions and ends, as the policy has them', () => {
        const lines = world.read(POLICY).split('\n')
        const [exemption, ...others] = audit.exemptions
        assert.deepEqual(others, [])
        assert.equal(lines[(exemption?.line ?? 0) - 1], '[[exemptions]]')
        const list = audit.ends.find(({ kind }) => kind === 'list')
        const now = Date.now() / 1000
        assert.ok(list !== undefined && list.at > now && list.at <= now + 30 * 24 * 3600)
        assert.deepEqual(audit.ends.map(({ kind, who, at }) => [kind, who, at]).sort(), [
          ['exemption', null, ends.exemption],
          ['key', 'bo', ends.key],
          // A list's keys end with it.
          ['key', 'debian/guillem', list.at],
          ['list', null, list.at],
        ])
      })
      await t.test('the disk', async () => {
        const registered = new Set(
          (await world.output('nix-store --query --requisites $(nix path-info --all)')).split('\n'),
        )
        const lying = (await world.output('ls -A /nix/store')).split('\n')
        const unknown = lying.filter(name => name !== '.links' && !registered.has(`/nix/store/${name}`))
        assert.deepEqual(audit.disk.unregistered.map(({ name }) => name).sort(), unknown.sort())
        assert.ok(unknown.includes(made.unregistered.slice('/nix/store/'.length)))
        assert.deepEqual(named(audit.disk.missing), [paths.lost])
        assert.deepEqual(
          audit.disk.differing.map(({ path, found }) => [audit.paths[path]?.path, found]),
          [[paths.altered, made.found]],
        )
      })
    }))
}
