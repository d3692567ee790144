import { FileError } from '../files/regular-file.ts'
import { type Difference, differencesOf } from '../packaging/reproduce/compare-trees.ts'
import { diffoscope } from '../packaging/reproduce/diffoscope.ts'
import type { Differing } from '../packaging/reproduce/rebuild.ts'
import { printable } from '../primitives/printable.ts'
import { narHashOfTree } from '../store/disk-tree-nar.ts'
import type { Terminal } from './terminal.ts'

/** Files that are named. */
const NAMED = 20

const WHAT: Readonly<Record<Difference['what'], string>> = {
  kind: 'is a file, a directory or a link in one and something else in the other',
  contents: 'other contents',
  executable: 'executable in only one of them',
  target: 'a link that leads elsewhere',
  'only-first': 'only in the store',
  'only-second': 'only rebuilt',
}

/**
 * Says how an output differs from what was built now. `diffTimeout`: milliseconds for diffoscope,
 * undefined to do without it.
 */
export async function sayDiffering(
  terminal: Terminal,
  { output, rebuilt }: Differing,
  diffTimeout: number | undefined,
): Promise<void> {
  const { path } = output.path
  const drv = printable(output.derivation.path.path)
  terminal.print(
    `${terminal.bad('differs')} ${printable(path)} (output ${printable(output.name)} of ${drv}): built again, it came out differently; nothing is signed`,
  )
  for (const line of await differenceLines(path, rebuilt)) terminal.print(`  ${line}`)
  const said = diffTimeout === undefined ? undefined : await diffoscope(path, rebuilt, diffTimeout)
  if (said !== undefined) terminal.print(['  diffoscope:', ...said.map(line => `    ${line}`)].join('\n'))
  terminal.print(
    `  next: find out which one is right, by a third builder or by what differs; ${printable(rebuilt)} stays until garbage is collected`,
  )
}

async function differenceLines(path: string, rebuilt: string): Promise<readonly string[]> {
  const lines: string[] = []
  try {
    for (const [label, tree] of [
      ['in the store', path],
      ['rebuilt', rebuilt],
    ] as const)
      lines.push(`${label}: sha256:${(await narHashOfTree(tree)).narHash} ${printable(tree)}`)
    let named = 0
    for await (const { name, what } of differencesOf(path, rebuilt)) {
      if (named++ === NAMED) {
        lines.push('… and more files')
        break
      }
      const shown = name === '' ? 'the path itself' : printable(Buffer.from(name, 'latin1').toString('utf8'))
      lines.push(`${shown}: ${WHAT[what]}`)
    }
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    lines.push(error.message)
  }
  return lines
}
