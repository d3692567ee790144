/**
 * A small store in a world with real Nix, in which each verdict and group of refusals occurs, and so
 * does each finding on the disk. Everything is in the closure of `system`, to which
 * /run/current-system points. `WHAT` says what each path is there for. The group `unsupported` is
 * missing: derivations of those kinds have no output whose path is known before it is built.
 */
import assert from 'node:assert/strict'
import { rmSync, symlinkSync } from 'node:fs'
import { attestationFile } from '../../../src/evidence/attestation-file.ts'
import { LEVEL } from '../../../src/formats/in-toto/predicates/verification-summary.ts'
import { printNixSecretKey } from '../../../src/formats/nix/nix-key.ts'
import type { ExitCode } from '../../../src/policy/exit-code.ts'
import type { GroupCode } from '../../../src/status/groups.ts'
import { approve, type committers, DEFAULT_NIX, SOURCE, sourceRepository, URL } from '../approvals.ts'
import { type CachedPath, cachedPath, writeCache } from '../cache-of-many.ts'
import * as nix from '../expressions.ts'
import { fetchOf, guillem, install, subscribed } from '../lists/books-in-worlds.ts'
import { instantiate } from '../scene.ts'
import {
  ATTESTATIONS,
  built,
  contentsOf,
  packaged,
  policyText,
  publish,
  type Signer,
  setPolicy,
  sha256,
  signer,
} from '../trust.ts'
import { type Version, type World, withWorld } from '../world.ts'

const NO_HOOKS = "--option pre-build-hook '' --option post-build-hook ''"
const DAY = 24 * 3600

/**
 * Why each path is there: the basis of a trusted one; the exit status and the group of a refused
 * one. Contents are read: without that, `altered` is trusted.
 */
export const WHAT = {
  /** Needs both ben and bea. */
  both: 'claims',
  exempt: 'exemption',
  free: 'no-requirement',
  /** By an approval of what it is evaluated from; carol's. */
  approved: 'claims',
  /** A fetched source by a developer whom a list names. */
  libmd: 'claims',
  /** Built here from that; alice signed its build graph, ben the output. */
  program: 'claims',
  /** The only key of its builder ends in 20 days. */
  soon: 'claims',
  /** Signed by a key that another one certified. */
  certified: 'claims',
  system: 'claims',
  unsigned: [10, 'unsigned-output'],
  strange: [11, 'unlisted-signer'],
  half: [12, 'unsigned-output'],
  conflict: [13, 'conflict'],
  altered: [13, 'altered'],
  forged: [13, 'bad-signature'],
  never: [12, 'refused-by-rule'],
  ended: [14, 'key-ended'],
  revoked: [14, 'key-ended'],
  undecided: [20, 'undecided'],
  orphan: [20, 'no-derivation'],
  /** These three were let in during a respite. */
  unapproved: [10, 'unapproved'],
  respited: [10, 'unsigned-derivation'],
  sourced: [10, 'unsigned-source'],
  /** The source of that. */
  config: [10, 'unsigned-source'],
  /** Registered, and not on the disk. */
  lost: [20, 'undecided'],
} as const satisfies Readonly<
  Record<string, 'claims' | 'exemption' | 'no-requirement' | readonly [ExitCode, GroupCode]>
>

export type Name = keyof typeof WHAT

export interface HandMade {
  readonly world: World
  readonly paths: Readonly<Record<Name, string>>
  /** The signed commit from which `approved` was evaluated. */
  readonly commit: string
  /** A path on the disk that the database does not have. */
  readonly unregistered: string
  /** The NAR of `altered` as it is on the disk, hex. */
  readonly found: string
  /** Seconds since 1970: when the key of bo ends, and the exemption. */
  readonly ends: { readonly key: number; readonly exemption: number }
  /** Public keys, as a policy lists them: everybody's by name, and `worker`, which `cache` certified. */
  readonly keys: Readonly<Record<string, string>>
  /** A copy of the policy with these changes in its text, each of which has to change something. */
  policyWithout(...changes: readonly (readonly [string | RegExp, string])[]): string
}

const PEOPLE = {
  alice: signer('alice'),
  ben: signer('ben'),
  bea: signer('bea'),
  bo: signer('bo'),
  eve: signer('eve'),
  rob: signer('rob'),
  cache: signer('cache'),
  carol: signer('carol'),
}
const SHORT_LIVED = signer('worker')
const STRANGER = signer('stranger')

/**
 * Makes the store (about 15 s) and runs `use` in its world. `people`: of a test file, see
 * `committers`.
 */
export async function withHandMade(
  version: Version,
  people: ReturnType<typeof committers>,
  use: (made: HandMade) => Promise<void>,
): Promise<void> {
  await withWorld(version, { resident: 'none' }, async world => use(await makeStore(world, people)))
}

