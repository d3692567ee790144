/**
 * The story of a recipe: a change that nobody signed is refused, and builds once two people have
 * signed the commit. Every step is checked.
 */
import { carry, type Machines } from './machines.ts'
import { chapter, check, type Machine, run, say, show } from './narrator.ts'

const ALICE = { user: 'alice' } as const
const REPOSITORY = '/srv/motd'
const URL = 'https://git.example.org/motd'
const BUILD = `nix-build --no-out-link ${REPOSITORY}`
const APPROVE = `/opt/nixsig/nixsig approve ${REPOSITORY} --file default.nix --url ${URL} --here --yes`

const EXPRESSION = `derivation {
  name = "motd";
  system = "x86_64-linux";
  builder = "/bin/sh";
  args = [ "-c" "read line < $message; echo $line > $out" ];
  message = ./message;
}
`

const policyOf = (bob: string, carol: string) => `version = 1
mode = "enforce"

[principals.bob]
keys = ["${bob}"]

[principals.carol]
keys = ["${carol}"]

[groups.editors]
members = ["bob", "carol"]
threshold = 2

[[inputs]]
url = "${URL}"
require = "editors"

[approvals]
by = "self"

[default]
require.source = "approved"
require.derivation = "approved"
require.output = "self"
`

/** Tells it. Bob's laptop has the key that he made before, whose public half is `bob`. */
export async function tellOfExpressions(machines: Machines, bob: string): Promise<void> {
  const { laptop, workshop, office } = machines
  chapter('The recipe itself: nobody signed the commit, refused')
  say(`What is built is written in a git repository. At the office a derivation is trusted because two of its editors, Bob
and Carol, signed the commit that it comes from, and because the machine itself verified that and evaluated it.`)
  await run(workshop, '/opt/nixsig/nixsig keygen carol-1', { shows: [/^public key +carol-1:/m] })
  office.world.write(
    '/etc/nixsig/policy.toml',
    policyOf(bob, workshop.world.read('/root/carol-1.pub').trim()),
  )
  show('/etc/nixsig/policy.toml', office.world.read('/etc/nixsig/policy.toml'))
  await office.world.startDaemon()
  await commit(laptop)
  carry(laptop, REPOSITORY, office, REPOSITORY)
  await run(office, APPROVE, { status: 10, shows: [/refused \w+ \(commit\)/, /editors/] })
  const refused = { status: 'refused', shows: [/needs this machine as approver/] } as const
  await run(office, BUILD, refused, ALICE)

  chapter('Two people sign the commit: built, and explained')
  say(
    'Bob and Carol sign in notes beside the commit. The history stays as it is, and any kind of key will do.',
  )
  const sign = (who: string) => `cd ${REPOSITORY} && /opt/nixsig/nixsig git sign --key /root/${who}-1.secret`
  await run(laptop, sign('bob'))
  carry(laptop, REPOSITORY, workshop, REPOSITORY)
  await run(workshop, sign('carol'))
  carry(workshop, REPOSITORY, office, REPOSITORY)
  await run(office, APPROVE, { shows: [/signed by bob, carol/, /^approved /m] })
  const { stdout } = await run(office, BUILD, { shows: [/-motd$/m] }, ALICE)
  const out = stdout.trim()
  check(office.world.read(out) === 'Welcome.\n', 'it built something else')
  await run(office, `/opt/nixsig/nixsig explain ${out}`, {
    shows: [new RegExp(`approved by this machine .*commit \\w+ of ${URL}, signed by bob, carol`)],
  })
}

async function commit({ world }: Machine): Promise<void> {
  world.write(`${REPOSITORY}/default.nix`, EXPRESSION)
  world.write(`${REPOSITORY}/message`, 'Welcome.\n')
  const git = 'git -c user.name=Bob -c user.email=bob@example.org'
  await world.output(
    `cd ${REPOSITORY} && git init -q && git add . && ${git} commit -q -m 'Greet whoever comes'`,
  )
}
