import { type Answer, get, type Question, type Validators } from '../../http/client.ts'
import type { Patience } from '../../http/patience.ts'
import { routeWith } from '../../http/route.ts'
import { SourceError } from '../../http/source-error.ts'
import { FormatError } from '../../primitives/format-error.ts'
import type { Mirror } from './mirror.ts'

/** A file of a publication, and how much of it is wanted. */
export interface Asking extends Pick<Question, 'limit' | 'excess'> {
  /** Path relative to the source's address. */
  readonly name: string
  readonly known?: Validators | undefined
}

/** Asks a source for a file. Throws SourceError, whose message names the file. */
export async function ask(source: Mirror, asking: Asking, patience: Patience): Promise<Answer> {
  const { name, known, ...rest } = asking
  try {
    const url = `${source.url}/${name}`
    const route = source.http && routeWith(source.http)
    return await get({ url, ...rest, ...(known && { known }), ...(route && { route }), patience })
  } catch (error) {
    if (!(error instanceof SourceError)) throw error
    throw new SourceError(`${name}: ${error.message}`, error)
  }
}

/** Parses a list that a source sent. Throws SourceError if `parse` throws FormatError. */
export function parsed<T>(name: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw new SourceError(`${name}: ${error.message}`, { isPassing: false })
  }
}
