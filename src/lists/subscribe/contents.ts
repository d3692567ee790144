/** What a state of a list says: its documents with their certificates, read and checked. */
import { FileError } from '../../files/regular-file.ts'
import { LIST_FILE, parseList } from '../../formats/lists/document.ts'
import { CERTIFICATE_LIMIT, type ListDocument, type ListedRevocation } from '../../formats/lists/listed.ts'
import { partDirectory, teamOfRole } from '../../formats/lists/names.ts'
import type { CertificateFile } from '../../policy/digest.ts'
import { FormatError } from '../../primitives/format-error.ts'
import type { BookPart } from '../book/write.ts'
import { keysOfList } from '../document/keys-of-list.ts'
import type { ReadList } from '../tuf/update.ts'

/** Certificates that are fetched at the same time. */
const AT_ONCE = 8

/** One state of a list. */
export interface Contents {
  /** The list itself first. */
  readonly parts: readonly [BookPart, ...BookPart[]]
  /** Teams that count for nothing, by name, each with the reason (escaped). */
  readonly lapsed: ReadonlyMap<string, string>
  /** Of its targets metadata. */
  readonly version: number
}

/**
 * Reads all documents of a state and their certificates. A team whose part cannot be read counts
 * for nothing. Throws FileError and FormatError if the list itself cannot.
 */
export async function contentsOf(list: ReadList): Promise<Contents> {
  const main = await partOf(list, undefined)
  if (main === undefined)
    throw new FormatError('list', `has no ${LIST_FILE}`, `version ${list.targets.version}`)
  const lapsed = new Map([...list.lapsed].map(([role, why]) => [teamOfRole(role), why]))
  const parts: [BookPart, ...BookPart[]] = [main]
  for (const role of list.teams.keys()) {
    const team = teamOfRole(role)
    if (!main.document.teams.has(team)) {
      lapsed.set(team, 'the list does not say what it may speak for')
      continue
    }
    try {
      const part = await partOf(list, team)
      if (part === undefined) lapsed.set(team, `has no ${LIST_FILE}`)
      else parts.push(part)
    } catch (error) {
      // Its keepers are not the list's: they cannot keep the rest from being updated.
      if (!(error instanceof FormatError)) throw error
      lapsed.set(team, error.message)
    }
  }
  return { parts, lapsed, version: list.targets.version }
}

/**
 * What the documents of a state revoke, by team, `undefined` for the list itself, also where the
 * rest of it cannot be used: a certificate that is withheld, globs that no book takes. Documents
 * that cannot be read themselves are left out.
 */
export async function revocationsIn(
  list: ReadList,
): Promise<ReadonlyMap<string | undefined, readonly ListedRevocation[]>> {
  const found = new Map<string | undefined, readonly ListedRevocation[]>()
  for (const team of [undefined, ...[...list.teams.keys()].map(teamOfRole)]) {
    try {
      const document = await documentOf(list, team)
      if (document !== undefined) found.set(team, document.revocations)
    } catch (error) {
      if (!isUnreadable(error)) throw error
    }
  }
  return found
}

async function documentOf(list: ReadList, team: string | undefined): Promise<ListDocument | undefined> {
  const bytes = await list.target(`${partDirectory(team)}${LIST_FILE}`)
  return bytes && parseList(bytes, team === undefined ? 'list' : 'team')
}

async function partOf(list: ReadList, team: string | undefined): Promise<BookPart | undefined> {
  const document = await documentOf(list, team)
  if (document === undefined) return undefined
  const files = await certificatesOf(list, partDirectory(team), document)
  const certificate = (path: string) => {
    const file = files.get(path)
    if (file === undefined) throw new FormatError('list', 'is not among what was signed', path)
    return file
  }
  keysOfList(document, certificate)
  return { document, certificate, ...(team !== undefined && { team }) }
}

async function certificatesOf(
  list: ReadList,
  base: string,
  { principals }: ListDocument,
): Promise<ReadonlyMap<string, CertificateFile>> {
  const keys = [...principals.values()].flatMap(principal => principal.keys)
  const paths = [...new Set(keys.flatMap(key => ('openpgp' in key ? key.certificate : [])))]
  const found = new Map<string, CertificateFile>()
  const left = [...paths]
  const fetchNext = async (): Promise<void> => {
    for (let path = left.pop(); path !== undefined; path = left.pop()) {
      const bytes = await list.target(`${base}${path}`)
      if (bytes === undefined) continue
      if (bytes.length > CERTIFICATE_LIMIT)
        throw new FormatError('list', `larger than ${CERTIFICATE_LIMIT} bytes`, path)
      found.set(path, { path: `${base}${path}`, bytes })
    }
  }
  const stopping = (error: unknown) => {
    left.length = 0
    throw error
  }
  const all = Array.from({ length: AT_ONCE }, () => fetchNext().catch(stopping))
  // Nothing may still be written once the caller has given the lock back.
  const failed = (await Promise.allSettled(all)).find(each => each.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  return found
}

/** Whether an error says that a list, or what is kept of it, cannot be read. */
export function isUnreadable(error: unknown): error is FileError | FormatError {
  return error instanceof FileError || error instanceof FormatError
}
