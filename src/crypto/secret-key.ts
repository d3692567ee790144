/** Ed25519 secret keys on the disk, in the form that `nix key generate-secret` writes: `<name>:<base64 of 64 bytes>`. */
import { closeSync, constants, fsyncSync, openSync, type Stats, unlinkSync, writeSync } from 'node:fs'
import { FileError, readRegularFile } from '../files/regular-file.ts'
import { parseNixSecretKey, printNixPublicKey, printNixSecretKey } from '../formats/nix-key.ts'
import { printable } from '../primitives/printable.ts'
import { ed25519KeyPair, randomBytes } from '../primitives/sodium.ts'

const FILE_LIMIT = 4096

export interface KeyPair {
  /** A hint for people, without a colon. */
  readonly name: string
  /** 32 raw bytes. */
  readonly publicKey: Uint8Array
  /** 64 bytes: seed, then public key. */
  readonly secretKey: Uint8Array
}

/** A new key pair from the system's random generator. Throws FormatError if no key file could hold that name. */
export function generateKey(name: string): KeyPair {
  const key = { name, ...ed25519KeyPair(randomBytes(32)) }
  parseNixSecretKey(printNixSecretKey(key))
  return key
}

/**
 * The key pair in a secret key file. Throws FileError if the file is missing, belongs to anybody but root or the running
 * user, or lets anybody else read it; and FormatError if it holds no secret key or its public half is not the seed's.
 */
export function readSecretKeyFile(file: string): KeyPair {
  const bytes = readRegularFile(file, FILE_LIMIT, status => assertPrivate(printable(file), status))
  if (bytes === undefined) throw new FileError(`there is no secret key at ${printable(file)}`)
  const { name, secretKey } = parseNixSecretKey(bytes.toString('latin1'))
  return { name, publicKey: secretKey.slice(32), secretKey }
}

/**
 * Writes a key pair to two new files: the secret key for its owner alone (0600), the public key for all (0644). Throws
 * FileError and writes neither if one of them is there already.
 */
export function writeKeyPair(
  files: { readonly secretKey: string; readonly publicKey: string },
  key: KeyPair,
): void {
  createFile(files.secretKey, `${printNixSecretKey(key)}\n`, 0o600)
  try {
    createFile(files.publicKey, `${printNixPublicKey(key)}\n`, 0o644)
  } catch (error) {
    unlinkSync(files.secretKey)
    throw error
  }
}

function assertPrivate(name: string, status: Stats): void {
  if (status.uid !== 0 && status.uid !== process.geteuid?.()) {
    throw new FileError(`the secret key ${name} belongs to user ${status.uid} (chown it, or make a new key)`)
  }
  if ((status.mode & 0o077) !== 0) {
    throw new FileError(`the secret key ${name} is open to others (chmod 600 ${name}, or make a new key)`)
  }
}

function createFile(file: string, contents: string, mode: number): void {
  let fd: number
  try {
    fd = openSync(file, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, mode)
  } catch (error) {
    throw new FileError(`cannot create ${printable(file)}: ${printable((error as Error).message)}`)
  }
  try {
    writeSync(fd, contents)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
