/** `[developers.NAME]`: the user's own word on who signs which sources. */
import type { DevelopersEntry } from '../lists/book.ts'
import { complain, countOf, entriesOf, fieldsOf, listOf, type Node, plainStringOf } from './fields.ts'
import { globOf } from './match.ts'
import { checkName } from './principals.ts'
import { type People, readDeveloperNames } from './requirements.ts'

const ENTRY_LIMIT = 10_000
const GLOB_COUNT = 64
const URL_COUNT = 64
const URL_LIMIT = 1024

/** Reads `[developers]`, in order. What is wrong with an entry is recorded, and it is left out. */
export function readDevelopers(node: Node | undefined, people: People): readonly DevelopersEntry[] {
  const entries = (node && entriesOf(node)) ?? []
  if (node !== undefined && entries.length > ENTRY_LIMIT) complain(node, `more than ${ENTRY_LIMIT} entries`)
  return entries.slice(0, ENTRY_LIMIT).flatMap(([name, entry]) => readEntry(name, entry, people) ?? [])
}

function readEntry(name: string, node: Node, people: People): DevelopersEntry | undefined {
  const before = node.draft.problems.length
  checkName(name, node)
  const fields = fieldsOf(node, ['names', 'by'], ['urls', 'threshold'])
  const names = listOf(fields?.names, GLOB_COUNT).map(globOf)
  if (Array.isArray(fields?.names?.value) && names.length === 0)
    complain(fields.names, 'must have at least one glob')
  const urls = listOf(fields?.urls, URL_COUNT).map(readUrlGlob)
  const by = fields?.by && readDeveloperNames(fields.by, people)
  const threshold = countOf(fields?.threshold) ?? 1
  if (fields?.threshold !== undefined && by !== undefined && threshold > by.length)
    complain(fields.threshold, `needs ${threshold} of only ${by.length}`)
  if (node.draft.problems.length > before || by === undefined) return undefined
  return {
    name,
    names: names.filter(glob => glob !== undefined),
    urls: urls.filter(url => url !== undefined),
    by,
    threshold,
  }
}

/** `*` and `?` as in names; all other characters stand for themselves. */
function readUrlGlob(node: Node): string | undefined {
  const glob = plainStringOf(node, URL_LIMIT)
  if (glob === undefined || /^[!-~]+$/.test(glob)) return glob
  return complain(node, 'must be a glob for addresses, in ASCII and without spaces')
}
