/** Which files configure a Nix with a given environment, read as Nix reads them. */
import { readFileSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { printable } from '../primitives/printable.ts'
import { parseConf } from './conf-text.ts'
import { type Assignment, assignment } from './settings.ts'

/** A file that Nix reads, or would read if it existed. */
export interface ConfFile {
  readonly path: string
  /**
   * When it was last changed in any way (ctime), in milliseconds since 1970; undefined if it is
   * absent.
   */
  readonly changed: number | undefined
}

/** The result of reading a configuration. */
export interface Configuration {
  readonly files: readonly ConfFile[]
  /** All assignments in order; the last assignment to a setting is in effect. */
  readonly assignments: readonly Assignment[]
  /** Reasons why Nix cannot read the configuration; safe to print. */
  readonly problems: readonly string[]
  /** Optional files (`!include`) that are absent; raw. */
  readonly missing: readonly string[]
}

/** The environment variables that decide what Nix reads. No others are used. */
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
/** Levels of nested includes. Nix itself has no limit and runs out of stack. */
const DEPTH_LIMIT = 32
const FILES_LIMIT = 256

interface Reading {
  readonly files: Map<string, ConfFile>
  readonly assignments: Assignment[]
  readonly problems: string[]
  readonly missing: string[]
}

/**
 * Reads nix.conf, its includes, the configuration files of the environment's user, and NIX_CONFIG,
 * in the order of the Nix manual ("nix.conf"). Never throws: what cannot be read is a problem.
 */
export function readConfiguration(environment: Environment): Configuration {
  const reading: Reading = { files: new Map(), assignments: [], problems: [], missing: [] }
  readFile(reading, join(environment.NIX_CONF_DIR ?? '/etc/nix', 'nix.conf'), 0)
  // The first of the user's files has precedence, so it is read last.
  for (const file of userFiles(environment).toReversed()) readFile(reading, file, 0)
  if (environment.NIX_CONFIG !== undefined) {
    takeText(reading, environment.NIX_CONFIG, { origin: 'NIX_CONFIG', directory: '/', depth: 0 })
  }
  return { ...reading, files: [...reading.files.values()] }
}

/** The configuration files of a user, the one with precedence first. */
function userFiles(environment: Environment): readonly string[] {
  const named = environment.NIX_USER_CONF_FILES
  if (named !== undefined) return named.split(':').filter(file => file !== '')
  const base = environment.XDG_CONFIG_HOME ?? join(environment.HOME ?? '/root', '.config')
  // Since Nix 2.25.
  const home = environment.NIX_CONFIG_HOME ?? join(base, 'nix')
  const shared = (environment.XDG_CONFIG_DIRS ?? '/etc/xdg').split(':').filter(directory => directory !== '')
  return [home, ...shared.map(directory => join(directory, 'nix'))].map(directory =>
    join(directory, 'nix.conf'),
  )
}

/** Reads a file. Returns false if it is absent. */
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
      reading.problems.push(`${printable(path)} is not a file of at most ${FILE_LIMIT} bytes`)
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
  /** The directory that relative names are resolved against. */
  readonly directory: string
  readonly depth: number
}

function takeText(reading: Reading, text: string, { origin, directory, depth }: Place): void {
  for (const line of parseConf(text)) {
    const where = `${origin}:${line.line}`
    if (line.kind === 'malformed') reading.problems.push(`${printable(where)} is not a line of nix.conf`)
    if (line.kind === 'setting') reading.assignments.push(assignment(line.name, line.value, where))
    if (line.kind !== 'include') continue
    const file = resolve(directory, line.file)
    if (readFile(reading, file, depth + 1)) continue
    if (line.mayBeMissing) reading.missing.push(file)
    else reading.problems.push(`${printable(where)} includes ${printable(file)}, which is not there`)
  }
}
