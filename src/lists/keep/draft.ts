/** The list as it is being edited: what would be published if enough keepers signed it. */
import { FileError } from '../../files/regular-file.ts'
import { LIST_FILE, LIST_LIMIT, parseList } from '../../formats/lists/document.ts'
import { CERTIFICATE_LIMIT, type ListDocument } from '../../formats/lists/listed.ts'
import { partDirectory, roleOfTeam, TEAM_ROLE, teamOfRole } from '../../formats/lists/names.ts'
import { printList } from '../../formats/lists/print-document.ts'
import { keysOfList } from '../document/keys-of-list.ts'
import { needWithin, readWithin, writeWithin } from './directory.ts'
import { type Keepers, readKeepers } from './keepers.ts'

/** A document and the files that go with it. */
export interface DraftPart {
  readonly document: ListDocument
  /** By the paths of targets: the document itself, and the certificates that it names. */
  readonly files: ReadonlyMap<string, Uint8Array>
}

export interface Draft {
  readonly keepers: Keepers
  readonly list: DraftPart
  /** By role: `team-NAME`. A team without a document is absent. */
  readonly teams: ReadonlyMap<string, DraftPart>
}

/** Reads it whole. Throws FileError and FormatError. */
export function readDraft(directory: string): Draft {
  const keepers = readKeepers(directory)
  const list = readPart(directory, undefined)
  if (list === undefined) throw new FileError(`${LIST_FILE} is absent: "nixsig list init" makes one`)
  const named = [...keepers.roles.keys()].filter(role => TEAM_ROLE.test(role)).map(teamOfRole)
  for (const team of new Set([...named, ...list.document.teams.keys()])) {
    if (!list.document.teams.has(team))
      throw new FileError(
        `the team ${team} has keepers, and is not in ${LIST_FILE}; next: add it again with nixsig list add`,
      )
    if (!named.includes(team))
      throw new FileError(
        `the team ${team} is in ${LIST_FILE}, and has no keepers; next: add it again with nixsig list add, or take it out with nixsig list remove`,
      )
  }
  const teams = new Map<string, DraftPart>()
  for (const team of named) {
    const part = readPart(directory, team)
    if (part !== undefined) teams.set(roleOfTeam(team), part)
  }
  return { keepers, list, teams }
}

/** Reads the document of the list, or of a team. Throws FileError if it is absent. */
export function readDocument(directory: string, team: string | undefined): ListDocument {
  const path = `${partDirectory(team)}${LIST_FILE}`
  return parseList(needWithin(directory, path, LIST_LIMIT), team === undefined ? 'list' : 'team')
}

/** Writes a document, after the checks of checkedDocument. */
export function writeDocument(directory: string, team: string | undefined, document: ListDocument): void {
  const bytes = printList(checkedDocument(directory, team, document))
  writeWithin(directory, `${partDirectory(team)}${LIST_FILE}`, bytes)
}

/**
 * The same. Throws FormatError if it could not be read again, or two in it share a key, and FileError
 * if a certificate is absent.
 */
export function checkedDocument(
  directory: string,
  team: string | undefined,
  document: ListDocument,
): ListDocument {
  const base = partDirectory(team)
  keysOfList(parseList(printList(document), team === undefined ? 'list' : 'team'), path => ({
    path: `${base}${path}`,
    bytes: needWithin(directory, `${base}${path}`, CERTIFICATE_LIMIT),
  }))
  return document
}

/** Undefined if it has no document. */
function readPart(directory: string, team: string | undefined): DraftPart | undefined {
  const base = partDirectory(team)
  const bytes = readWithin(directory, `${base}${LIST_FILE}`, LIST_LIMIT)
  if (bytes === undefined) return undefined
  const document = parseList(bytes, team === undefined ? 'list' : 'team')
  const files = new Map<string, Uint8Array>([[`${base}${LIST_FILE}`, bytes]])
  keysOfList(document, path => {
    const certificate = needWithin(directory, `${base}${path}`, CERTIFICATE_LIMIT)
    files.set(`${base}${path}`, certificate)
    return { path: `${base}${path}`, bytes: certificate }
  })
  return { document, files }
}
