/**
 * A generated store of 10,000 outputs that one root refers to, each to about six others, with the
 * derivations and sources of the lowest layers, in a world with real Nix. Nothing is built: paths
 * are copied from a binary cache that this makes, signed in Nix's own form, and then adopted.
 */

import { LEVEL } from '../../../src/formats/in-toto/predicates/verification-summary.ts'
import { type Derivation, derivationPathOf, printDerivation } from '../../../src/formats/nix/derivation.ts'
import { makeStorePath, textPath } from '../../../src/formats/nix/make-store-path.ts'
import { narOfBytes } from '../../../src/formats/nix/nar.ts'
import { narFingerprint, printNarinfo } from '../../../src/formats/nix/narinfo.ts'
import { printNixSignature } from '../../../src/formats/nix/nix-key.ts'
import { parseStorePath } from '../../../src/formats/nix/store-path.ts'
import { signEd25519 } from '../../../src/primitives/sodium.ts'
import { type CachedPath, writeCache } from '../cache-of-many.ts'
import { hashModulo, withOutputPaths } from '../small-world/hash-modulo.ts'
import {
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

/** How many outputs there are, and how many of them, the lowest, have derivations here. */
export const OUTPUTS = 10_000
export const DERIVED = 1_000
const SOURCES = 100

export interface Many {
  readonly world: World
  readonly root: string
  /** Outputs, the lowest first, the root last. */
  readonly outputs: readonly string[]
  readonly derivations: readonly string[]
  readonly sources: readonly string[]
  /** Who signed each output, by name. */
  readonly signers: ReadonlyMap<string, readonly string[]>
  readonly policy: string
}

const PEOPLE = { alice: signer('alice'), ben: signer('ben'), bea: signer('bea'), bo: signer('bo') }

/** Makes the store (half a minute) and runs `use` in its world. */
export async function withMany(version: Version, use: (many: Many) => Promise<void>): Promise<void> {
  await withWorld(version, { resident: 'none' }, async world => use(await makeMany(world)))
}

const POLICY_RULES = `[groups.pair]
members = ["ben", "bea"]
threshold = 2
[groups.builders]
members = ["self", "ben", "bea", "bo"]
threshold = 1
[[rules]]
match = { name = "twice-*", kind = "output" }
require.output = "pair"
accept-unknown-derivation = true
[[exemptions]]
name = "seed-*"
kind = "output"
reason = "the seed is not signed yet"
until = 2099-01-01
[default]
require = { source = "alice", derivation = "alice", output = "builders" }
accept-graph = true
accept-unknown-derivation = true
`

async function makeMany(world: World): Promise<Many> {
  const policy = policyText(mapKeys(PEOPLE), POLICY_RULES)
  await setPolicy(world, policy)
  const sources = Array.from({ length: SOURCES }, (_, index) =>
    source(`source-${index}`, `source ${index}\n`),
  )
  const { derivations, outputs, signers } = generate(sources)
  const paths = [...sources, ...derivations, ...outputs]
  writeCache(`${world.path('/srv')}/cache`, paths)
  const root = outputs.at(-1)?.path ?? ''
  const top = derivations.at(-1)?.path ?? ''
  const copy = `nix copy ${NOTHING} --no-check-sigs --from file:///srv/cache`
  await world.output(`${copy} --derivation ${top}; ${copy} ${root}`, { timeout: 300_000 })
  publish(world, top, packaged(PEOPLE.alice, await contentsOf(world, top), LEVEL.packagedGraph))
  await world.output(`ln -s ${root} /nix/var/nix/gcroots/system; ln -s ${root} /run/current-system`)
  return {
    world,
    root,
    outputs: outputs.map(({ path }) => path),
    derivations: derivations.map(({ path }) => path),
    sources: sources.map(({ path }) => path),
    signers,
    policy,
  }
}

function mapKeys(people: Readonly<Record<string, Signer>>): Readonly<Record<string, readonly Signer[]>> {
  return Object.fromEntries(Object.entries(people).map(([name, one]) => [name, [one]]))
}

/** The same numbers in every run. */
function numbers(): (below: number) => number {
  let state = 20_261_130
  return below => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const NOTHING = "--option pre-build-hook '' --option post-build-hook '' --option fsync-metadata false"

interface Generated {
  readonly derivations: readonly CachedPath[]
  readonly outputs: readonly CachedPath[]
  readonly signers: Many['signers']
}

function generate(sources: readonly CachedPath[]): Generated {
  const below = numbers()
  const outputs: CachedPath[] = []
  const made: { readonly cached: CachedPath; readonly derivation: Derivation }[] = []
  const hashes = new Map<string, string>()
  const modulo = (path: string) => hashes.get(path) ?? ''
  const signers = new Map<string, readonly string[]>()
  const isReferred = new Set<number>()
  for (let index = 0; index < OUTPUTS; index++) {
    const isRoot = index === OUTPUTS - 1
    const refers = referencesOf(index, below)
    if (isRoot) for (let other = 0; other < index; other++) if (!isReferred.has(other)) refers.add(other)
    for (const other of refers) isReferred.add(other)
    const name = nameOf(index, isRoot)
    const references = [...refers].map(other => outputs[other]?.path ?? '').sort()
    const by = whoSigns(name, index)
    if (index < DERIVED) {
      const inputs = [...refers].map(other => made[other]?.cached.path ?? '')
      // The last one is above all others, so that one signature reaches them.
      const all = index === DERIVED - 1 ? made.map(({ cached }) => cached.path) : inputs
      const src = sources[index % SOURCES]?.path ?? ''
      const built = derive(name, [...new Set(all)].sort(), src, modulo)
      hashes.set(built.cached.path, hashModulo(built.derivation, modulo))
      made.push(built)
      const [output] = built.derivation.outputs
      const path = output !== undefined && 'path' in output ? output.path : ''
      outputs.push(signed(path, name, references, by, built.cached.path))
    } else outputs.push(signed(makeStorePath('output:out', sha256(name), name), name, references, by))
    const last = outputs.at(-1)?.path ?? ''
    signers.set(
      last,
      by.map(({ key }) => key.name.replace(/-1$/, '')),
    )
  }
  return { derivations: made.map(({ cached }) => cached), outputs, signers }
}

function nameOf(index: number, isRoot: boolean): string {
  if (isRoot) return 'system'
  if (index % 500 === 499) return `seed-${index}`
  return index % 4 === 0 ? `twice-${index}` : `package-${index}`
}

/** Nobody signs the seed; few depend on bo alone; some that need two have one. */
function whoSigns(name: string, index: number): readonly Signer[] {
  const { ben, bea, bo } = PEOPLE
  if (name.startsWith('seed-')) return []
  if (name.startsWith('twice-')) return index % 1000 === 0 ? [ben] : [ben, bea]
  if (index % 50 === 1) return [bo]
  return index % 3 === 0 ? [ben, bo] : [ben]
}

/** A few that everything stands on, and some that are near. */
function referencesOf(index: number, below: (limit: number) => number): Set<number> {
  const refers = new Set<number>()
  if (index === 0) return refers
  refers.add(below(Math.min(index, 20)))
  refers.add(index - 1 - below(Math.min(index, 5)))
  for (let count = 0; count < 4; count++) refers.add(index - 1 - below(Math.min(index, 400)))
  return refers
}

function derive(
  name: string,
  inputs: readonly string[],
  src: string,
  modulo: (path: string) => string,
): { readonly cached: CachedPath; readonly derivation: Derivation } {
  const env = { builder: '/bin/sh', name, out: '', src, system: 'x86_64-linux' }
  const blank: Derivation = {
    version: undefined,
    outputs: [{ kind: 'deferred', name: 'out' }],
    inputDerivations: inputs.map(path => ({ path, outputs: ['out'], dynamic: [] })),
    inputSources: [src],
    system: 'x86_64-linux',
    builder: '/bin/sh',
    args: ['-c', 'build'],
    env: Object.entries(env),
  }
  const derivation = withOutputPaths(blank, name, modulo)
  const text = printDerivation(derivation)
  const path = derivationPathOf(text, `${name}.drv`)
  return { cached: textOf(path, text, [...inputs, src].sort()), derivation }
}

/** A text that evaluation copied in. */
function source(name: string, contents: string): CachedPath {
  const bytes = Buffer.from(contents)
  return textOf(textPath(name, bytes, []), bytes, [])
}

/** A path that is named by its text. */
function textOf(path: string, bytes: Uint8Array, references: readonly string[]): CachedPath {
  return cached(path, bytes, references, {
    contentAddress: { method: 'text', algorithm: 'sha256', hash: sha256(bytes) },
  })
}

function signed(
  path: string,
  name: string,
  references: readonly string[],
  by: readonly Signer[],
  deriver?: string,
): CachedPath {
  const size = 64 + ((name.length * 7919) % 4096)
  const contents = Buffer.from(`${name}\n${references.join('\n')}\n${'x'.repeat(size)}\n`)
  return cached(path, contents, references, { by, deriver })
}

interface Facts {
  readonly by?: readonly Signer[]
  readonly deriver?: string | undefined
  readonly contentAddress?: { readonly method: 'text'; readonly algorithm: 'sha256'; readonly hash: string }
}

function cached(
  path: string,
  bytes: Uint8Array,
  references: readonly string[],
  { by = [], deriver, contentAddress }: Facts,
): CachedPath {
  const nar = narOfBytes(bytes, false)
  const narHash = sha256(nar)
  const about = { path, narHash, narSize: nar.length, references }
  const message = Buffer.from(narFingerprint(about))
  const url = `nar/${parseStorePath(path).digest}.nar`
  const narinfo = printNarinfo({
    ...about,
    url,
    compression: 'none',
    fileHash: narHash,
    fileSize: nar.length,
    deriver,
    system: undefined,
    signatures: by.map(({ key }) =>
      printNixSignature({ name: key.name, signature: signEd25519(message, key.secretKey) }),
    ),
    contentAddress,
  })
  return { path, digest: parseStorePath(path).digest, narHash, narinfo, url, nar }
}
