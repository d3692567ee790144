import { existsSync } from 'node:fs'
import { certificateFingerprints } from '../crypto/openpgp/certificate.ts'
import { readNamedFile } from '../files/named-file.ts'
import { FileError } from '../files/regular-file.ts'
import { prefixOfKeyFile } from '../formats/detached/forms.ts'
import { isText } from '../formats/openpgp/armor.ts'
import { isKeybox } from '../formats/openpgp/keybox.ts'
import { checkTrustedRoot, TRUSTED_ROOT_LIMIT } from '../formats/sigstore/trusted-root.ts'
import { isKey, parseKey } from '../policy/language/keys.ts'
import { holdsSecretKey, notAKey } from '../policy/language/not-a-key.ts'
import { sigstoreIdentity } from '../policy/language/sigstore-key.ts'
import type { Key, SigstoreKey } from '../policy/policy.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import { UsageError } from './usage-error.ts'

const FILE_LIMIT = 4 * 1024 * 1024

/** How a Sigstore identity is written as an argument. */
export const SIGSTORE_ARGUMENT = 'sigstore:SUBJECT,ISSUER,TRUSTED_ROOT'

/**
 * The keys that an argument means: one, written as a policy writes it, or those of a file - OpenPGP
 * certificates, or a public key of Nix, OpenSSH, minisign, signify or in PEM. What reads as a key
 * is one, also where a file has that name. Throws UsageError if it is neither, FormatError and
 * FileError for a file that cannot be used.
 */
export function keysOfArgument(argument: string): readonly Key[] {
  const sigstore = sigstoreKeyOf(argument)
  if (sigstore !== undefined) return [sigstore]
  try {
    return [parseKey(argument)]
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    if (isSecretKey(argument)) throw secretKey('what is given')
    return keysOfFile(argument, error)
  }
}

function keysOfFile(file: string, notText: FormatError): readonly Key[] {
  if (!existsSync(file)) {
    throw new UsageError(`${printable(file)} is not a key (${notText.message}), and there is no such file`)
  }
  const { path, bytes } = readNamedFile(file, FILE_LIMIT)
  const text = isText(bytes) ? bytes.toString('latin1').trimEnd() : ''
  if (holdsSecretKey(bytes) || isSecretKey(text)) throw secretKey(printable(file))
  try {
    const isOpenPgp = text === '' || isKeybox(bytes) || text.includes('-----BEGIN PGP ')
    if (isOpenPgp) return certificatesOf(path, bytes)
    return [parseKey(keyTextIn(text))]
  } catch (error) {
    if (!(error instanceof FormatError) || isKeybox(bytes)) throw error
    throw new FileError(
      `${printable(file)} is no public key: ${error.message}; next: name the file of one, of Nix, OpenSSH, minisign or signify, or an OpenPGP certificate`,
    )
  }
}

/** Whether somebody gave away what they should keep: by its words, or by those after a comment. */
function isSecretKey(text: string): boolean {
  return [text, keyTextIn(text)].some(one => notAKey(one)?.code === 'secret-key')
}

function secretKey(what: string): UsageError {
  return new UsageError(
    `${what} is a SECRET key, and a public one is needed; next: name the public key that was made with it, and let nobody else read this one`,
  )
}

/** The key in a public key file, as a policy writes it. */
function keyTextIn(text: string): string {
  const [comment = '', ...lines] = text.split(/[ \t]*\r?\n/)
  const prefix = prefixOfKeyFile(comment)
  return prefix === undefined ? text : `${prefix}${lines.join('\n')}`
}

/**
 * The keys that an argument means, as TOML for the keys of a principal. Throws as keysOfArgument
 * does.
 */
export function keysAsToml(argument: string): readonly string[] {
  return keysOfArgument(argument).map(key => {
    if (key.kind === 'openpgp')
      return `{ openpgp = "${key.fingerprint}", certificate = ${quoted(key.certificate)} }`
    if (key.kind === 'sigstore') {
      const who = `{ subject = ${quoted(key.subject)}, issuer = ${quoted(key.issuer)} }`
      return `{ sigstore = ${who}, trusted-root = ${quoted(key.trustedRoot)} }`
    }
    return quoted(keyTextOf(argument))
  })
}

/** The text of a key that is given itself, or as a file that is not a certificate. */
export function keyTextOf(argument: string): string {
  if (isKey(argument)) return argument
  return keyTextIn(readNamedFile(argument, FILE_LIMIT).bytes.toString('latin1').trimEnd())
}

/** A TOML string: JSON has the same syntax but for DEL, which no key has. */
function quoted(text: string): string {
  return JSON.stringify(text)
}

function certificatesOf(file: string, bytes: Uint8Array): readonly Key[] {
  return certificateFingerprints(bytes).map(fingerprint => ({
    kind: 'openpgp',
    identity: `openpgp:${fingerprint}`,
    label: fingerprint,
    fingerprint,
    certificate: file,
  }))
}

/**
 * Who is meant by `sigstore:SUBJECT,ISSUER,TRUSTED_ROOT`: the subject may have commas, the issuer
 * (a URL) and the name of the file may not. Undefined if the argument does not begin like this.
 * Throws UsageError if it is of another form, and FormatError and FileError for a file that is not
 * a trusted root.
 */
function sigstoreKeyOf(argument: string): SigstoreKey | undefined {
  if (!argument.startsWith('sigstore:')) return undefined
  const [, subject, issuer, file] = /^sigstore:(.+),(https?:\/\/[^\s,]+),([^,]+)$/s.exec(argument) ?? []
  if (subject === undefined || issuer === undefined || file === undefined) {
    throw new UsageError(`write whom you mean as ${SIGSTORE_ARGUMENT}, the issuer with its https://`)
  }
  const { path, bytes } = readNamedFile(file, TRUSTED_ROOT_LIMIT)
  checkTrustedRoot(bytes)
  return { kind: 'sigstore', ...sigstoreIdentity(subject, issuer), trustedRoot: path }
}
