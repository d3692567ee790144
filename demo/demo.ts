/**
 * The story of one package: refused while nobody whom the user trusts has signed its source, built
 * once a packager does, and refused again when two machines disagree on the output. Every step is
 * checked.
 */
import { stdout } from 'node:process'
import { parseStorePath } from '../src/formats/nix/store-path.ts'
import { carry, type Machines, withMachines } from './machines.ts'
import { chapter, check, type Machine, run, say, show } from './narrator.ts'
import { fetchRelease, hasCompiler, packageExpression, type Release, TARBALL } from './release.ts'

const ALICE = { user: 'alice' } as const
const BUILD = 'nix-build --no-out-link /srv/libmd.nix'
const POLICY = '/etc/nixsig/policy.toml'
const EVIDENCE = '/etc/nixsig/attestations'
const FROM_WORKSHOP = '/etc/nixsig/from-workshop'

/** The keys that the user trusts; a second builder joins later. */
interface Trusted {
  readonly fingerprint: string
  readonly bob: string
  readonly workshop?: string
}

function policyOf({ fingerprint, bob, workshop }: Trusted): string {
  const builder = workshop === undefined ? '' : `\n[principals.workshop]\nkeys = ["${workshop}"]\n`
  const directories = workshop === undefined ? [EVIDENCE] : [EVIDENCE, FROM_WORKSHOP]
  return `version = 1
mode = "enforce"

[attestations]
directories = [${directories.map(directory => `"${directory}"`).join(', ')}]

[principals.guillem]
keys = [{ openpgp = "${fingerprint}", certificate = "keys/libmd.asc" }]

[principals.bob]
keys = ["${bob}"]
${builder}
[default]
require.source = { developer = "guillem", packager = "bob" }
require.derivation = "nothing"
require.output = "self"
`
}

/** Keys, the policy and the package; nothing is attested yet. */
async function setUp({ laptop, home, workshop }: Machines, release: Release): Promise<Trusted> {
  chapter('A packager, a user, and whom the user trusts')
  say(`Bob packages libmd ${release.version}. He has a laptop, and makes a key there.`)
  laptop.world.write('/root/libmd.asc', release.certificate)
  laptop.world.write(`/root/${TARBALL}`, release.tarball)
  laptop.world.write(`/root/${TARBALL}.asc`, release.signature)
  await run(laptop, '/opt/nixsig/nixsig keygen bob-1', { shows: [/^public key +bob-1:/m] })
  const trusted = { fingerprint: release.fingerprint, bob: laptop.world.read('/root/bob-1.pub').trim() }

  say(`Alice uses a machine called home. Its policy: a source needs the signature of libmd's developer, Guillem, and the
word of Bob; outputs are what this machine builds. Guillem's certificate came with Debian's package of libmd.`)
  const policy = policyOf(trusted)
  show(POLICY, policy)
  for (const { world } of [home, workshop]) {
    world.write('/etc/nixsig/keys/libmd.asc', release.certificate)
    world.write(POLICY, policy)
    world.write(`/srv/${TARBALL}`, release.tarball)
    world.write('/srv/libmd.nix', packageExpression(release))
    await world.output(`mkdir -p ${EVIDENCE}`)
    await world.startDaemon()
  }
  await run(home, '/opt/nixsig/nixsig policy check', {
    shows: [/whoever writes a derivation chooses the program/, /^good /m],
  })
  return trusted
}

