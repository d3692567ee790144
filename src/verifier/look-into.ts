/**
 * Reads an output that was in the store before its derivation was built again. Nix compares what it
 * builds with the hash in its database, so neither the bytes on the disk nor the registered
 * references have been looked at by anybody. Loads node:crypto: import it with `await import()`.
 */
import { type Subject, statedReferences } from '../formats/in-toto/statement.ts'
import type { Refusal } from '../policy/verdict.ts'
import { FormatError } from '../primitives/format-error.ts'
import { dumpTree, narHashOfTree } from '../store/disk-tree-nar.ts'
import { hashPartsInNar } from '../store/nar-references.ts'
import type { PathInfo } from '../store/store-client.ts'
import { candidatesOf } from './candidates.ts'
import type { Output } from './derivation-parts.ts'
import { concludeFrom, wantedFor } from './found-references.ts'
import type { Inquiry } from './inquiry.ts'
import { alteredRefusal } from './settle-contents.ts'

/** The references to attest: none if the bytes do not show just the registered ones. */
type Stated = Pick<Subject, 'references'>

/**
 * Returns the registered references if the bytes have just these. Throws FormatError if the bytes
 * are not the registered ones, and FileError.
 */
export async function referencesFound(
  inquiry: Pick<Inquiry, 'store'>,
  output: Output,
  info: PathInfo,
): Promise<Stated> {
  return (await readFor(inquiry, output, info)) ?? {}
}

/**
 * Reads the bytes once. Returns what they refer to, or a refusal if they are not the ones that the
 * store registered. Throws FileError.
 */
export async function lookInto(
  inquiry: Pick<Inquiry, 'store'>,
  output: Output,
  info: PathInfo,
): Promise<{ readonly stated: Stated } | { readonly refusal: Refusal }> {
  const { path, kind } = output
  const registered = info.narHash
  try {
    const stated = await readFor(inquiry, output, info)
    if (stated !== undefined) return { stated }
  } catch (error) {
    if (!(error instanceof FormatError) || error.format !== 'NAR') throw error
  }
  const { narHash: found } = await narHashOfTree(path.path)
  return found === registered
    ? { stated: {} }
    : { refusal: alteredRefusal({ path, kind }, { registered, found }) }
}

/** Undefined if nothing was read, because nobody knows what to look for. */
async function readFor(
  inquiry: Pick<Inquiry, 'store'>,
  output: Output,
  info: PathInfo,
): Promise<Stated | undefined> {
  const candidates = await candidatesOf(inquiry, output.derivation)
  if (candidates === undefined) return undefined
  const stated = { path: info.path, references: info.references, candidates }
  const found = await hashPartsInNar(dumpTree(info.path), info, wantedFor(stated))
  return concludeFrom(found, stated).kind === 'right' ? statedReferences(info.references) : {}
}
