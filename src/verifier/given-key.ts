/** Keys that are given to a machine, such as secrets of its configuration, beside those it has. */
import { existsSync, statSync } from 'node:fs'
import { generateKey, type KeyPair, readSecretKeyFile, readSecretText } from '../crypto/secret-key.ts'
import { FileError } from '../files/regular-file.ts'
import { type NixPublicKey, printNixPublicKey } from '../formats/nix/nix-key.ts'
import { sshFingerprint } from '../formats/ssh/key.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import { beginWith, gateKey, keyInUse, machineKey, type OwnKey, useKey } from './machine-key.ts'

/** What a machine was told about one of its keys. */
export interface KeyWish {
  /** A file with the secret key; undefined if it shall have one of its own making. */
  readonly file: string | undefined
  /** Keys that it shall no longer use. */
  readonly retired: readonly NixPublicKey[]
}

/** What became of it. */
export interface KeyOutcome {
  readonly key: KeyPair
  /**
   * `kept`: as before. `made`: it had none and was given none. `taken`: the given one is its first.
   * `replaced`: the former one was retired.
   */
  readonly change: 'kept' | 'made' | 'taken' | 'replaced'
  /** The key before, if it was replaced. */
  readonly before?: NixPublicKey
  /** Why the given key is not the one in use, and what to do about it. Safe to print. */
  readonly instead?: { readonly why: string; readonly next: string }
}

/**
 * Settles which key a machine, or its gate, uses. A key in use stays unless it is retired: nobody
 * can tell a rotation from a secret of another machine. If the given key cannot be had, the machine
 * goes on with the one that it has. Throws FileError, FormatError or ArgumentError if it has none,
 * or if the key in use cannot be read.
 */
export function settleKey(state: string, which: OwnKey, { file, retired }: KeyWish): KeyOutcome {
  const inUse = keyInUse(state, which)
  const counts = (key: NixPublicKey) => !retired.some(one => isSame(one, key))
  if (inUse === undefined) return begin(state, which, file, counts)
  // Puts its public half right, should a crash have left another.
  useKey(state, which, inUse)
  const isRetired = !counts(inUse)
  const given = file === undefined ? undefined : readGiven(file)
  const kept = (why: string, next: string) =>
    ({ key: inUse, change: 'kept', instead: { why, next } }) as const
  if (given !== undefined && 'why' in given) {
    const next = 'put the secret there, and run this again (on NixOS: systemctl restart nixsig-keys)'
    return kept(isRetired ? `it is retired, but ${given.why}` : given.why, next)
  }
  const isOther = given !== undefined && !isSame(given, inUse)
  if (!isRetired && !isOther) return { key: inUse, change: 'kept' }
  if (!isRetired) {
    const inFile = `${printable(file ?? '')} has ${namedKey(given ?? inUse)}`
    return kept(inFile, `to change the key, say that this one is retired: ${printNixPublicKey(inUse)}`)
  }
  if (given !== undefined && !counts(given)) {
    return kept(
      `it is retired, but ${printable(file ?? '')} has no key that is not`,
      'put the next secret there',
    )
  }
  const next = given ?? generateKey(nameAfter(inUse.name))
  useKey(state, which, next)
  return { key: next, change: 'replaced', before: inUse }
}

function begin(
  state: string,
  which: OwnKey,
  file: string | undefined,
  counts: (key: NixPublicKey) => boolean,
): KeyOutcome {
  if (file === undefined) {
    return { key: which === 'machine' ? machineKey(state) : gateKey(state), change: 'made' }
  }
  if (isAbsent(file)) {
    throw new FileError(
      `${printable(file)} is not there yet, and the ${which} has no key: it does not make one for itself, as it was to be given one`,
    )
  }
  const given = readSecretKeyFile(file)
  if (!counts(given)) {
    throw new FileError(
      `${printable(file)} has ${namedKey(given)}, which is retired: put the next secret there`,
    )
  }
  const key = beginWith(state, which, given)
  useKey(state, which, key)
  return { key, change: 'taken' }
}

function readGiven(file: string): KeyPair | { readonly why: string } {
  try {
    return isAbsent(file) ? { why: `${printable(file)} is not there` } : readSecretKeyFile(file)
  } catch (error) {
    if (!(error instanceof FileError || error instanceof FormatError)) throw error
    return { why: error.message }
  }
}

/** A key by its name and by the fingerprint that `ssh-keygen -l` prints; safe to print. */
export function namedKey({ name, publicKey }: NixPublicKey): string {
  return `${printable(name)} (${sshFingerprint(publicKey)})`
}

/**
 * What a unit gives in place of a secret that systemd did not find: SetCredential= beside
 * LoadCredential=, which may not be empty.
 */
const STAND_IN = 'none'

function isAbsent(file: string): boolean {
  if (!existsSync(file)) return true
  const { size } = statSync(file)
  return size === 0 || (size === STAND_IN.length && readSecretText(file) === STAND_IN)
}

function isSame(one: NixPublicKey, other: NixPublicKey): boolean {
  return Buffer.compare(one.publicKey, other.publicKey) === 0
}

/** `box-1` is followed by `box-2`. */
function nameAfter(name: string): string {
  const [, start = '', count] = /^(.*)-(\d{1,6})$/.exec(name) ?? []
  return count === undefined ? `${name}-2` : `${start}-${Number(count) + 1}`
}