async function makeStore(world: World, people: ReturnType<typeof committers>): Promise<HandMade> {
  const now = Math.floor(Date.now() / 1000)
  const ends = { key: midnight(now + 20 * DAY), exemption: midnight(now + 10 * DAY) }
  const copied = copiedPaths()
  const policy = policyOf(people, ends, copied.exempt.path)
  world.write('/var/lib/nixsig/lists/.made', '', 0o600)
  await setPolicy(world, policy)
  install(world, LIST)
  const program = await makeProgram(world)
  const { approved, commit } = await makeApproved(world, people)
  const inRespite = await makeInRespite(world)
  await certifyWorker(world)
  await copyIn(world, Object.values(copied))
  publish(
    world,
    copied.conflict.path,
    built(PEOPLE.bea, { path: copied.conflict.path, narHash: sha256('x') }, drvOf('conflict')),
  )
  world.write(attestationFile(ATTESTATIONS, copied.undecided.path), 'not an envelope\n')
  const made = { ...program, approved, ...inRespite }
  const parts = { ...made, ...mapped(copied, ({ path }) => path) }
  const system = signedPath(
    'system',
    `${Object.values(parts).join('\n')}\n`,
    [PEOPLE.ben],
    Object.values(parts),
  )
  await copyIn(world, [system])
  symlinkSync(system.path, `${world.path('/run')}/current-system`)
  await world.output(`ln -s ${system.path} /nix/var/nix/gcroots/system`)
  const trusted = ['both', 'free', 'soon', 'certified'] as const
  await world.output(`/opt/nixsig/nixsig adopt ${trusted.map(name => copied[name].path).join(' ')}`)
  const unregistered = `/nix/store/${'0123456789abcdfghijklmnpqrsvwxyz'}-left-over`
  world.write(unregistered, 'left over\n')
  await world.output(
    `chmod u+w ${copied.altered.path}; echo ALTERED > ${copied.altered.path}; chmod 444 ${copied.altered.path}`,
  )
  rmSync(world.path(copied.lost.path))
  return {
    world,
    paths: { ...parts, system: system.path },
    commit,
    unregistered,
    found: (await contentsOf(world, copied.altered.path)).narHash,
    ends,
    keys: {
      ...mapped(PEOPLE, ({ publicKey }) => publicKey),
      worker: SHORT_LIVED.publicKey,
      'debian/guillem': guillem.key,
    },
    policyWithout: (...changes) =>
      changes.reduce((text, [from, to]) => {
        const changed = text.replace(from, to)
        assert.notEqual(changed, text, String(from))
        return changed
      }, policy),
  }
}

function midnight(instant: number): number {
  return instant - (instant % DAY)
}

function day(instant: number): string {
  return new Date(instant * 1000).toISOString().slice(0, 10)
}

const LIST = {
  principals: { guillem: { keys: [guillem.key] } },
  developers: { libmd: { names: ['libmd-*.tar'], by: ['guillem'], threshold: 1 } },
}

function policyOf(
  { alice, bob }: ReturnType<typeof committers>,
  ends: HandMade['ends'],
  exempt: string,
): string {
  const { ben, bea, bo, eve, rob, cache, carol } = PEOPLE
  const people = {
    alice: [PEOPLE.alice],
    ben: [ben],
    bea: [bea],
    bo: [`{ key = "${bo.publicKey}", valid-until = ${day(ends.key)} }`],
    eve: [`{ key = "${eve.publicKey}", valid-until = 2026-01-01 }`],
    rob: [rob],
    cache: [`{ key = "${cache.publicKey}", certifies = ["builder"], for-at-most = 90 }`],
    carol: [carol],
    carl: [`"${alice.key}"`],
    cora: [`"${bob.key}"`],
  }
  return policyText(
    people,
    `[groups]
committers = { members = ["carl", "cora"], threshold = 2 }
pair = { members = ["ben", "bea"], threshold = 2 }
builders = { members = ["self", "ben", "bea", "bo", "eve", "rob", "cache"], threshold = 1 }
${subscribed()}
[[inputs]]
url = "${URL}"
require = "committers"
[approvals]
by = "carol"
[[revocations]]
principal = "rob"
date = 2026-02-01
reason = "laptop stolen"
[[exemptions]]
path = "${exempt}"
reason = "compared by hand"
author = "alice"
until = ${day(ends.exemption)}
${['both', 'half'].map(name => `[[rules]]\nmatch.name = "${name}"\nrequire.output = "pair"\naccept-unknown-derivation = true\n`).join('')}
[[rules]]
match = { name = "free", kind = "output" }
require.output = "nothing"
accept-unknown-derivation = true
[[rules]]
match = { name = "never", kind = "output" }
require.output = "refuse"
[[rules]]
match = { name = "orphan", kind = "output" }
require.output = "builders"
[[rules]]
match = { name = "*approved*" }
require = { source = "approved", derivation = "approved", output = "builders" }
[default]
require.source = { developer = "its-developers" }
require.derivation = "alice"
require.output = "builders"
accept-graph = true
accept-unknown-derivation = true
`,
  )
}

const COPIED = {
  both: [PEOPLE.ben, PEOPLE.bea],
  exempt: [],
  free: [],
  soon: [PEOPLE.bo],
  certified: [SHORT_LIVED],
  unsigned: [],
  strange: [STRANGER],
  half: [PEOPLE.ben],
  conflict: [PEOPLE.ben],
  altered: [PEOPLE.ben],
  never: [PEOPLE.ben],
  ended: [PEOPLE.eve],
  revoked: [PEOPLE.rob],
  undecided: [PEOPLE.ben],
  orphan: [PEOPLE.ben],
  lost: [PEOPLE.bea],
} as const

