/**
 * The developers' keys that a packager worked with before: `$XDG_STATE_HOME/nixsig/seen-keys`, one
 * key's identity a line (src/policy/policy.ts says what an identity is). They decide nothing: they
 * tell a key that a developer has always signed with from one that is new.
 */
import { join } from 'node:path'
import { writeDurably } from '../../files/durable-file.ts'
import { ownPlaces } from '../../files/own-places.ts'
import { FileError, readRegularFile } from '../../files/regular-file.ts'
import type { Key, KeyIdentity } from '../../policy/policy.ts'
import { printable } from '../../primitives/printable.ts'
import type { CheckedSource } from './checked-source.ts'

const FILE_LIMIT = 4 * 1024 * 1024
const IDENTITY = /^[a-z0-9-]+:[0-9A-Za-z]{16,4096}$/

/** The keys that signed something here, are not in the trusted list, and never signed before. */
export function newKeys(checked: readonly CheckedSource[], listed: readonly Key[]): readonly Key[] {
  const known = new Set([...listed.map(({ identity }) => identity), ...readSeenKeys()])
  const good = checked.flatMap(({ results }) => results.filter(({ outcome }) => outcome === 'good'))
  const signers = new Map(good.map(({ key }) => [key.identity, key]))
  return [...signers.values()].filter(({ identity }) => !known.has(identity))
}

/**
 * Remembers keys, for the next time; returns the file. Throws FileError if it cannot be written or
 * is not a list of keys.
 */
export function rememberKeys(keys: readonly Key[]): string {
  const file = seenKeysFile()
  const all = new Set([...readSeenKeys(), ...keys.map(({ identity }) => identity)])
  try {
    writeDurably(file, [...all].map(identity => `${identity}\n`).join(''), { flush: true })
  } catch (error) {
    throw new FileError(`cannot write ${printable(file)}: ${printable((error as Error).message)}`)
  }
  return file
}

/** Throws FileError if others can write the file or it holds anything else. */
function readSeenKeys(): ReadonlySet<KeyIdentity> {
  const file = seenKeysFile()
  const bytes = readRegularFile(file, FILE_LIMIT, status => {
    if ((status.mode & 0o022) !== 0 || status.uid !== process.geteuid?.()) {
      throw new FileError(`${printable(file)} can be written by others (chown and chmod 600 it)`)
    }
  })
  if (bytes === undefined) return new Set()
  const lines = bytes.toString('latin1').split('\n')
  if (lines.pop() !== '' || !lines.every(line => IDENTITY.test(line))) {
    throw new FileError(`${printable(file)} is not a list of keys: repair or remove it`)
  }
  return new Set(lines)
}

function seenKeysFile(): string {
  return join(ownPlaces().state, 'seen-keys')
}
