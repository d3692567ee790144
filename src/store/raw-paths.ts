/** Paths of a tree on disk as bytes, since names are in no particular encoding. */
import { constants } from 'node:fs'
import { FileError } from '../files/regular-file.ts'
import { printable } from '../primitives/printable.ts'

/** The path of an entry of a directory, whose name is in latin1: one character for each byte. */
export function within(directory: Buffer, name: string): Buffer {
  return Buffer.concat([directory, Buffer.from(`/${name}`, 'latin1')])
}

/** A path in a message, escaped. */
export function shown(path: Buffer): string {
  return printable(path.toString('utf8'))
}

/** Whether Nix takes a file for executable: its owner may execute it. */
export function isExecutable({ mode }: { readonly mode: bigint }): boolean {
  return (mode & BigInt(constants.S_IXUSR)) !== 0n
}

/** Reads something of a path. Throws FileError if the system refuses. */
export function reading<T>(path: Buffer, read: () => T): T {
  try {
    return read()
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException
    throw new FileError(`cannot read ${shown(path)}: ${code}`, { cause: error })
  }
}

/** The refusal of what a NAR cannot have in it, such as a socket. */
export function otherKind(path: Buffer): FileError {
  return new FileError(`${shown(path)} is neither a file nor a directory nor a symbolic link`)
}
