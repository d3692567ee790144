// The hand-made store of the reports: each path in it is judged as the table says.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { committers } from '../support/approvals.ts'
import { type Name, WHAT, withHandMade } from '../support/stores/hand-made.ts'
import { NEWEST } from '../support/world.ts'

const people = committers()
after(() => people.remove())

interface Told {
  readonly path: string
  readonly status: number
  readonly basis?: { readonly kind: string }
}

for (const version of NEWEST) {
  test(`${version}: every path of the hand-made store is judged as its table says`, () =>
    withHandMade(version, people, async ({ world, paths }) => {
      const names = Object.keys(WHAT) as Name[]
      const closure = (await world.output(`nix-store -qR ${paths.system}`)).split('\n')
      assert.deepEqual(closure.sort(), Object.values(paths).sort())
      const { stdout, stderr } = await world.run(
        `/opt/nixsig/nixsig verify --json ${names.map(name => paths[name]).join(' ')}`,
      )
      const told = stdout
        .trim()
        .split('\n')
        .map(line => JSON.parse(line) as Told)
      const of = (name: Name) => told.find(({ path }) => path === paths[name])
      const found = Object.fromEntries(names.map(name => [name, of(name)?.basis?.kind ?? of(name)?.status]))
      const expected = Object.fromEntries(
        names.map(name => [name, typeof WHAT[name] === 'string' ? WHAT[name] : WHAT[name][0]]),
      )
      assert.deepEqual(found, expected, stdout + stderr)

      const status = await world.run('/opt/nixsig/nixsig status --json')
      const { groups } = JSON.parse(status.stdout) as {
        readonly groups: readonly {
          readonly code: string
          readonly paths: readonly { readonly path: string }[]
        }[]
      }
      const grouped = groups.flatMap(({ code, paths: refused }) => refused.map(({ path }) => [path, code]))
      const shouldBe = names.flatMap(name => {
        const what: (typeof WHAT)[Name] = WHAT[name]
        // Without reading contents these are not seen.
        return typeof what === 'string' || name === 'altered' || name === 'lost'
          ? []
          : [[paths[name], what[1]]]
      })
      assert.deepEqual(grouped.sort(), shouldBe.sort())
    }))
}
