/** Files with a key that nixsig does not sign with: what they are, and what to do instead. */
import { existsSync, realpathSync } from 'node:fs'
import { FileError, readRegularFile } from '../../files/regular-file.ts'
import { parseKey } from '../../policy/language/keys.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'

const FILE_LIMIT = 64 * 1024
const OWN = 'next: name the file of the secret key that nixsig keygen made'
const BY_AGENT = (file: string) => `next: ssh-add ${file}, then --signer ssh:${file}.pub`
const BY_GPG = 'next: gpg --import it, then --signer gpg:FINGERPRINT'

/**
 * Throws FileError if the file has another program's secret key, or a public key. Passes a file
 * that cannot be read: reading it as a secret key says why.
 */
export function assertNoOtherKey(file: string): void {
  const text = textOf(file)
  const what = text && otherKey(text, printable(file))
  if (what) throw new FileError(`${printable(file)} is ${what}`)
}

function otherKey(text: string, file: string): string | undefined {
  const [, label = ''] = /^-----BEGIN ([A-Z0-9 ]{1,40})-----/.exec(text.trimStart()) ?? []
  if (label === 'OPENSSH PRIVATE KEY') return `an OpenSSH private key; ${BY_AGENT(file)}`
  if (label.startsWith('PGP PRIVATE KEY')) return `a secret key of OpenPGP; ${BY_GPG}`
  if (label.endsWith('PRIVATE KEY')) return `a private key in PEM; ${BY_AGENT(file)}`
  return label.startsWith('PGP PUBLIC KEY') || isPublicKey(text) ? `a public key; ${OWN}` : undefined
}

function isPublicKey(text: string): boolean {
  try {
    parseKey(text.trimEnd())
    return true
  } catch (error) {
    if (error instanceof FormatError) return false
    throw error
  }
}

function textOf(file: string): string | undefined {
  try {
    return existsSync(file) ? readRegularFile(realpathSync(file), FILE_LIMIT)?.toString('latin1') : undefined
  } catch {
    return undefined
  }
}
