/** The books of lists on this machine, as updates wrote them, and whose keys no list can have. */
import { dirname, join } from 'node:path'
import { protectedPath } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import type { StampedFile } from '../ledger/policy-snapshot.ts'
import { versionOf } from '../ledger/stamp.ts'
import { openBook } from '../lists/book/read.ts'
import type { Book } from '../policy/lists/book.ts'
import type { Policy } from '../policy/policy.ts'
import { FormatError } from '../primitives/format-error.ts'
import { toHex } from '../primitives/hex.ts'
import { readGateKey, readMachineKey } from './machine-key.ts'
import type { Places } from './places.ts'

type State = Pick<Places, 'state'>

/**
 * The book of a list, or why there is none; adds to `files` what that was read from. Where there is
 * none, the directory in which one would appear is among them, so that the policy is read again
 * once it does. Never throws because of a book.
 */
export function readBook(
  { state }: State,
  name: string,
  files: StampedFile[],
): Book | { readonly problem: string } {
  const file = join(state, 'lists', name, 'book')
  const stampOf = (path: string) => versionOf(protectedPath(path))
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

/** A policy with lists knows the keys of this machine, which no list can have. */
export function knowingMachine({ state }: State, policy: Policy): Policy {
  if (policy.lists.size === 0) return policy
  const keys = [readMachineKey(state), readGateKey(state)].filter(key => key !== undefined)
  return { ...policy, machineKeys: keys.map(key => `ed25519:${toHex(key)}`) }
}
