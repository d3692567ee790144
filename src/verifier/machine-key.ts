import { existsSync, linkSync, mkdirSync, unlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { generateKey, type KeyPair, readSecretKeyFile } from '../crypto/secret-key.ts'
import { writeDurably } from '../files/durable-file.ts'
import { readOwnedFile } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import {
  type NixPublicKey,
  parseNixPublicKey,
  printNixPublicKey,
  printNixSecretKey,
} from '../formats/nix/nix-key.ts'
import { printable } from '../primitives/printable.ts'

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

/**
 * Returns the name of the gate's key; undefined if there is no key yet or this user may not read
 * it.
 */
export function readGateKeyName(state: string): string | undefined {
  return readPublicKey(state, 'gate')?.name
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

/**
 * Makes the key in a file the key of this machine, or of its gate, if it has none yet. Throws
 * FileError if it has a different one, and what readSecretKeyFile throws.
 */
export function adoptKey(state: string, which: OwnKey, file: string): void {
  const key = readSecretKeyFile(file)
  const { secretKey } = keyFiles(state, which)
  mkdirSync(state, { recursive: true, mode: 0o755 })
  if (!existsSync(secretKey)) keepKey(secretKey, key)
  if (Buffer.compare(readSecretKeyFile(secretKey).secretKey, key.secretKey) === 0) return
  throw new FileError(
    `${printable(file)} is another key than ${printable(secretKey)}: move that one away to begin with a new one, or go on with it`,
  )
}

/** Returns the file of the public half of this machine's key; the file may not exist yet. */
export function machineKeyFile(state: string): string {
  return keyFiles(state, 'machine').publicKey
}

function ownKey(state: string, which: OwnKey, name: string): KeyPair {
  const files = keyFiles(state, which)
  if (!existsSync(files.secretKey)) {
    mkdirSync(state, { recursive: true, mode: 0o755 })
    keepKey(files.secretKey, generateKey(name))
  }
  const key = readSecretKeyFile(files.secretKey)
  if (!existsSync(files.publicKey)) {
    writeDurably(files.publicKey, `${printNixPublicKey(key)}\n`, { flush: true, mode: 0o644 })
  }
  return key
}

/**
 * Writes the key completely under another name and links it to its own name. If several processes
 * do this at once, the first key stays.
 */
function keepKey(file: string, key: KeyPair): void {
  const partial = `${file}.${process.pid}~`
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
