/** Which nixsig is in force on this machine, whichever is called. */
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { isProcessNumber, wordsOf } from '../files/proc-files.ts'
import { findDaemons, mappedFiles } from '../nix-config/processes.ts'
import { printable } from '../primitives/printable.ts'
import { DOORKEEPERS, programsOf } from './doorkeepers.ts'
import { versionIn } from './versions.ts'

const PLUGIN = 'nixsig-plugin.so'
/**
 * What the gate starts beside itself, by the real path of its program (src/cli/commands/serve.ts).
 */
const GATE = 'serve-http'

/** The directories of the programs, absolute. */
export interface VersionsInForce {
  /** Those that Nix calls; undefined if nix.conf names none through the doorkeepers. */
  readonly programs: string | undefined
  /** Those that running gates were started from; usually one. */
  readonly gates: readonly string[]
  /**
   * Those of the plugin that the running daemon has loaded; undefined if none, or if this is not
   * root.
   */
  readonly plugin: string | undefined
}

/** Looks at processes and links; what cannot be seen is left out. */
export function lookAtVersions(proc = '/proc'): VersionsInForce {
  const named = programsOf(DOORKEEPERS)
  return { programs: named && realOf(named), gates: gatesIn(proc), plugin: pluginIn(proc) }
}

function gatesIn(proc: string): readonly string[] {
  const found = readdirSync(proc).flatMap(name => {
    if (!isProcessNumber(name)) return []
    try {
      const words = wordsOf(readFileSync(join(proc, name, 'cmdline'), 'latin1'))
      const program = words[words.indexOf(GATE) - 1] ?? ''
      const isGate = basename(program) === 'nixsig' && program.startsWith('/')
      return isGate && !isElsewhere(join(proc, name)) ? [dirname(program)] : []
    } catch {
      return [] // it has ended meanwhile
    }
  })
  return [...new Set(found)]
}

/** Whether a process is known to have another root directory, as in a container. */
function isElsewhere(process: string): boolean {
  try {
    const [own, its] = [statSync('/'), statSync(join(process, 'root/.'))]
    return own.dev !== its.dev || own.ino !== its.ino
  } catch {
    return false // only root sees that
  }
}

function pluginIn(proc: string): string | undefined {
  try {
    const files = findDaemons(proc).flatMap(({ pid }) => mappedFiles(pid, proc))
    const plugin = files.find(({ path }) => basename(path) === PLUGIN)
    return plugin && dirname(dirname(plugin.path))
  } catch {
    return undefined
  }
}

function realOf(path: string): string {
  try {
    return realpathSync.native(path)
  } catch {
    return path
  }
}

/** What is in force, in words: a line for each part. Nothing where nixsig is not set up. */
export function versionWords({ programs, gates, plugin }: VersionsInForce): readonly string[] {
  return [
    ...(programs === undefined ? [] : [`Nix calls ${wordsOn(programs)}`]),
    ...gates.map(gate => `the gate that runs is ${wordsOn(gate)}`),
    ...(plugin === undefined ? [] : [`nix-daemon has loaded the plugin of ${wordsOn(plugin)}`]),
  ]
}

function wordsOn(directory: string): string {
  if (!existsSync(directory)) return `nixsig in ${printable(directory)}, which is gone`
  return `nixsig ${versionIn(directory) ?? 'of an unknown version'} in ${printable(directory)}`
}
