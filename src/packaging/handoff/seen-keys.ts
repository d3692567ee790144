/**
 * The developers' keys that a packager has said yes to before: `$XDG_STATE_HOME/nixsig/seen-keys`,
 * one key's identity a line (XDG Base Directory Specification; src/policy/policy.ts says what an
 * identity is).
 */
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { writeDurably } from '../../files/durable-file.ts'
import { FileError, readRegularFile } from '../../files/regular-file.ts'
import type { Key, KeyIdentity } from '../../policy/policy.ts'
import { printable } from '../../primitives/printable.ts'

const FILE_LIMIT = 4 * 1024 * 1024
const IDENTITY = /^[a-z0-9-]+:[0-9A-Za-z]{16,4096}$/

/** Reads them. Throws FileError if others can write the file or it holds anything else. */
export function readSeenKeys(): ReadonlySet<KeyIdentity> {
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

/** Adds a key. Throws FileError. */
export function rememberKey(key: Key): void {
  const file = seenKeysFile()
  const lines = [...readSeenKeys(), key.identity].map(identity => `${identity}\n`)
  try {
    writeDurably(file, lines.join(''), { flush: true })
  } catch (error) {
    throw new FileError(`cannot write ${printable(file)}: ${printable((error as Error).message)}`)
  }
}

function seenKeysFile(): string {
  const state = process.env['XDG_STATE_HOME'] ?? ''
  return join(isAbsolute(state) ? state : join(homedir(), '.local/state'), 'nixsig/seen-keys')
}
