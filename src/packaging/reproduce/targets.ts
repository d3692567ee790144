/** What is to be built again: outputs of derivations in this store, by their paths or by derivation. */
import { isDerivationPath, isStorePath, parseStorePath } from '../../formats/nix/store-path.ts'
import { readAdmission } from '../../ledger/admissions.ts'
import { printable } from '../../primitives/printable.ts'
import type { PathInfo, Store } from '../../store/store-client.ts'
import type { Output, StoredDerivation } from '../../verifier/derivation-parts.ts'
import { outputOfValid } from '../../verifier/makers.ts'
import { outputsOf, readDerivation } from '../../verifier/stored-derivation.ts'
import { PackagingError } from '../packaging-error.ts'

/** Derivations that are read to find the one that made a path, when nobody knows it. */
const DERIVER_LIMIT = 256

/** A store path: an output, or a derivation with the names of those outputs that are meant. */
export interface Target {
  readonly path: string
  /** Undefined for all outputs, and for a path that is an output itself. */
  readonly outputs?: readonly string[]
}

/** One derivation that is built again. */
export interface Rebuild {
  readonly derivation: StoredDerivation
  /** Everything that it makes: Nix compares all of it. */
  readonly all: readonly Output[]
  /** Those of its outputs that were asked for. */
  readonly asked: readonly Output[]
}

/** Where derivations are looked for. */
export interface Knowledge {
  readonly store: Store
  /** State directory, whose ledger tells what was built here from which derivation. */
  readonly state: string
}

/**
 * The derivations behind some targets, each once, with all their outputs valid. Throws
 * PackagingError for what is not such an output, or is fetched; UnsupportedDerivationError for a
 * derivation that does not name its output paths; FormatError and FileError.
 */
export async function rebuildsOf(
  targets: readonly Target[],
  knowledge: Knowledge,
): Promise<readonly Rebuild[]> {
  const rebuilds = new Map<string, Rebuild>()
  for (const target of targets) {
    const outputs = await outputsMeant(target, knowledge)
    for (const output of outputs) {
      const { path } = output.derivation.path
      const known = rebuilds.get(path) ?? (await rebuildOf(output.derivation, knowledge.store))
      const asked = known.asked.some(({ name }) => name === output.name)
        ? known.asked
        : [...known.asked, output]
      rebuilds.set(path, { ...known, asked })
    }
  }
  return [...rebuilds.values()]
}

async function outputsMeant(target: Target, knowledge: Knowledge): Promise<readonly Output[]> {
  const path = parseStorePath(target.path)
  if (!isDerivationPath(path)) return [await outputAt(path.path, knowledge)]
  const name = printable(path.path)
  if (!(await knowledge.store.validPaths([path.path])).has(path.path)) {
    throw new PackagingError('no-derivation', `${name} is not valid in this store: instantiate it first`)
  }
  const outputs = outputsOf(readDerivation(path.path))
  const names = target.outputs ?? outputs.map(output => output.name)
  return names.map(wanted => {
    const found = outputs.find(output => output.name === wanted)
    if (found !== undefined) return found
    const has = outputs.map(output => printable(output.name, 100)).join(', ')
    throw new PackagingError(
      'no-derivation',
      `${name} has no output ${printable(wanted, 100)}; next: choose from ${has}`,
    )
  })
}

/**
 * What the ledger says made a path comes first, then what the store says. Both are only believed if
 * the derivation itself has this output.
 */
async function outputAt(path: string, { store, state }: Knowledge): Promise<Output> {
  const info = await registered(store, path)
  const admitted = readAdmission(state, parseStorePath(path).digest, path)
  const said = [admitted?.derivation, info.deriver].filter(deriver => deriver !== undefined)
  for (const deriver of said) {
    const output = await outputOfValid(store, deriver, path)
    if (output !== undefined) return output
  }
  for (const deriver of [...(await store.derivers(path))].sort().slice(0, DERIVER_LIMIT)) {
    const output = isStorePath(deriver) ? await outputOfValid(store, deriver, path) : undefined
    if (output !== undefined) return output
  }
  throw new PackagingError(
    'no-derivation',
    `${printable(path)} is not an output of any derivation in this store; next: instantiate the one that makes it (nix-instantiate), or name its .drv`,
  )
}

async function rebuildOf(derivation: StoredDerivation, store: Store): Promise<Rebuild> {
  const all = outputsOf(derivation)
  for (const output of all) {
    const path = printable(output.path.path)
    if (output.kind !== 'output') {
      throw new PackagingError(
        'not-rebuilt',
        `${path} is fetched, and its hash is in ${printable(derivation.path.path)}, so fetching it again says nothing; next: its developer or packager signs it (nixsig attest source)`,
      )
    }
    await registered(store, output.path.path)
  }
  return { derivation, all, asked: [] }
}

/** Throws PackagingError if a path is not valid: then there is nothing to compare with. */
export async function registered(store: Store, path: string): Promise<PathInfo> {
  const info = await store.pathInfo(path)
  if (info !== undefined) return info
  const name = printable(path)
  throw new PackagingError(
    'not-valid',
    `${name} is not valid in this store, so there is nothing to compare with: build or fetch it first (nix-store --realise ${name})`,
  )
}
