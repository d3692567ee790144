// The hand-made store of the reports: each path in it is judged as the table says, and what verify,
// status and audit say of it is the same.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { committers } from '../support/approvals.ts'
import { type HandMade, type Name, WHAT, withHandMade } from '../support/stores/hand-made.ts'
import { NEWEST, type World } from '../support/world.ts'

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

      await assertAgreed(world, paths)
    }))
}

interface Audited {
  readonly path: string
  readonly part: 'closure' | 'making'
  readonly outcome: string
  readonly status: number
  readonly group: number | null
}

/** What `verify --no-contents`, `status` and `audit` say of the closure, and which next steps work. */
async function assertAgreed(world: World, paths: HandMade['paths']): Promise<void> {
  const nixsig = (args: string) => world.run(`/opt/nixsig/nixsig ${args}`)
  const auditOf = async (args: string) =>
    JSON.parse((await nixsig(`audit --json ${args}`)).stdout) as {
      readonly paths: readonly Audited[]
      readonly groups: readonly { readonly code: string; readonly next: string }[]
    }
  const audit = await auditOf('')
  const closure = audit.paths.filter(({ part }) => part === 'closure')
  const verified = await nixsig(`verify --no-contents --json ${Object.values(paths).join(' ')}`)
  const said = verified.stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Audited)
  const verdicts = (all: readonly Audited[]) =>
    all.map(({ path, outcome, status }) => `${path} ${outcome} ${status}`).sort()
  // What is registered and not on the disk is undecided to an audit alone: the others take it as registered.
  const isThere = ({ path }: Audited) => path !== paths.lost
  assert.equal(closure.find(one => !isThere(one))?.outcome, 'indeterminate')
  assert.deepEqual(verdicts(closure.filter(isThere)), verdicts(said.filter(isThere)), 'audit and verify')
  const refused = closure.filter(({ outcome }) => outcome !== 'trusted').length
  const [status, text] = [await nixsig('status'), await nixsig('audit')]
  const endsWith = ({ stdout, stderr }: typeof status, count: number) =>
    assert.ok(
      stdout.endsWith(`\n${count} of ${closure.length} paths would be refused now\n`),
      stdout + stderr,
    )
  endsWith(status, refused - 1)
  endsWith(text, refused)
  assert.equal(status.status, text.status)

  // Each command in a next step names the paths of its group: those of status are what is in use.
  const full = await auditOf('--contents')
  const commands = full.groups.flatMap(({ code, next }) => {
    const [, command] = /\$\(nixsig (audit .*?--refused \S+?)(?: \||\))/.exec(next) ?? []
    return command === undefined ? [] : [{ code, command }]
  })
  assert.ok(commands.some(({ code }) => code === 'altered'))
  for (const { code, command } of commands) {
    const { stdout, stderr } = await nixsig(command)
    const own = full.paths.filter(({ group }) => group !== null && full.groups[group]?.code === code)
    assert.deepEqual(
      stdout.trim().split('\n').sort(),
      own.map(({ path }) => path).sort(),
      `${command}: ${stderr}`,
    )
  }
}
