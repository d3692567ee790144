/** Which files a Nix with a given environment is configured by, read as it reads them. */
import { readFileSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { printable } from '../primitives/printable.ts'
import { parseConf } from './conf-text.ts'
import { type Assignment, assignment } from './settings.ts'

/** A file that says something, or would if it were there. */
export interface ConfFile {
  readonly path: string
  /** When it was last changed in any way, in milliseconds since 1970; undefined if it is not there. */
  readonly changed: number | undefined
}

export interface Configuration {
  readonly files: readonly ConfFile[]
  /** Everything that is said, in the order in which it counts: the last word on a setting holds. */
  readonly assignments: readonly Assignment[]
  /** What keeps Nix from reading it as it stands, in words that are safe to print. */
  readonly problems: readonly string[]
  /** Files that may be missing (`!include`), and are; raw. */
  readonly missing: readonly string[]
}

/** The variables that decide what Nix reads. Nothing else of an environment is looked at. */
export const VARIABLES = [
  'HOME',
  'NIX_CONF_DIR',
  'NIX_CONFIG',
  'NIX_CONFIG_HOME',
  'NIX_USER_CONF_FILES',
  'XDG_CONFIG_DIRS',
  'XDG_CONFIG_HOME',
] as const

export type Environment = Readonly<Partial<Record<(typeof VARIABLES)[number], string>>>

const FILE_LIMIT = 1024 * 1024
/** Files that include one another. Nix itself goes on until it has no more stack. */
const DEPTH_LIMIT = 32
const FILES_LIMIT = 256

interface Reading {
  readonly files: Map<string, ConfFile>
  readonly assignments: Assignment[]
  readonly problems: string[]
  readonly missing: string[]
}

/**
 * Reads nix.conf, what it includes, the files of the user whose environment this is, and NIX_CONFIG, in the order of the
 * Nix manual ("nix.conf"). Never throws: what cannot be read is a problem.
 */
export function readConfiguration(environment: Environment): Configuration {
  const reading: Reading = { files: new Map(), assignments: [], problems: [], missing: [] }
  readFile(reading, join(environment.NIX_CONF_DIR ?? '/etc/nix', 'nix.conf'), 0)
  // Of the user's files the first one counts most.
  for (const file of userFiles(environment).toReversed()) readFile(reading, file, 0)
  if (environment.NIX_CONFIG !== undefined) {
    takeText(reading, environment.NIX_CONFIG, { origin: 'NIX_CONFIG', directory: '/', depth: 0 })
  }
  return { ...reading, files: [...reading.files.values()] }
}

/** The configuration files of a user, the one that counts most first. */
function userFiles(environment: Environment): readonly string[] {
  const named = environment.NIX_USER_CONF_FILES
  if (named !== undefined) return named.split(':').filter(file => file !== '')
  const base = environment.XDG_CONFIG_HOME ?? join(environment.HOME ?? '/root', '.config')
  // From Nix 2.25 on.
  const home = environment.NIX_CONFIG_HOME ?? join(base, 'nix')
  const shared = (environment.XDG_CONFIG_DIRS ?? '/etc/xdg').split(':').filter(directory => directory !== '')
  return [home, ...shared.map(directory => join(directory, 'nix'))].map(directory =>
    join(directory, 'nix.conf'),
  )
}

/** Takes a file; one that is not there says nothing. */
function readFile(reading: Reading, path: string, depth: number): boolean {
  if (reading.files.size >= FILES_LIMIT || depth > DEPTH_LIMIT) {
    reading.problems.push(`${printable(path)} is included by too many others`)
    return true
  }
  try {
    const status = statSync(path, { throwIfNoEntry: false })
    reading.files.set(path, { path, changed: status?.ctimeMs })
    if (status === undefined) return false
    if (!status.isFile() || status.size > FILE_LIMIT) {
      reading.problems.push(`${printable(path)} is no file of at most ${FILE_LIMIT} bytes`)
      return true
    }
    takeText(reading, readFileSync(path, 'utf8'), { origin: path, directory: dirname(path), depth })
  } catch (error) {
    reading.problems.push(`${printable(path)} cannot be read: ${printable((error as Error).message)}`)
  }
  return true
}

interface Place {
  readonly origin: string
  /** What relative names are relative to. */
  readonly directory: string
  readonly depth: number
}

function takeText(reading: Reading, text: string, { origin, directory, depth }: Place): void {
  for (const line of parseConf(text)) {
    const where = `${origin}:${line.line}`
    if (line.kind === 'malformed') reading.problems.push(`${printable(where)} is no line of a nix.conf`)
    if (line.kind === 'setting') reading.assignments.push(assignment(line.name, line.value, where))
    if (line.kind !== 'include') continue
    const file = resolve(directory, line.file)
    if (readFile(reading, file, depth + 1)) continue
    if (line.mayBeMissing) reading.missing.push(file)
    else reading.problems.push(`${printable(where)} includes ${printable(file)}, which is not there`)
  }
}
