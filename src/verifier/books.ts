/**
 * The books of lists on this machine, `<state>/lists/NAME/book`, and whose keys no list can have.
 */
import { dirname, join } from 'node:path'
import { protectedPath } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import type { StampedFile } from '../ledger/policy-snapshot.ts'
import { versionOf } from '../ledger/stamp.ts'
import { openBook } from '../lists/book/read.ts'
import type { BookReader } from '../policy/language/lists.ts'
import type { Policy } from '../policy/policy.ts'
import { FormatError } from '../primitives/format-error.ts'
import { toHex } from '../primitives/hex.ts'
import { readGateKey, readMachineKey } from './machine-key.ts'
import type { Places } from './places.ts'

/** The last state of a list that an update wrote. */
export function bookFile(state: string, name: string): string {
  return join(state, 'lists', name, 'book')
}

/**
 * Looks up the books of lists below a state directory. `files` receives what each answer rests on:
 * the book or, where it is absent, the directory in which it would appear, so that the policy is
 * read again once it does.
 */
export function bookReader(state: string, files: StampedFile[] = []): BookReader {
  return name => {
    const file = bookFile(state, name)
    try {
      const stamp = stampOf(file)
      if (stamp === undefined) {
        const above = [dirname(file), dirname(dirname(file))].find(path => stampOf(path) !== undefined)
        files.push([above ?? file, above && stampOf(above)])
        return { problem: 'it was never taken in' }
      }
      const book = openBook(file, name)
      files.push([file, stamp === stampOf(file) ? stamp : undefined])
      return book
    } catch (error) {
      if (!(error instanceof FileError || error instanceof FormatError)) throw error
      // Asked for again until it can be read.
      files.push([file, undefined])
      return { problem: error.message }
    }
  }
}

/**
 * The version of a file that others cannot replace; undefined if it is absent. Throws FileError.
 */
function stampOf(path: string): string | undefined {
  return isThere(path) ? versionOf(protectedPath(path)) : undefined
}

/** Also if it cannot be looked at. */
function isThere(path: string): boolean {
  try {
    return versionOf(path) !== undefined
  } catch {
    return true
  }
}

/** A policy with lists knows the keys of this machine, which no list can have. */
export function knowingMachine({ state }: Pick<Places, 'state'>, policy: Policy): Policy {
  if (policy.lists.size === 0) return policy
  const keys = [readMachineKey(state), readGateKey(state)].filter(key => key !== undefined)
  return { ...policy, machineKeys: keys.map(key => `ed25519:${toHex(key)}`) }
}
