import { DecompressionError } from '../../files/decompress.ts'
import { FileError } from '../../files/regular-file.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { BuildError } from './build-error.ts'
import type { Counts, Distribution, Remark } from './finding.ts'

const FORESEEN = [FormatError, FileError, DecompressionError, BuildError]

/**
 * Reads a package of a distribution. One that cannot be read is counted as failed, remarked on and
 * left out. `name`: how the remark calls it, raw.
 */
export async function leavingOut<T>(
  distribution: Distribution,
  name: string,
  { counts, remark }: { readonly counts: Counts; readonly remark: Remark },
  read: () => Promise<T | undefined>,
): Promise<T | undefined> {
  try {
    return await read()
  } catch (error) {
    if (!FORESEEN.some(kind => error instanceof kind)) throw error
    counts.add('failed')
    remark(`${distribution}: ${printable(name)} is left out: ${printable((error as Error).message)}`)
    return undefined
  }
}