/** The user tries to build; returns the store path of the source. */
async function refuseUnsigned({ home }: Machines): Promise<string> {
  chapter('Nobody has signed the source: refused')
  say(`Alice builds libmd. The real tarball of upstream lies in /srv, and the package fetches it from there. She has no
special rights: she asks the Nix daemon, and the daemon asks nixsig before it starts anything.`)
  const wanted = [/unknown pre-build hook command 'nixsig: refused .*libmd\.tar\.xz/s, /needs/, /bob/]
  const refused = await run(home, BUILD, { status: 'refused', shows: wanted }, ALICE)
  say(
    'The message names the path, the rule, what was needed and what was found. Root of home can ask for more:',
  )
  const [path = ''] = /\/nix\/store\/\S*-libmd\.tar\.xz(?= )/.exec(refused.stderr) ?? []
  await run(home, `/opt/nixsig/nixsig explain ${path}`, { status: 10, shows: [/nobody in the trusted list/] })
  const stored = await home.world.output('ls /nix/store')
  check(!/libmd\.tar\.xz$/m.test(stored), 'the unsigned tarball is in the store')
  say('Nothing was fetched: the store of home has no tarball.')
  return path
}

async function handOff({ laptop, home, workshop }: Machines): Promise<void> {
  chapter("The packager checks the developer's signature, and signs")
  say(
    'Bob has the tarball, and the signature that Guillem published with it. First a copy that somebody tampered with:',
  )
  const key = '--key /root/libmd.asc'
  await run(laptop, `cp ${TARBALL} tampered.tar.xz; printf x >> tampered.tar.xz`)
  await run(laptop, `/opt/nixsig/nixsig check-signature tampered.tar.xz ${TARBALL}.asc ${key}`, {
    status: 13,
    shows: [/refused.*\n.*does not verify/],
  })
  const sign = (file: string) =>
    `/opt/nixsig/nixsig attest source ${file} --name ${TARBALL} --signature ${TARBALL}.asc \\
      --developer-key libmd.asc --key bob-1.secret --out published`
  say('He cannot attest it by mistake either: attesting checks first.')
  await run(laptop, sign('tampered.tar.xz'), { status: 13 })
  check(!laptop.world.exists('/root/published'), 'something was published for the tampered tarball')
  say('The real one:')
  await run(laptop, sign(TARBALL), {
    shows: [/developer's signature: signed by/, /attested .*NIXSIG_DEVELOPER_SIGNATURE_CHECKED/],
  })
  await run(laptop, 'find published -type f', { shows: [/\.intoto\.jsonl$/m, /\.asc$/m] })
  say(
    'These two files are all there is to publish. They can lie anywhere; here they are copied to home and workshop.',
  )
  for (const machine of [home, workshop]) carry(laptop, '/root/published', machine, EVIDENCE)
}

/** The user builds; returns the store path of the output. */
async function buildTrusted({ home }: Machines, source: string): Promise<string> {
  chapter('The same command again: built')
  say(
    hasCompiler()
      ? `Now nixsig finds Bob's word before the fetch, and checks Guillem's signature itself as soon as the tarball is there.
The build compiles libmd with the compiler of this machine, and writes a build identifier that is another one each time.`
      : `Now nixsig finds Bob's word before the fetch, and checks Guillem's signature itself as soon as the tarball is there.
This machine has no compiler, so the build unpacks libmd, installs its headers and a list of its files, and writes a build
identifier that is another one each time.`,
  )
  const { stdout: answer } = await run(home, BUILD, { shows: [/^\/nix\/store\/.*-libmd-/m] }, ALICE)
  const out = answer.trim()
  await run(home, `cd ${out} && ls *`, { shows: [/^md5\.h$/m] })
  say('The ledger of home says what it admitted, and why:')
  await run(home, `/opt/nixsig/nixsig verify ${out}`, { shows: [/^trusted /] })
  await run(home, `cat ${entryOf(out)}`, { shows: [/^nixsig4 .*\nbuilt here$/ms] })
  await run(home, `/opt/nixsig/nixsig explain ${source}`, {
    shows: [/guillem as developer/, /bob as packager/, /ledger:\n.*current/],
  })
  say('And home signed what it built, with a key of its own, for others who trust it:')
  await run(home, 'cat /var/lib/nixsig/machine.pub')
  show(attestationOf(out), provenanceOf(home, out))
  return out
}

async function buildElsewhere({ home, workshop }: Machines, trusted: Trusted, out: string): Promise<void> {
  chapter('A second machine builds the same, and gets something else')
  say('The workshop has the same policy, the same evidence and the same derivation.')
  await run(workshop, BUILD, { shows: [new RegExp(`^${out}$`, 'm')] }, ALICE)
  for (const machine of [home, workshop]) await run(machine, `nix-store -q --hash ${out}`)
  say(`The same path, other bytes: the build identifier. Alice trusts the workshop, too. She adds its key to her policy,
and copies what it published.`)
  const key = workshop.world.read('/var/lib/nixsig/machine.pub').trim()
  home.world.write(POLICY, policyOf({ ...trusted, workshop: key }))
  carry(workshop, '/var/lib/nixsig/attestations', home, FROM_WORKSHOP)
  await run(home, `cat ${POLICY} && find ${FROM_WORKSHOP} -type f`)
  await run(home, `/opt/nixsig/nixsig verify ${out}`, { status: 13, shows: [/workshop/] })
  say(
    'What was trusted yesterday is refused today, although nothing was built: the policy changed, and so is it judged.',
  )
}

async function refuseConflict({ home }: Machines, out: string): Promise<void> {
  chapter('Built again: two trusted machines disagree, refused')
  say('What home has built is removed, and Alice builds it anew.')
  await run(home, `nix-store --delete ${out} 2>&1 | tail -1`, { shows: [/1 store paths deleted/] })
  const expected = { status: 'refused', shows: [/builders disagree: workshop attested/] } as const
  await run(home, BUILD, expected, ALICE)
  check(!home.world.exists(out), 'the refused output is still in the store')
  say('The output left the store for the quarantine, so nothing can use it.')

  chapter('The same command again: refused again')
  await run(home, BUILD, expected, ALICE)
  check(!home.world.exists(out), 'the refused output is in the store after the second try')
  const list = await run(home, '/opt/nixsig/nixsig quarantine list')
  const ids = list.stdout.trim().split('\n')
  check(ids.length === 2, `${ids.length} entries are in quarantine, not 2`)
  const [id = ''] = (ids[1] ?? '').split(' ')
  const narHash = await contentHash(home, `/var/lib/nixsig/quarantine/${id}/content`)
  await run(home, `/opt/nixsig/nixsig quarantine show ${id}`, {
    shows: [new RegExp(`^NAR hash +sha256:${narHash} `, 'm'), /^because:\n.*builders disagree/ms],
  })
  say('What this machine got is there to be compared with what the workshop got. The store itself is sound:')
  await run(home, 'nix-store --verify --check-contents')
}

async function contentHash({ world }: Machine, path: string): Promise<string> {
  return (await world.output(`nix-store --dump ${path} | sha256sum`)).slice(0, 64)
}

function entryOf(path: string): string {
  const { digest } = parseStorePath(path)
  return `/var/lib/nixsig/ledger/${digest.slice(0, 2)}/${digest}`
}

function attestationOf(path: string): string {
  const { digest } = parseStorePath(path)
  return `/var/lib/nixsig/attestations/${digest.slice(0, 2)}/${digest}.intoto.jsonl`
}

/** The statement that a machine published about an output, without its envelope. */
function provenanceOf({ world }: Machine, out: string): string {
  const { payload } = JSON.parse(world.read(attestationOf(out))) as { payload: string }
  const statement = JSON.parse(Buffer.from(payload, 'base64').toString('utf8'))
  check(statement.subject[0].name === out, 'the attestation is about another path')
  return JSON.stringify(statement, undefined, 2)
}

const started = Date.now()
try {
  const release = fetchRelease()
  await withMachines(async machines => {
    const trusted = await setUp(machines, release)
    const source = await refuseUnsigned(machines)
    await handOff(machines)
    const out = await buildTrusted(machines, source)
    await buildElsewhere(machines, trusted, out)
    await refuseConflict(machines, out)
  })
  say(`That was all, in ${Math.round((Date.now() - started) / 1000)} seconds; every step did what it should.`)
} catch (error) {
  stdout.write(`\n${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
