import { claimsToBeBy } from '../../crypto/openpgp/parts.ts'
import {
  type CertificateSignature,
  type OpenPgpCertificate,
  parseCertificates,
} from '../../formats/openpgp/certificate.ts'
import { readPackets } from '../../formats/openpgp/packets.ts'
import {
  type GitAuthorization,
  type OpenPgpGitPolicy,
  RIGHTS,
  type Right,
} from '../../formats/openpgp-git-policy.ts'
import { toHex } from '../../primitives/hex.ts'
import { printable } from '../../primitives/printable.ts'

/** A difference between two policies, and the rights that whoever makes it needs. */
export interface PolicyChange {
  readonly needs: readonly Right[]
  /** For a message, escaped. */
  readonly what: string
}

/**
 * What changes from one policy to the next (sequoia-git). That a certificate gains signatures needs
 * no right. Throws FormatError if a keyring that changed cannot be read.
 */
export function policyChanges(from: OpenPgpGitPolicy, to: OpenPgpGitPolicy): readonly PolicyChange[] {
  const changes: PolicyChange[] = []
  if (!isSame(from.goodlist, to.goodlist)) changes.push({ needs: ['audit'], what: 'changes commit_goodlist' })
  for (const name of new Set([...from.authorizations.keys(), ...to.authorizations.keys()])) {
    const [before, after] = [from.authorizations.get(name), to.authorizations.get(name)]
    if (after === undefined) changes.push({ needs: ['retire_user'], what: `removes ${printable(name, 80)}` })
    if (before === undefined) changes.push({ needs: ['add_user'], what: `adds ${printable(name, 80)}` })
    changes.push(...entryChanges(before ?? nobody(name), after ?? nobody(name)))
  }
  return changes
}

function nobody(name: string): GitAuthorization {
  return { name, rights: new Set(), keyring: '' }
}

function isSame<T>(one: ReadonlySet<T>, other: ReadonlySet<T>): boolean {
  return one.size === other.size && [...one].every(item => other.has(item))
}

function entryChanges(from: GitAuthorization, to: GitAuthorization): readonly PolicyChange[] {
  const who = printable(from.name, 80)
  const rights = RIGHTS.flatMap((right): readonly PolicyChange[] => {
    if (from.rights.has(right) === to.rights.has(right)) return []
    return to.rights.has(right)
      ? [{ needs: ['add_user', right], what: `gives ${who} the right ${right}` }]
      : [{ needs: ['retire_user', right], what: `takes the right ${right} from ${who}` }]
  })
  return from.keyring === to.keyring ? rights : [...rights, ...keyringChanges(who, from.keyring, to.keyring)]
}

function keyringChanges(who: string, from: string, to: string): readonly PolicyChange[] {
  const [before, after] = [signedParts(from), signedParts(to)]
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((fingerprint): readonly PolicyChange[] => {
    const [old, now] = [before.get(fingerprint), after.get(fingerprint)]
    if (old === undefined)
      return [{ needs: ['add_user'], what: `gives ${who} the certificate ${fingerprint}` }]
    if (now === undefined) {
      return [{ needs: ['retire_user'], what: `takes the certificate ${fingerprint} from ${who}` }]
    }
    const isCut = [...old].some(([part, isOwn]) => isOwn && !now.has(part))
    return isCut
      ? [{ needs: ['retire_user'], what: `cuts own signatures out of the certificate ${fingerprint}` }]
      : []
  })
}

/**
 * The signatures of each certificate, each with the part that it follows, and whether the
 * certificate itself may have made it.
 */
function signedParts(keyring: string): ReadonlyMap<string, ReadonlyMap<string, boolean>> {
  const parts = new Map<string, Map<string, boolean>>()
  for (const certificate of certificatesIn(keyring)) {
    const { primary, subkeys, users } = certificate
    const known = parts.get(primary.fingerprint) ?? new Map<string, boolean>()
    parts.set(primary.fingerprint, known)
    const add = (part: string, signatures: readonly CertificateSignature[]) => {
      for (const { signature, bytes } of signatures) {
        const isOwn =
          signature === undefined || signature.issuers.length === 0 || claimsToBeBy(signature, primary)
        known.set(`${part} ${toHex(bodyOf(bytes))}`, isOwn)
      }
    }
    for (const key of [primary, ...subkeys]) add(toHex(key.body), key.signatures)
    for (const { tag, id, signatures } of users) add(`${tag} ${toHex(id)}`, signatures)
  }
  return parts
}

/** The certificates of a keyring of a policy. Throws FormatError. */
export function certificatesIn(keyring: string): readonly OpenPgpCertificate[] {
  return keyring.trim() === '' ? [] : parseCertificates(Buffer.from(keyring, 'utf8'))
}

/** A packet may have headers of several forms. */
function bodyOf(packet: Uint8Array): Uint8Array {
  return readPackets(packet)[0]?.body ?? packet
}
