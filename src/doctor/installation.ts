/** The files of this installation, and which of them a setting of Nix names. */
import { accessSync, constants, readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { printable } from '../primitives/printable.ts'
import { doorkeeperAt, isDoorkeeperOf } from '../setup/doorkeepers.ts'
import type { Part, ProgramFile } from './facts.ts'
import { protectionProblem } from './protection.ts'

/**
 * The files of each part below the directory of an installation. Beside the thin programs are those
 * that they fall back to.
 */
const PARTS: Readonly<Record<Part, readonly string[]>> = {
  'pre-build-hook': ['native/pre-build-hook', 'pre-build-hook'],
  'post-build-hook': ['native/post-build-hook', 'post-build-hook'],
  'build-hook': ['native/build-hook', 'build-hook'],
  plugin: ['native/nixsig-plugin.so'],
}

const FILE_LIMIT = 64 * 1024 * 1024

/** Inspects a program or plugin that a setting names. */
export function lookAtProgram(installation: string, file: string): ProgramFile {
  const keeper = doorkeeperAt(file)
  if (keeper !== undefined) {
    const isOurs = isDoorkeeperOf(file, installation)
    const other = `${printable(file)} calls ${printable(keeper.programs)}, and this is ${printable(installation)}: nixsig setup`
    return { problem: problemOf(file) ?? (isOurs ? undefined : other), part: keeper.part }
  }
  const problem = problemOf(file)
  const part = (Object.keys(PARTS) as Part[]).find(name => isPart(installation, file, name))
  return { problem, part }
}

function problemOf(file: string): string | undefined {
  const status = statSync(file, { throwIfNoEntry: false })
  if (status === undefined) return `${printable(file)} is not there`
  if (!status.isFile()) return `${printable(file)} is not a file`
  const problem = protectionProblem(file)
  if (problem !== undefined || file.endsWith('.so')) return problem
  try {
    accessSync(file, constants.X_OK)
    return undefined
  } catch {
    return `${printable(file)} is not executable`
  }
}

/** Whether a file is this part of the installation: one of its files, or an identical copy. */
function isPart(installation: string, file: string, part: Part): boolean {
  return PARTS[part].some(name => isCopy(file, join(installation, name)))
}

function isCopy(file: string, original: string): boolean {
  try {
    if (realpathSync.native(file) === realpathSync.native(original)) return true
    const [a, b] = [statSync(file), statSync(original)]
    if (!a.isFile() || a.size !== b.size || a.size > FILE_LIMIT) return false
    // The hooks are one program that acts by the name it is called by.
    return (
      file.endsWith(`/${original.slice(dirname(original).length + 1)}`) &&
      readFileSync(file).equals(readFileSync(original))
    )
  } catch {
    return false
  }
}

/** The interpreter in the first line of the hooks; undefined if it is absent. */
export function interpreterOf(installation: string): string | undefined {
  const [line = ''] = readFileSync(join(installation, 'pre-build-hook'), 'latin1').split('\n', 1)
  const words = line.slice('#!'.length).split(' ')
  const program = words.at(-1) ?? ''
  if (program.startsWith('/')) return program
  const path = words.find(word => word.startsWith('PATH='))?.slice('PATH='.length) ?? ''
  return path
    .split(':')
    .map(directory => join(directory, program))
    .find(candidate => statSync(candidate, { throwIfNoEntry: false })?.isFile() === true)
}
