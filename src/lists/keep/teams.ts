/**
 * Teams of a list as they come and go. That takes several files, which are written one after the
 * other: in an order in which the same call goes on if it was interrupted.
 */
import { emptyList, type ListedTeam } from '../../formats/lists/listed.ts'
import { checkedDocument, readDocument, writeDocument } from './draft.ts'
import { type Rotation, removeEntry, rotate, setEntry, withoutRole } from './edit.ts'
import { checkedKeepers, readKeepers, teamRole, writeKeepers } from './keepers.ts'

/**
 * Adds a team with its keepers, or changes what it speaks for and who keeps its part. A team that is
 * there already keeps what it says. Throws FormatError and FileError; then nothing was written.
 */
export function addTeam(directory: string, name: string, team: ListedTeam, rotation: Rotation): void {
  const list = readDocument(directory, undefined)
  const keepers = checkedKeepers(rotate(readKeepers(directory), teamRole(name), rotation))
  const changed = checkedDocument(directory, undefined, setEntry(list, 'teams', name, team))
  if (!list.teams.has(name)) writeDocument(directory, name, emptyList(name, list.says))
  writeDocument(directory, undefined, changed)
  writeKeepers(directory, keepers)
}

/**
 * Takes a team out, and its keepers, but for those who sign for other roles. Throws FormatError and
 * FileError; then nothing was written.
 */
export function removeTeam(directory: string, name: string): void {
  const left = removeEntry(readDocument(directory, undefined), 'teams', name)
  const changed = checkedDocument(directory, undefined, left)
  // Its keepers first: as long as the list has the team, the same call finds it.
  writeKeepers(directory, withoutRole(readKeepers(directory), teamRole(name)))
  writeDocument(directory, undefined, changed)
}
