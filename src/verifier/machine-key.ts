import { existsSync, linkSync, mkdirSync, unlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { generateKey, type KeyPair, readSecretKeyFile } from '../crypto/secret-key.ts'
import { writeDurably } from '../files/durable-file.ts'
import { readOwnedFile } from '../files/owned-file.ts'
import { partialName } from '../files/partial-name.ts'
import {
  type NixPublicKey,
  parseNixPublicKey,
  printNixPublicKey,
  printNixSecretKey,
} from '../formats/nix/nix-key.ts'
import type { KeyIdentity } from '../policy/policy.ts'
import { toHex } from '../primitives/hex.ts'

/**
 * The two keys of a machine. A signature by `machine` says "built here". A signature by `gate` says
 * "let in by the policy of the gate", and must never pass for the first.
 */
export type OwnKey = 'machine' | 'gate'

/**
 * Returns the public half of this machine's key, 32 raw bytes; undefined if it has no key yet or
 * this user may not read it.
 */
export function readMachineKey(state: string): Uint8Array | undefined {
  return readPublicKey(state, 'machine')?.publicKey
}

/** The identity of this machine's key; undefined as `readMachineKey` is. */
export function readMachineIdentity(state: string): KeyIdentity | undefined {
  const key = readMachineKey(state)
  return key && `ed25519:${toHex(key)}`
}

/**
 * Returns the name of the gate's key; undefined if there is no key yet or this user may not read
 * it.
 */
export function readGateKeyName(state: string): string | undefined {
  return readPublicKey(state, 'gate')?.name
}

/** Returns the public half of the gate's key, as readMachineKey does of the machine's. */
export function readGateKey(state: string): Uint8Array | undefined {
  return readPublicKey(state, 'gate')?.publicKey
}

function readPublicKey(state: string, which: OwnKey): NixPublicKey | undefined {
  let text: string | undefined
  try {
    text = readOwnedFile(keyFiles(state, which).publicKey, 4096)?.toString('utf8')
  } catch (error) {
    if (process.geteuid?.() === 0) throw error
    return undefined
  }
  return text === undefined ? undefined : parseNixPublicKey(text.trimEnd())
}

/**
 * Returns this machine's key, which is made the first time that it is needed. Throws FileError and
 * FormatError like readSecretKeyFile.
 */
export function machineKey(state: string): KeyPair {
  return ownKey(state, 'machine', `${nameOfHost()}-1`)
}

/**
 * Returns the gate's key, which Nix has to trust and which the gates of a fleet share. It is made
 * when first needed and throws as `machineKey` does.
 */
export function gateKey(state: string): KeyPair {
  return ownKey(state, 'gate', `${nameOfHost()}-gate-1`)
}

/** Returns the file of the public half of this machine's key; the file may not exist yet. */
export function machineKeyFile(state: string): string {
  return keyFiles(state, 'machine').publicKey
}

function ownKey(state: string, which: OwnKey, name: string): KeyPair {
  const key = keyInUse(state, which) ?? beginWith(state, which, generateKey(name))
  const files = keyFiles(state, which)
  if (!existsSync(files.publicKey)) {
    writeDurably(files.publicKey, `${printNixPublicKey(key)}\n`, { flush: true, mode: 0o644 })
  }
  return key
}

/**
 * Returns the key that this machine, or its gate, has; undefined if it has none yet. Throws
 * FileError and FormatError like readSecretKeyFile.
 */
export function keyInUse(state: string, which: OwnKey): KeyPair | undefined {
  const { secretKey } = keyFiles(state, which)
  return existsSync(secretKey) ? readSecretKeyFile(secretKey) : undefined
}

/**
 * Gives a machine its first key, and returns the key that it has then: if several processes do this
 * at once, the first one stays.
 */
export function beginWith(state: string, which: OwnKey, key: KeyPair): KeyPair {
  const { secretKey } = keyFiles(state, which)
  mkdirSync(state, { recursive: true, mode: 0o755 })
  keepKey(secretKey, key)
  return readSecretKeyFile(secretKey)
}

/**
 * Makes a key the one in use. Its secret half comes first, so that after a crash between the two
 * the next call, with the key that is in use then, puts the public half right.
 */
export function useKey(state: string, which: OwnKey, key: KeyPair): void {
  const files = keyFiles(state, which)
  const [secret, open] = [`${printNixSecretKey(key)}\n`, `${printNixPublicKey(key)}\n`]
  if (readOwnedFile(files.secretKey, 4096)?.toString('latin1') !== secret)
    writeDurably(files.secretKey, secret, { flush: true })
  if (readOwnedFile(files.publicKey, 4096)?.toString('latin1') !== open)
    writeDurably(files.publicKey, open, { flush: true, mode: 0o644 })
}

/**
 * Writes the key completely under another name and links it to its own name. If several processes
 * do this at once, the first key stays.
 */
function keepKey(file: string, key: KeyPair): void {
  const partial = partialName(file)
  writeDurably(partial, `${printNixSecretKey(key)}\n`, { flush: true })
  try {
    linkSync(partial, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    unlinkSync(partial)
  }
}

function nameOfHost(): string {
  return hostname().replace(/[^0-9A-Za-z.-]/g, '-')
}

function keyFiles(state: string, which: OwnKey) {
  return { secretKey: join(state, `${which}.secret`), publicKey: join(state, `${which}.pub`) }
}
