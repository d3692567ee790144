/**
 * Compares what may become valid before a build with what is trusted for each result of the build.
 */
import { developerSignatureFiles } from '../../../src/evidence/signature-files.ts'
import { narOfBytes } from '../../../src/formats/nix/nar.ts'
import { toHex } from '../../../src/primitives/hex.ts'
import { sha256 } from '../../../src/primitives/sodium.ts'
import type { PathInfo, Store } from '../../../src/store/store-client.ts'
import { admitBuild } from '../../../src/verifier/admit.ts'
import type { Output } from '../../../src/verifier/derivation-parts.ts'
import { foresee } from '../../../src/verifier/foresee.ts'
import type { Inquiry } from '../../../src/verifier/inquiry.ts'
import { judgeInput } from '../../../src/verifier/judge-input.ts'
import { outputsOf, readDerivation } from '../../../src/verifier/stored-derivation.ts'
import { decisionsOf } from './decisions.ts'
import { whileThere } from './disk.ts'
import { inquiriesInto } from './fronts.ts'
import { makeWorld } from './make.ts'
import { AS_IT_IS, memoryStore } from './memory-store.ts'
import { somePlan } from './plan.ts'
import type { Outcome } from './properties.ts'
import type { World } from './world.ts'

/** The answers of hooks and plugin for one possible result of a build. */
interface Compared {
  readonly admits: string
  readonly isAllowed: boolean
  readonly isTrusted: boolean
  readonly about: string
}

/**
 * For each output that is not in the store: the contents that are allowed are those that the hook
 * would trust afterwards.
 */
export async function foreseenIsTrusted(bytes: Uint8Array): Promise<Outcome> {
  const decisions = decisionsOf(bytes)
  const plan = somePlan(decisions)
  const world = makeWorld(plan)
  const openWith = inquiriesInto(world)
  const guess = toHex(Uint8Array.from({ length: 32 }, () => decisions.below(256)))
  const compared: Compared[] = []
  for (const output of absentOutputs(world)) {
    compared.push(...(await compare(world, output, { openWith, hashes: ['0'.repeat(64), guess] })))
  }
  const wrong = compared.filter(({ isAllowed, isTrusted }) => isAllowed !== isTrusted)
  if (wrong.length > 0) {
    const lines = wrong.map(({ about, isAllowed }) => `${about}: ${isAllowed ? 'allowed' : 'trusted'} alone`)
    return { broken: `${lines.join('\n')}\n${JSON.stringify({ plan })}`, cameTo: [] }
  }
  const words = compared.map(({ isAllowed }) => (isAllowed ? 'allowed and trusted' : 'neither'))
  return { cameTo: [...new Set([...words, ...compared.map(({ admits }) => admits)])] }
}

function absentOutputs(world: World): readonly Output[] {
  const outputs = world.derivations.flatMap(({ path }) => outputsOf(readDerivation(path)))
  return outputs.filter(({ path }) => !world.disk.has(path.path) && !world.infos.has(path.path))
}

interface Comparing {
  readonly openWith: (store: Store) => (records: boolean) => Inquiry
  /** Contents to try besides the attested ones. */
  readonly hashes: readonly string[]
}

async function compare(
  world: World,
  output: Output,
  { openWith, hashes }: Comparing,
): Promise<readonly Compared[]> {
  const before = openWith(memoryStore(world, AS_IT_IS))(false)
  const { admits } = await foresee(before, output)
  const { claims } = await before.attested(output.path.path)
  const arrived = output.kind === 'fetched-source' ? world.arrived.get(output.path.path) : undefined
  // What Nix fetches has the hash that the derivation declares, so one result is possible.
  const outcomes =
    arrived === undefined
      ? [...new Set([...claims.map(({ narHash }) => narHash), ...hashes])]
      : [toHex(sha256(narOfBytes(arrived.bytes, arrived.isExecutable)))]
  const isMakingTrusted = (await admitBuild(before, output.derivation)).length === 0
  // The bytes decide whenever they can be read; and if making it is refused, no build starts.
  const { attestations } = await before.policy()
  const isSigned = developerSignatureFiles(attestations, output.path.path).length > 0
  const isLeftToBytes = admits.kind === 'asked' || (output.kind === 'fetched-source' && isSigned)
  const isComparable = !isLeftToBytes && (output.kind === 'fetched-source' || isMakingTrusted)
  if (!isComparable) return [{ admits: admits.kind, isAllowed: false, isTrusted: false, about: '' }]
  const compared: Compared[] = []
  for (const narHash of outcomes) {
    const after = openWith(withMade(world, output, narHash))(false)
    const info = await (await after.store()).pathInfo(output.path.path)
    const made = { builtHere: true, derivation: output.derivation }
    const judge = () => judgeInput(after, output, made, info)
    const verdict = await (arrived === undefined ? judge() : whileThere(output.path.path, arrived, judge))
    const isAllowed = admits.kind === 'any' || (admits.kind === 'these' && admits.hashes.includes(narHash))
    const isTrusted = verdict.outcome === 'trusted'
    compared.push({ admits: admits.kind, isAllowed, isTrusted, about: `${output.path.path} ${narHash}` })
  }
  return compared
}

/** The store after an output was made with these contents. */
function withMade(world: World, { path, derivation }: Output, narHash: string): Store {
  const info: PathInfo = {
    ...{ path: path.path, narHash, narSize: 120, references: [], deriver: derivation.path.path },
    ...{ registrationTime: 1, ultimate: true, signatures: [] },
  }
  const infos = new Map([...world.infos, [path.path, info] as const])
  return memoryStore({ infos, outputs: world.outputs }, AS_IT_IS)
}
