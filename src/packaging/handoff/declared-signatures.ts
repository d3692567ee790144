import { SIGNED_LIST_LIMIT, signatureKind } from '../../crypto/detached/verify.ts'
import { FileError, readRegularFile } from '../../files/regular-file.ts'
import { CHECKSUM_LIST_LIMIT } from '../../formats/checksum-list.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { inputsOf, readDerivation } from '../../verifier/stored-derivation.ts'
import type { FoundSignature } from './find-signature.ts'
import { contentsOfSource, type Workplace } from './source-contents.ts'
import { type Source, sourceOf } from './sources.ts'

/**
 * The signatures that derivations declare for a source, from the store or from where they are
 * fetched. Throws FileError where one is nowhere to be had, and FormatError where a declaration or
 * a signature cannot be read: what a package says of its own source is not passed over.
 */
export async function declaredOf(source: Source, workplace: Workplace): Promise<readonly FoundSignature[]> {
  const found: FoundSignature[] = []
  for (const { by, signatures, problem } of source.declared) {
    if (problem !== undefined) throw new FormatError('derivation', problem, by)
    for (const { signature: path, checksums, fileName, kind } of signatures) {
      const signature = await contentsAt(path, by, workplace)
      const actual = signatureKind(signature)
      if (kind !== undefined && kind !== actual) {
        throw new FormatError('derivation', `what is said to be ${kind} is ${actual}`, path)
      }
      const list = checksums === undefined ? {} : { checksums: await contentsAt(checksums, by, workplace) }
      const names = fileName === undefined ? {} : { fileName }
      found.push({ origin: path, kind: actual, signature, ...list, ...names })
    }
  }
  return found
}

/** The contents of a file that a derivation is built from. */
async function contentsAt(path: string, by: string, workplace: Workplace): Promise<Uint8Array> {
  const input = inputsOf(readDerivation(by)).find(each => each.path.path === path)
  if (input === undefined || input.kind === 'output') {
    throw new FormatError('derivation', 'a signature that it is not built from', path)
  }
  const { file } = await contentsOfSource(sourceOf(input, input.kind), workplace)
  const bytes = readRegularFile(file, Math.max(SIGNED_LIST_LIMIT, CHECKSUM_LIST_LIMIT))
  if (bytes === undefined) throw new FileError(`${path} went away while it was read`)
  return bytes
}
