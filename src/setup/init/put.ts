/**
 * Puts a policy in its place, and keeps the one that was there. Heavy: loaded only by `import()`.
 */
import { lstatSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { withLock } from '../../files/lock.ts'
import { FileError } from '../../files/regular-file.ts'
import { printable } from '../../primitives/printable.ts'
import { announcePolicy, type GateReload } from '../announce-policy.ts'
import type { Secret } from '../carry/upstream.ts'
import {
  type FileState,
  isSameState,
  makeDirectory,
  placeState,
  publicFile,
  readState,
  secretFile,
} from '../file-state.ts'
import { lockFile } from '../look.ts'
import type { SetupPlaces } from '../places.ts'

/** A policy to write. */
export interface Putting {
  /** Absolute. */
  readonly file: string
  readonly toml: string
  /** What lay there when the draft was made. */
  readonly before: FileState | undefined
  /** Files with passwords that it names, beside it. */
  readonly secrets: readonly Secret[]
  /** The directories of attestations that it names: missing ones beside it are made. */
  readonly directories: readonly string[]
  /** Of the machine's own policy: everything that reads it is told. */
  readonly machine: SetupPlaces | undefined
}

export interface Put {
  /** Where the policy that was there is kept; undefined if there was not one. */
  readonly copy: string | undefined
  readonly settled: GateReload | undefined
}

const COPIES = 1000

/**
 * The state of a policy's file; undefined if it is absent. Throws FileError if something else
 * makes it, or others could change it.
 */
export function policyState(file: string): FileState | undefined {
  const status = lstatSync(file, { throwIfNoEntry: false })
  // Whether its place is safe is asked once the place is there.
  if (status === undefined) return undefined
  if (status.isSymbolicLink())
    throw new FileError(
      `${printable(file)} is a symbolic link: something else makes it, and has to be changed (on NixOS: security.nixsig)`,
    )
  return readState(file)
}

/** Writes it; a crash leaves the old policy or the new one. Throws FileError, PolicyError. */
export async function putPolicy(putting: Putting): Promise<Put> {
  const { machine } = putting
  if (machine === undefined) return { copy: place(putting), settled: undefined }
  makeDirectory(machine.state)
  return withLock(lockFile(machine), async () => {
    const copy = place(putting)
    return { copy, settled: await announcePolicy(machine) }
  })
}

function place({ file, toml, before, secrets, directories }: Putting): string | undefined {
  const directory = dirname(file)
  makeDirectory(directory)
  if (policyState(file) === undefined) readState(file)
  if (!isSameState(policyState(file), before))
    throw new FileError(`${printable(file)} was changed while the draft was looked at: call init again`)
  for (const { file: name, value } of secrets) placeState(join(directory, name), secretFile(`${value}\n`))
  for (const each of directories) if (dirname(each) === directory) makeDirectory(each)
  const copy = before === undefined ? undefined : copyName(file)
  if (copy !== undefined) placeState(copy, before)
  placeState(file, { ...(before ?? publicFile('')), bytes: Buffer.from(toml, 'utf8') })
  return copy
}

/** The first name of a copy that is free. */
function copyName(file: string): string {
  for (let count = 1; count <= COPIES; count++) {
    const name = `${file}.before-init${count === 1 ? '' : `-${count}`}`
    if (lstatSync(name, { throwIfNoEntry: false }) === undefined) return name
  }
  throw new FileError(
    `there are ${COPIES} copies of ${printable(file)} already: delete those that you need no more`,
  )
}
