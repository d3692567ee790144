import { FormatError } from '../../../primitives/format-error.ts'
import { type ListedFile, listedFiles, paragraphsOf } from './control.ts'

/** A source package with an upstream signature, as an index lists it. Paths are the mirror's. */
export interface SourcePackage {
  readonly name: string
  readonly version: string
  /** `debian.tar.*`, with its path in the mirror. */
  readonly packaging: ListedFile
  /** `orig.tar.*` and its signature. */
  readonly tarball: ListedFile
  readonly signature: ListedFile
}

/** What an index has: how many source packages, and those with an upstream signature. */
export interface SourcesIndex {
  readonly packages: number
  readonly signed: readonly SourcePackage[]
}

/**
 * Reads an index of source packages. Throws FormatError for a malformed one, and for a path that
 * leads out of the mirror.
 */
export function readSources(text: string): SourcesIndex {
  const signed: SourcePackage[] = []
  let packages = 0
  for (const fields of paragraphsOf(text)) {
    packages++
    const name = fields.get('package') ?? ''
    const version = fields.get('version') ?? ''
    const directory = fields.get('directory') ?? ''
    const checksums = fields.get('checksums-sha256')
    if (!/^[a-z0-9][a-z0-9+.-]{1,99}$/.test(name)) throw malformed('no name of a source package')
    if (checksums?.includes('.orig.tar.') !== true || !checksums.includes('.asc')) continue
    if (!/^[0-9A-Za-z.+:~-]{1,100}$/.test(version)) throw malformed(`no version of ${name}`)
    if (!isInside(directory)) throw malformed(`a directory of ${name} outside of the mirror`)
    const files = listedFiles(checksums).map(file => {
      if (!/^[0-9A-Za-z][0-9A-Za-z.+_~:-]*$/.test(file.name)) throw malformed(`a file name of ${name}`)
      return { ...file, name: `${directory}/${file.name}` }
    })
    const packaging = files.find(file => /\.debian\.tar\.[a-z0-9]+$/.test(file.name))
    const signature = files.find(file => /\.orig\.tar\.[a-z0-9]+\.asc$/.test(file.name))
    const tarball = files.find(file => `${file.name}.asc` === signature?.name)
    if (packaging === undefined || signature === undefined || tarball === undefined) continue
    signed.push({ name, version, packaging, tarball, signature })
  }
  return { packages, signed }
}

function isInside(directory: string): boolean {
  const parts = directory.split('/')
  return parts.every(part => /^[0-9A-Za-z][0-9A-Za-z.+_~-]*$/.test(part))
}

function malformed(problem: string): FormatError {
  return new FormatError('Sources', problem, 'packages')
}
