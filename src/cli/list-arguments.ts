/** Arguments and options that commands for keepers of lists share. */
import { join } from 'node:path'
import { assertDirectory, readNamedFile, realPathOf } from '../files/named-file.ts'
import { ownPlaces } from '../files/own-places.ts'
import { CERTIFICATE_LIMIT, type ListedKey, validityOf } from '../formats/lists/listed.ts'
import { CERTIFICATES } from '../formats/lists/listed-principals.ts'
import { partDirectory } from '../formats/lists/names.ts'
import { writeWithin } from '../lists/keep/directory.ts'
import { type Keeper, type Keepers, keeperOf } from '../lists/keep/keepers.ts'
import { parseInstant } from '../policy/language/instant.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import { keysOfArgument, keyTextOf } from './key-argument.ts'
import { saying } from './option-value.ts'
import { UsageError } from './usage-error.ts'

/** The directory in which a list is kept. */
export const LIST_ARGUMENT = { count: 'one', text: 'Directory in which the list is kept' } as const

/** Keepers, each with a key or known already. */
export const KEEPER_OPTION = {
  kind: 'values',
  value: 'NAME=KEY',
  text: 'Who signs, with a public Ed25519 key or its file; NAME alone for somebody who signs already',
} as const

export const THRESHOLD_OPTION = { kind: 'value', value: 'N', text: 'How many of them are needed' } as const

export const TEAM_OPTION = {
  kind: 'value',
  value: 'TEAM',
  text: "Change this team's part in place of the list itself",
} as const

/** The directory as a shell takes it. */
function shellWord(directory: string): string {
  const word = printable(directory, 200)
  return /^[\w./~-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

/** The commands with which keepers go on, in this directory. */
export function nextSign(directory: string): string {
  return `nixsig list sign ${shellWord(directory)}`
}

export function nextAdd(directory: string): string {
  return `nixsig list add ${shellWord(directory)} …`
}

/** Makes a change to a list; that it makes no sense is said. Throws UsageError and FileError. */
export function editing<T>(change: () => T): T {
  try {
    return change()
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    const { message } = error
    throw new UsageError(
      message.includes('nothing was changed') ? message : `${message}; nothing was changed`,
    )
  }
}

/** The real directory. Throws FileError if it is absent or something else. */
export function listDirectory(argument: string): string {
  const directory = realPathOf(argument)
  assertDirectory(directory)
  return directory
}

/** Where this machine remembers what it has seen of the lists that are kept on it. */
export function listMemory(): string {
  return join(ownPlaces().state, 'kept-lists')
}

/** Reads `NAME=KEY`, or the name of somebody who is known. Throws UsageError. */
export function keeperArgument(text: string, known: Keepers | undefined): Keeper {
  const at = text.indexOf('=')
  const name = at < 0 ? text : text.slice(0, at)
  if (at < 0) {
    const keeper = known?.keepers.get(name)
    if (keeper !== undefined) return keeper
    throw new UsageError(`${printable(text)}: give a keeper as NAME=KEY`)
  }
  const key = text.slice(at + 1)
  const [read] = keysOfArgument(key)
  if (read?.kind !== 'ed25519')
    throw new UsageError(`${printable(name)}: keepers of lists sign with Ed25519 keys`)
  return saying('--keeper', () => keeperOf(name, keyTextOf(key)))
}

/** A whole number of at least 1. Throws UsageError. */
export function numberOption(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new UsageError(`${option} must be a number of at least 1`)
  return Number(text)
}

/** A date or time. Throws UsageError. */
export function instantOption(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const instant = parseInstant(text)
  if (instant === undefined) throw new UsageError(`${option} must be a date, such as 2026-12-31`)
  return instant
}

/** What a key is listed with. */
export interface KeyValues {
  readonly validFrom: number | undefined
  readonly validUntil: number | undefined
  readonly namespaces: readonly string[]
}

/**
 * The keys that an argument means, as a list writes them. Certificates are put beside the list.
 * Throws UsageError, FormatError and FileError.
 */
export function listedKeys(
  argument: string,
  values: KeyValues,
  { directory, team }: { readonly directory: string; readonly team: string | undefined },
): readonly ListedKey[] {
  const validity = validityOf(values)
  const keys = keysOfArgument(argument)
  return keys.map(key => {
    if (key.kind === 'sigstore') throw new UsageError('lists have no Sigstore identities')
    if (key.kind !== 'openpgp')
      return {
        key: keyTextOf(argument),
        ...validity,
        ...(values.namespaces.length > 0 && { namespaces: values.namespaces }),
      }
    if (keys.length > 1)
      throw new UsageError(
        `${printable(argument)} has ${keys.length} certificates; next: give a file for each`,
      )
    const certificate = `${CERTIFICATES}/${key.fingerprint}.pgp`
    writeWithin(
      directory,
      `${partDirectory(team)}${certificate}`,
      readNamedFile(key.certificate, CERTIFICATE_LIMIT).bytes,
    )
    return { openpgp: key.fingerprint, certificate, ...validity }
  })
}
