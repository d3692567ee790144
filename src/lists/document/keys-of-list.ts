import {
  type ListDocument,
  type ListedKey,
  type TextListedKey,
  validityOf,
} from '../../formats/lists/listed.ts'
import { parseCertificates } from '../../formats/openpgp/certificate.ts'
import type { CertificateFile } from '../../policy/digest.ts'
import { ownershipOf, parseKey } from '../../policy/language/keys.ts'
import { holdsSecretKey, notAKey } from '../../policy/language/not-a-key.ts'
import { type KeysOfCertificate, keysOfCertificates } from '../../policy/language/openpgp-keys.ts'
import type { Key } from '../../policy/policy.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'

/** Reads a certificate by its path in the list: `certificates/NAME.pgp`. */
export type ListCertificates = (path: string) => CertificateFile

/**
 * The keys of each principal of a list, as a policy has them; the names are the document's. Reads
 * every certificate once. Throws FormatError for a text that is not a public key, for a certificate
 * that is not the one named, and if two principals share a raw key, be it one in a certificate.
 */
export function keysOfList(
  { principals }: Pick<ListDocument, 'principals'>,
  certificate: ListCertificates,
): ReadonlyMap<string, readonly Key[]> {
  const owners = new Map<string, string>()
  const keysOf = keysOfCertificates()
  const found = new Map<string, readonly Key[]>()
  for (const [name, { keys }] of principals) {
    const read = keys.map((listed, index) => {
      const where = `principals.${name}.keys[${index}]`
      const { key, holds } =
        'openpgp' in listed ? certified(listed, certificate, keysOf, where) : text(listed, where)
      for (const ownership of holds) {
        const owner = owners.get(ownership)
        if (owner !== undefined && owner !== name)
          throw new FormatError('list', `is the same key as one of ${owner}: a key is one person's`, where)
        owners.set(ownership, name)
      }
      return key
    })
    found.set(name, read)
  }
  return found
}

/** A key, and who has it: see ownershipOf. */
interface Held {
  readonly key: Key
  readonly holds: readonly string[]
}

function text(listed: TextListedKey, where: string): Held {
  const { key: written, namespaces } = listed
  const key = named(where, () => {
    const other = notAKey(written)
    if (other?.code === 'secret-key') throw new FormatError('list', other.problem, where)
    return parseKey(written)
  })
  if (namespaces !== undefined && key.form !== 'ssh')
    throw new FormatError('list', 'only keys in the form of SSH have namespaces', where)
  return {
    key: { ...key, ...validityOf(listed), ...(namespaces && { namespaces }) },
    holds: [ownershipOf(key)],
  }
}

function certified(
  listed: Extract<ListedKey, { openpgp: string }>,
  certificate: ListCertificates,
  keysOf: KeysOfCertificate,
  where: string,
): Held {
  const { openpgp: fingerprint, certificate: path } = listed
  const file = certificate(path)
  const held = named(where, () => {
    if (holdsSecretKey(file.bytes)) throw new FormatError('list', `${path} holds a SECRET key`, where)
    const others = parseCertificates(file.bytes).filter(({ primary }) => primary.fingerprint !== fingerprint)
    if (others[0] !== undefined)
      throw new FormatError(
        'list',
        `${path} has another certificate as well: ${others[0].primary.fingerprint}`,
        where,
      )
    return keysOf(file, fingerprint)
  })
  if (held === undefined) throw new FormatError('list', `${path} has no certificate ${fingerprint}`, where)
  const key: Key = {
    kind: 'openpgp',
    identity: `openpgp:${fingerprint}`,
    label: fingerprint,
    fingerprint,
    certificate: file.path,
    ...validityOf(listed),
  }
  return { key, holds: held.map(({ ownership }) => ownership) }
}

function named<T>(where: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof FormatError) || error.where === where) throw error
    throw new FormatError('list', printable(error.message), where, { cause: error })
  }
}
