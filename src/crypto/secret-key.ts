/**
 * Ed25519 secret keys on disk, in the form that `nix key generate-secret` writes: `<name>:<base64
 * of 64 bytes>`.
 */
import { closeSync, constants, fsyncSync, openSync, type Stats, unlinkSync, writeSync } from 'node:fs'
import { ArgumentError, FileError, readRegularFile } from '../files/regular-file.ts'
import { looksEncrypted } from '../formats/keys/encrypted-key.ts'
import { parseNixSecretKey, printNixPublicKey, printNixSecretKey } from '../formats/nix/nix-key.ts'
import { printable } from '../primitives/printable.ts'
import { ed25519KeyPair, randomBytes } from '../primitives/sodium.ts'

const FILE_LIMIT = 4096

/** An Ed25519 key pair with its name. */
export interface KeyPair {
  /** A hint for people, without a colon. */
  readonly name: string
  /** 32 raw bytes. */
  readonly publicKey: Uint8Array
  /** 64 bytes: seed, then public key. */
  readonly secretKey: Uint8Array
}

/**
 * Generates a key pair with the system's random generator. Throws FormatError if the name is not
 * valid in a key file.
 */
export function generateKey(name: string): KeyPair {
  const key = { name, ...ed25519KeyPair(randomBytes(32)) }
  parseNixSecretKey(printNixSecretKey(key))
  return key
}

/**
 * Reads the key pair in a secret key file without a passphrase. Throws as readSecretText does,
 * FileError also for a file with a passphrase, and FormatError if it is not a secret key or its
 * public half does not belong to the seed.
 */
export function readSecretKeyFile(file: string): KeyPair {
  const text = readSecretText(file)
  if (looksEncrypted(text)) {
    throw new FileError(`the secret key ${printable(file)} has a passphrase, which cannot be asked for here`)
  }
  return readSecretKey(text)
}

/** Parses the key pair in the text of a key file without a passphrase. Throws FormatError. */
export function readSecretKey(text: string): KeyPair {
  const { name, secretKey } = parseNixSecretKey(text)
  return { name, publicKey: secretKey.slice(32), secretKey }
}

/**
 * The text of a file that contains a secret, as latin1: one character per byte. Throws FileError if
 * the file is missing, does not belong to root or the user of this process, or can be read by
 * anybody else; `what` names it in the message.
 */
export function readSecretText(file: string, what = 'secret key'): string {
  const name = printable(file)
  const bytes = readRegularFile(file, FILE_LIMIT, status => assertPrivate(name, status, what))
  if (bytes === undefined) throw new ArgumentError(`there is no ${what} at ${name}`)
  return bytes.toString('latin1')
}

/**
 * Writes a key pair to two new files: the secret key readable by its owner alone (0600), the public
 * key readable by all (0644). `secret` is the text of the secret key file; by default it has no
 * passphrase. Throws FileError, and writes neither, if one of the files exists.
 */
export function writeKeyPair(
  files: { readonly secretKey: string; readonly publicKey: string },
  key: KeyPair,
  secret: string = `${printNixSecretKey(key)}\n`,
): void {
  createFile(files.secretKey, secret, 0o600)
  try {
    createFile(files.publicKey, `${printNixPublicKey(key)}\n`, 0o644)
  } catch (error) {
    unlinkSync(files.secretKey)
    throw error
  }
}

function assertPrivate(name: string, status: Stats, what: string): void {
  if (status.uid !== 0 && status.uid !== process.geteuid?.()) {
    throw new ArgumentError(
      `the ${what} ${name} belongs to user ${status.uid}; next: chown it, or make a new one`,
    )
  }
  if ((status.mode & 0o077) !== 0) {
    throw new ArgumentError(
      `the ${what} ${name} is open to others; next: chmod 600 ${name}, or make a new one`,
    )
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
