import { existsSync } from 'node:fs'
import { certificateFingerprints } from '../crypto/openpgp/certificate.ts'
import { prefixOfKeyFile } from '../formats/detached/forms.ts'
import { isText } from '../formats/openpgp/armor.ts'
import { parseKey } from '../policy/language/keys.ts'
import type { Key } from '../policy/policy.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import { readArgumentFile } from './file-argument.ts'
import { sigstoreKeyOf } from './sigstore-argument.ts'
import { UsageError } from './usage-error.ts'

const FILE_LIMIT = 4 * 1024 * 1024

/**
 * The keys that an argument means: one, written as a policy writes it, or those of a file - OpenPGP certificates, or
 * a public key of Nix, OpenSSH, minisign, signify or in PEM. What reads as a key is one, also where a file has that
 * name. Throws UsageError if it is neither, FormatError and FileError for a file that cannot be used.
 */
export function keysOfArgument(argument: string): readonly Key[] {
  const sigstore = sigstoreKeyOf(argument)
  if (sigstore !== undefined) return [sigstore]
  try {
    return [parseKey(argument)]
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    return keysOfFile(argument, error)
  }
}

function keysOfFile(file: string, notText: FormatError): readonly Key[] {
  if (!existsSync(file)) {
    throw new UsageError(`${printable(file)} is no key (${notText.message}), and there is no such file`)
  }
  const { path, bytes } = readArgumentFile(file, FILE_LIMIT)
  const text = isText(bytes) ? bytes.toString('latin1').trimEnd() : ''
  if (text === '' || text.includes('-----BEGIN PGP ')) return certificatesOf(path, bytes)
  const [comment = '', ...lines] = text.split(/[ \t]*\r?\n/)
  const prefix = prefixOfKeyFile(comment)
  return [parseKey(prefix === undefined ? text : `${prefix}${lines.join('\n')}`)]
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
