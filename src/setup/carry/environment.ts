/** The environment of Nix on this machine, as far as it says how other machines are reached. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { wordsOf } from '../../files/proc-files.ts'
import { findDaemons } from '../../nix-config/processes.ts'
import { printable } from '../../primitives/printable.ts'
import { HTTP_VARIABLES, type HttpEnvironment, OTHER_VARIABLES } from './http.ts'

/** Where it may be said. Tests use other places. */
export interface EnvironmentPlaces {
  /** proc(5), for a daemon that runs. */
  readonly proc: string
  /** Directories of systemd's units, those that win first: systemd.unit(5). */
  readonly units: readonly string[]
  /** /etc/environment, which sessions get. */
  readonly sessions: string
}

const UNIT = 'nix-daemon.service'
const FILE_LIMIT = 256 * 1024

type Variables = ReadonlyMap<string, string>

/**
 * What a running nix-daemon has, and otherwise what its unit gives it. On a machine without a
 * daemon, what sessions get and what this process has: Nix runs in those.
 */
export function environmentOfNix(
  { proc, units, sessions }: EnvironmentPlaces,
  own: NodeJS.ProcessEnv,
): HttpEnvironment {
  const running = environmentOfDaemon(proc)
  if (running !== undefined) return named(running, 'the environment of nix-daemon')
  const files = unitFiles(units)
  if (files.length > 0) return ofUnits(files)
  const ours = new Map(
    Object.entries(own).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
  return {
    ...named(assignments(textOf(sessions)), printable(sessions)),
    ...named(ours, 'the environment of setup'),
  }
}

function environmentOfDaemon(proc: string): Variables | undefined {
  try {
    const [daemon] = findDaemons(proc)
    if (daemon === undefined) return undefined
    const text = readFileSync(join(proc, String(daemon.pid), 'environ'), 'utf8')
    return new Map(wordsOf(text).map(entry => pairOf(entry)))
  } catch {
    return undefined
  }
}

/** The unit and what is dropped in beside it; of files with one name the first counts. */
function unitFiles(directories: readonly string[]): readonly string[] {
  const unit = directories.map(directory => join(directory, UNIT)).find(file => textOf(file) !== '')
  if (unit === undefined) return []
  const dropIns = new Map<string, string>()
  for (const directory of directories) {
    const place = join(directory, `${UNIT}.d`)
    for (const name of namesIn(place).filter(one => one.endsWith('.conf')))
      if (!dropIns.has(name)) dropIns.set(name, join(place, name))
  }
  const sorted = [...dropIns].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, file]) => file)
  return [unit, ...sorted]
}

function ofUnits(files: readonly string[]): HttpEnvironment {
  let found: HttpEnvironment = {}
  for (const file of files) {
    const text = textOf(file).replaceAll('\\\n', ' ')
    for (const [, key = '', value = ''] of text.matchAll(
      /^[ \t]*(Environment|EnvironmentFile)[ \t]*=(.*)$/gm,
    )) {
      if (key === 'Environment' && value.trim() === '') found = {}
      else if (key === 'Environment') found = { ...found, ...named(quotedWords(value), printable(file)) }
      else {
        const named_ = value.trim().replace(/^-/, '')
        found = { ...found, ...named(assignments(textOf(named_)), printable(named_)) }
      }
    }
  }
  return found
}

/** The assignments of `Environment=`: words between spaces, each in quotes or not. */
function quotedWords(text: string): Variables {
  const words = text.match(/(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"'])+/g) ?? []
  return new Map(
    words.map(word => pairOf(word.replace(/"((?:[^"\\]|\\.)*)"|'([^']*)'/g, '$1$2').replaceAll('%%', '%'))),
  )
}

/** The lines NAME=VALUE of a file, each with quotes around the value or without. */
function assignments(text: string): Variables {
  const lines = text.split('\n').map(line => line.trim().replace(/^export\s+/, ''))
  return new Map(
    lines
      .filter(line => /^[A-Za-z_][A-Za-z0-9_]*=/.test(line))
      .map(line => {
        const [name, value] = pairOf(line)
        return [name, value.replace(/^(["'])(.*)\1$/, '$2')] as const
      }),
  )
}

function pairOf(entry: string): readonly [string, string] {
  const at = entry.indexOf('=')
  return at < 0 ? [entry, ''] : [entry.slice(0, at), entry.slice(at + 1)]
}

function named(variables: Variables, where: string): HttpEnvironment {
  const known: readonly string[] = [...HTTP_VARIABLES, ...OTHER_VARIABLES]
  return Object.fromEntries(
    [...variables]
      .filter(([name, value]) => known.includes(name) && value !== '' && value.length <= 4096)
      .map(([name, value]) => [name, { value, origin: `${name} in ${where}` }]),
  )
}

function textOf(file: string): string {
  try {
    const bytes = readFileSync(file)
    return bytes.length > FILE_LIMIT ? '' : bytes.toString('utf8')
  } catch {
    return ''
  }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}
