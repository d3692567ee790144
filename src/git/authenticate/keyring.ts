/** The certificates that a repository keeps on a branch of its own, as Guix has them. */
import { findCertificate } from '../../crypto/openpgp/certificate.ts'
import type { Certificate } from '../../crypto/openpgp/own-parts.ts'
import { FileError } from '../../files/regular-file.ts'
import { parseGitCommit, parseGitTree } from '../../formats/git-object.ts'
import { parseCertificates } from '../../formats/openpgp/certificate.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { openGitObjects } from '../objects.ts'
import { type Pair, packAcross } from './pack-across.ts'

const FILE_LIMIT = 10_000

/** Certificates by the fingerprints and key ids of all their keys, in upper-case hex. */
export interface Keyring {
  /** Those that have a key of one of these names; each is verified the first time. */
  find(names: readonly string[]): readonly Certificate[]
  /** Files that could not be read, and why. Escaped. */
  readonly problems: readonly string[]
}

/**
 * Reads all files NAME.key at the top of a commit's tree. Copies of a certificate in several files
 * count together. Throws FileError if the commit or a file is missing, or a file is larger than 4
 * MiB.
 */
export async function readKeyring(pair: Pair, commit: string): Promise<Keyring> {
  await copyKeys(pair, commit)
  const objects = openGitObjects(pair.received)
  const problems: string[] = []
  const copies = new Map<string, Uint8Array[]>()
  try {
    const { tree } = parseGitCommit(await objects.read(commit, 'commit'))
    const entries = parseGitTree(await objects.read(tree, 'tree'), tree.length / 2)
    const files = entries.filter(({ kind, name }) => kind === 'file' && name.endsWith('.key'))
    if (files.length > FILE_LIMIT) throw new FileError(`more than ${FILE_LIMIT} keys in commit ${commit}`)
    for (const { name, id } of files) {
      const problem = addCopies(copies, await objects.read(id, 'blob'))
      if (problem !== undefined) problems.push(`${printable(name, 80)}: ${problem}`)
    }
  } finally {
    objects.close()
  }
  return keyringOf(copies, problems)
}

async function copyKeys(pair: Pair, commit: string): Promise<void> {
  try {
    await packAcross(pair, { lines: [`--shallow ${commit}`, commit], as: 'files' })
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    throw new FileError(`cannot read the keys in commit ${commit}, fetch their branch: ${error.message}`)
  }
}

function addCopies(copies: Map<string, Uint8Array[]>, file: Uint8Array): string | undefined {
  try {
    for (const { primary, bytes } of parseCertificates(file)) {
      const known = copies.get(primary.fingerprint) ?? []
      copies.set(primary.fingerprint, known)
      known.push(bytes)
    }
    return undefined
  } catch (error) {
    if (error instanceof FormatError) return error.message
    throw error
  }
}

function keyringOf(copies: ReadonlyMap<string, readonly Uint8Array[]>, problems: string[]): Keyring {
  const lazy = new Map<string, (() => Certificate)[]>()
  for (const [fingerprint, bytes] of copies) {
    try {
      const found = findCertificate(Buffer.concat(bytes), fingerprint)
      if (found === undefined || fingerprint === '') continue
      let certificate: Certificate | undefined
      const verified = () => (certificate ??= found.verified())
      const names = found.keys.flatMap(key => [key.fingerprint, key.keyId])
      for (const name of names) lazy.set(name, [...(lazy.get(name) ?? []), verified])
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      problems.push(`${fingerprint}: ${error.message}`)
    }
  }
  const find = (names: readonly string[]) => [
    ...new Set(names.flatMap(name => lazy.get(name) ?? []).map(verified => verified())),
  ]
  return { find, problems }
}
