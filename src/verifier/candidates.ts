import { setImmediate } from 'node:timers/promises'
import { FileError } from '../files/regular-file.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import { FormatError } from '../primitives/format-error.ts'
import type { StoredDerivation } from './derivation-parts.ts'
import type { Inquiry } from './inquiry.ts'
import { inputsOf, outputsOf, readDerivation, UnsupportedDerivationError } from './stored-derivation.ts'

/** The most derivations, and the most paths, among the inputs of one build. */
const LIMIT = 100_000
/** The number of derivations after which other work gets its turn. */
const TURN = 16

/** What the outputs of a derivation can refer to. */
export interface Candidates {
  /**
   * The hash part of each candidate path, with its name: the outputs themselves, the sources of the
   * derivation with their closures, and the outputs of its input derivations, recursively. The
   * outputs cannot refer to anything else.
   */
  readonly names: ReadonlyMap<string, string>
  /**
   * The hash parts of the paths that Nix looks for in any case: the outputs themselves, and the
   * direct inputs with their references as far as they are known here. Of the rest, Nix looks only
   * for what the inputs refer to, which may be unknown here.
   */
  readonly certain: ReadonlySet<string>
}

/**
 * Returns the candidates of a derivation; undefined if they cannot be determined from what is in
 * this store.
 */
export async function candidatesOf(
  inquiry: Pick<Inquiry, 'store'>,
  stored: StoredDerivation,
): Promise<Candidates | undefined> {
  try {
    return { names: await walk(inquiry, stored), certain: await certainOf(inquiry, stored) }
  } catch (error) {
    // Garbage-collected, too many, or of a kind whose .drv does not name its output paths.
    const isForeseen =
      error instanceof FormatError ||
      error instanceof FileError ||
      error instanceof UnsupportedDerivationError
    if (isForeseen) return undefined
    throw error
  }
}

async function walk(
  inquiry: Pick<Inquiry, 'store'>,
  stored: StoredDerivation,
): Promise<ReadonlyMap<string, string>> {
  const candidates = new Map<string, string>()
  const add = (text: string) => {
    const { digest, name } = parseStorePath(text)
    candidates.set(digest, name)
    if (candidates.size > LIMIT) throw new FormatError('derivation', 'is built from too much', text)
  }
  const derivations = new Set([stored.path.path])
  const sources = new Set<string>()
  let read = 0
  for (const path of derivations) {
    const { derivation, outputs } = readOne(path, stored)
    for (const output of outputs) add(output.path.path)
    if (++read % TURN === 0) await setImmediate()
    if (derivations.size > LIMIT) throw new FormatError('derivation', 'is built from too much', path)
    // A fetched path refers to nothing, whatever it was fetched with.
    if (outputs.some(({ kind }) => kind === 'fetched-source')) continue
    for (const input of derivation.inputDerivations) derivations.add(input.path)
    for (const source of derivation.inputSources) sources.add(source)
  }
  const store = await inquiry.store()
  for (const source of sources) {
    add(source)
    const info = await store.pathInfo(source)
    if (info === undefined) throw new FormatError('derivation', 'a source of it is not in the store', source)
    for (const reference of info.references) sources.add(reference)
  }
  return candidates
}

async function certainOf(
  inquiry: Pick<Inquiry, 'store'>,
  stored: StoredDerivation,
): Promise<ReadonlySet<string>> {
  const store = await inquiry.store()
  const inputs = new Set(inputsOf(stored).map(({ path }) => path.path))
  for (const input of inputs) {
    for (const reference of (await store.pathInfo(input))?.references ?? []) inputs.add(reference)
    if (inputs.size > LIMIT) throw new FormatError('derivation', 'is built from too much', input)
  }
  const own = outputsOf(stored).map(({ path }) => path.path)
  return new Set([...own, ...inputs].map(path => parseStorePath(path).digest))
}

function readOne(path: string, stored: StoredDerivation) {
  const one = path === stored.path.path ? stored : readDerivation(path)
  return { derivation: one.derivation, outputs: outputsOf(one) }
}
