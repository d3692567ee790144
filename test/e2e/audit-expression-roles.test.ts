// In which roles commits are signed from which something here was evaluated: as an audit counts them,
// and once more by git: its own signatures, and the notes in which reviewers sign.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { committers, DEFAULT_NIX, newKey, sourceRepository, writePolicy } from '../support/approvals.ts'
import { assertSchema } from '../support/schema.ts'
import { ATTESTATIONS } from '../support/trust.ts'
import { NEWEST, type World, withWorld } from '../support/world.ts'

const people = committers()
after(() => people.remove())

/** Two repositories: of the second, nobody has to review a commit. */
const REPOSITORIES = {
  'https://git.example.org/reviewed': '/root/reviewed',
  'https://git.example.org/committed': '/root/committed',
} as const

interface Audit {
  readonly expressions: readonly {
    readonly url: keyof typeof REPOSITORIES
    readonly revision: string
    readonly signers: readonly string[]
    readonly committers: readonly string[]
    readonly reviewers: readonly string[]
  }[]
  readonly shares: readonly {
    readonly kind: string
    readonly role: string
    readonly signed: number
    readonly total: number
  }[]
}

async function auditIn(world: World): Promise<Audit> {
  const { stdout, stderr } = await world.run('/opt/nixsig/nixsig audit --store --json')
  assert.ok(stdout.startsWith('{'), stdout + stderr)
  assertSchema('audit', stdout)
  return JSON.parse(stdout) as Audit
}

/** The roles in which a commit is signed, as git shows it. */
async function rolesByGit(world: World, directory: string, revision: string): Promise<readonly string[]> {
  world.write('/root/allowed', `alice ${people.alice.key}\n`)
  const git = `git -C ${directory} -c safe.directory=* -c gpg.ssh.allowedSignersFile=/root/allowed`
  const verified = await world.run(`${git} verify-commit ${revision}`)
  const { status, stdout } = await world.run(`${git} notes --ref=nixsig show ${revision}`)
  const noted = (status === 0 ? stdout.trim().split('\n') : []).map(line => {
    const { payload } = JSON.parse(line) as { readonly payload: string }
    const { predicate } = JSON.parse(Buffer.from(payload, 'base64').toString('utf8'))
    return (predicate as { readonly role: string }).role
  })
  return [...(verified.status === 0 ? ['committer'] : []), ...noted].sort()
}

for (const version of NEWEST) {
  test(`${version}: an audit counts in which roles commits are signed`, () =>
    withWorld(version, { resident: 'none' }, async world => {
      const [bob, carol] = [await newKey(world, 'bob'), await newKey(world, 'carol')]
      await writePolicy(
        world,
        `version = 1
mode = "enforce"
attestations.directories = ["${ATTESTATIONS}"]
principals.alice.keys = ["${people.alice.key}"]
principals.bob.keys = ["${bob}"]
principals.carol.keys = ["${carol}"]
approvals.by = "carol"
[[inputs]]
url = "https://git.example.org/reviewed"
require = { committer = "alice", reviewer = "bob" }
[[inputs]]
url = "https://git.example.org/committed"
require = "alice"
[default]
require = { source = "approved", derivation = "approved", output = "self" }
`,
      )
      for (const [url, directory] of Object.entries(REPOSITORIES)) {
        const repository = sourceRepository(world, directory)
        const expression = DEFAULT_NIX.replace('"x"', `"${directory.slice(6)}"`)
        repository.commit({ 'default.nix': expression, text: `${directory}\n` }, people.alice)
        // Who reviews what nobody asks a reviewer for is no signer of it.
        await world.output(
          `cd ${directory} && /opt/nixsig/nixsig git sign --as reviewer --key /root/bob.secret`,
        )
        await world.output(
          `/opt/nixsig/nixsig approve ${directory} --file default.nix --key carol.secret --out ${ATTESTATIONS} --yes --url ${url}`,
        )
        await world.output(`nix-build --no-out-link ${directory} --argstr system x86_64-linux`)
      }
      const { expressions, shares } = await auditIn(world)
      const told = [...expressions].sort((one, other) => (one.url < other.url ? 1 : -1))
      assert.deepEqual(
        told.map(({ signers, committers, reviewers }) => [signers, committers, reviewers]),
        [
          [['alice', 'bob'], ['alice'], ['bob']],
          [['alice'], ['alice'], []],
        ],
      )
      const byGit: (readonly string[])[] = []
      for (const { url, revision } of told) byGit.push(await rolesByGit(world, REPOSITORIES[url], revision))
      assert.deepEqual(byGit, [
        ['committer', 'reviewer'],
        ['committer', 'reviewer'],
      ])
      const counted = shares.filter(({ kind }) => kind === 'expression')
      const of = (role: string) => byGit.filter(roles => roles.includes(role)).length
      assert.deepEqual(
        counted.map(({ role, signed, total }) => [role, signed, total]),
        [
          ['committer', of('committer'), 2],
          // One of the two counts for nothing: the policy asks no reviewer.
          ['reviewer', of('reviewer') - 1, 2],
          ['approver', 2, 2],
        ],
      )
    }))
}