/** The paths that were built elsewhere. */
function copiedPaths(): Readonly<Record<keyof typeof COPIED | 'forged', CachedPath>> {
  const paths = mapped(COPIED, (signers, name) => signedPath(name, `${name}\n`, signers))
  return { ...paths, forged: forged() }
}

/** Signed by ben, who signed other contents. */
function forged(): CachedPath {
  const honest = signedPath('forged', 'honest\n', [PEOPLE.ben])
  const [signature = ''] = /^Sig: .*$/m.exec(honest.narinfo) ?? []
  const bare = signedPath('forged', 'forged\n', [])
  return { ...bare, narinfo: `${bare.narinfo}${signature}\n` }
}

function signedPath(
  name: string,
  contents: string,
  signers: readonly Signer[],
  references: readonly string[] = [],
): CachedPath {
  return cachedPath(name, contents, signers, { references: [...references].sort() })
}

function drvOf(name: string): string {
  return `/nix/store/${'0'.repeat(32)}-${name}.drv`
}

async function copyIn(world: World, paths: readonly CachedPath[]): Promise<void> {
  writeCache(`${world.path('/srv')}/cache`, paths)
  const names = paths.map(({ path }) => path).join(' ')
  await world.output(`nix copy ${NO_HOOKS} --no-recursive --no-check-sigs --from file:///srv/cache ${names}`)
}

/** A program that is built here, all of which is vouched for. */
async function makeProgram(world: World): Promise<{ readonly libmd: string; readonly program: string }> {
  const { drv, out } = await fetchOf(world, 'libmd-1.1.0.tar', guillem)
  const fetch = world.read('/srv/x.nix')
  const program = await instantiate(world, nix.withInputs('program', [fetch]))
  publish(
    world,
    program.drv,
    packaged(PEOPLE.alice, await contentsOf(world, program.drv), LEVEL.packagedGraph),
  )
  assert.notEqual(drv, program.drv)
  await build(world)
  publish(world, program.out, built(PEOPLE.ben, await contentsOf(world, program.out), program.drv))
  return { libmd: out, program: program.out }
}

/** What came of signed expressions that carol approved. */
async function makeApproved(world: World, people: ReturnType<typeof committers>) {
  world.write('/root/carol.secret', `${printNixSecretKey(PEOPLE.carol.key)}\n`, 0o600)
  const repository = sourceRepository(world)
  const expression = DEFAULT_NIX.replace('"x"', '"approved"').replace('./text', './approved-text')
  const commit = repository.commit({ 'default.nix': expression, 'approved-text': 'one\n' }, people.alice)
  repository.tag('one', people.bob)
  const { status, stdout, stderr } = await approve(
    world,
    `${SOURCE} --file default.nix --key carol.secret --out ${ATTESTATIONS} --yes`,
  )
  assert.equal(status, 0, stdout + stderr)
  const call = `--no-out-link ${SOURCE} --argstr system x86_64-linux`
  const approved = await world.output(`nix-build ${call}`)
  return { approved, commit }
}

/**
 * Built here during a respite: nobody approved the first, nobody signed the derivation of the second
 * or a source of the third.
 */
async function makeInRespite(world: World) {
  await world.output('/opt/nixsig/nixsig warn --until 1h --reason "the cache is down"')
  const unapproved = await instantiate(world, nix.derivation('unapproved'))
  await build(world)
  const respited = await instantiate(world, nix.derivation('respited'))
  await build(world)
  const sourced = await instantiate(world, nix.withInputs('sourced', [nix.toFile('config', 'port = 1\n')]))
  publish(world, sourced.drv, packaged(PEOPLE.alice, await contentsOf(world, sourced.drv)))
  await build(world)
  const config = await world.output('ls -d /nix/store/*-config')
  await world.output('/opt/nixsig/nixsig enforce')
  return { unapproved: unapproved.out, respited: respited.out, sourced: sourced.out, config }
}

async function build(world: World): Promise<void> {
  await world.output(`nix-build --no-out-link /srv/x.nix`)
}

async function certifyWorker(world: World): Promise<void> {
  world.write('/root/cache.secret', `${printNixSecretKey(PEOPLE.cache.key)}\n`, 0o600)
  world.write('/root/worker.pub', `${SHORT_LIVED.publicKey}\n`)
  const until = day(Date.now() / 1000 + 60 * DAY)
  await world.output(
    `/opt/nixsig/nixsig key certify worker.pub --key cache.secret --roles builder --until ${until} --out ${ATTESTATIONS}`,
  )
}

function mapped<K extends string, V, W>(
  values: Readonly<Record<K, V>>,
  use: (value: V, name: K) => W,
): Readonly<Record<K, W>> {
  const entries = Object.entries(values) as [K, V][]
  return Object.fromEntries(entries.map(([name, value]) => [name, use(value, name)])) as Record<K, W>
}
