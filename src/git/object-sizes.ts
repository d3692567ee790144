import { FileError } from '../files/regular-file.ts'
import { printable } from '../primitives/printable.ts'
import { gitOutput } from './git-output.ts'
import type { GitObjectType } from './objects.ts'

/**
 * The sizes of those objects that have a type, in bytes, without reading them. What is absent or of
 * another type has no size. `directory` is a repository of our own. Throws FileError.
 */
export async function sizesOfType(
  directory: string,
  type: GitObjectType,
  ids: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  if (ids.length === 0) return new Map()
  const args = ['cat-file', '--batch-check', '--buffer']
  const limit = 64 * 1024 * 1024
  const { status, output, complaint } = await gitOutput({ directory }, args, {
    input: `${ids.join('\n')}\n`,
    limit,
  })
  if (status !== 0) throw new FileError(`cannot read objects of git: ${printable(complaint, 300)}`)
  const lines = output.toString('latin1').matchAll(/^([0-9a-f]+) ([a-z]+) (\d+)$/gm)
  return new Map(
    [...lines].flatMap(([, id = '', of, size]) => (of === type ? [[id, Number(size)] as const] : [])),
  )
}
