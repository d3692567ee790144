/** The certificates of sequoia-git's policies. */
import { revokedForever } from '../../crypto/openpgp/at-signing.ts'
import { findCertificate } from '../../crypto/openpgp/certificate.ts'
import type { Certificate } from '../../crypto/openpgp/own-parts.ts'
import type { OpenPgpCertificate } from '../../formats/openpgp/certificate.ts'
import { readPackets, TAG } from '../../formats/openpgp/packets.ts'
import type { OpenPgpGitPolicy } from '../../formats/openpgp-git-policy.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { toHex } from '../../primitives/hex.ts'
import { sha256 } from '../../primitives/sodium.ts'
import { certificatesIn } from './policy-changes.ts'

/** RFC 9580, section 5.2.1: revocations of a key, a subkey, and a certification. */
const REVOCATIONS: readonly number[] = [0x20, 0x28, 0x30]

/** Remembers what it verified: most commits have the same certificates. */
export interface PolicyKeys {
  /**
   * The certificates of a commit's parent that have a key of one of these names, with what the
   * commit itself adds to them. Revocations in the commit count for those that follow. Throws
   * FormatError.
   */
  find(parent: OpenPgpGitPolicy, child: OpenPgpGitPolicy, names: readonly string[]): readonly Certificate[]
  /** The entries of a policy that have the certificate with this primary fingerprint. */
  holders(policy: OpenPgpGitPolicy, fingerprint: string): readonly string[]
  /** The keys that a policy revokes for all time; nothing from keyrings that cannot be read. */
  revoked(policy: OpenPgpGitPolicy): readonly string[]
}

interface Copies {
  readonly holders: Set<string>
  readonly copies: OpenPgpCertificate[]
}

type ByPrimary = ReadonlyMap<string, Copies>

/** Nothing is remembered at the beginning. */
export function policyKeys(): PolicyKeys {
  const read = new WeakMap<OpenPgpGitPolicy, ByPrimary>()
  const verified = new Map<string, Certificate | undefined>()
  const byPrimary = (policy: OpenPgpGitPolicy): ByPrimary => {
    const known = read.get(policy) ?? readAll(policy)
    read.set(policy, known)
    return known
  }
  const verify = (fingerprint: string, bytes: Uint8Array) => {
    const name = `${fingerprint} ${toHex(sha256(bytes))}`
    if (!verified.has(name)) verified.set(name, findCertificate(bytes, fingerprint)?.verified())
    return verified.get(name)
  }
  return {
    find: (parent, child, names) => {
      const [own, added] = [byPrimary(parent), parent === child ? undefined : byPrimary(child)]
      return [...own].flatMap(([fingerprint, { copies }]) => {
        const updates = added?.get(fingerprint)?.copies ?? []
        if (![...copies, ...updates].some(copy => hasKey(copy, names))) return []
        const bytes = Buffer.concat([...copies.map(copy => copy.bytes), ...updates.map(withoutRevocations)])
        return verify(fingerprint, bytes) ?? []
      })
    },
    holders: (policy, fingerprint) => [...(byPrimary(policy).get(fingerprint)?.holders ?? [])],
    revoked: policy =>
      [...byPrimaryOrNothing(policy, byPrimary)].flatMap(([fingerprint, { copies }]) =>
        copies.some(hasRevocation) ? revokedBy(fingerprint, copies, verify) : [],
      ),
  }
}

function readAll(policy: OpenPgpGitPolicy): ByPrimary {
  const all = new Map<string, Copies>()
  for (const { name, keyring } of policy.authorizations.values()) {
    for (const copy of certificatesIn(keyring)) {
      const { fingerprint } = copy.primary
      if (fingerprint === '') continue
      const known = all.get(fingerprint) ?? { holders: new Set<string>(), copies: [] }
      all.set(fingerprint, known)
      known.holders.add(name)
      known.copies.push(copy)
    }
  }
  return all
}

function byPrimaryOrNothing(
  policy: OpenPgpGitPolicy,
  read: (policy: OpenPgpGitPolicy) => ByPrimary,
): ByPrimary {
  return readable(() => read(policy)) ?? new Map()
}

function revokedBy(
  fingerprint: string,
  copies: readonly OpenPgpCertificate[],
  verify: (fingerprint: string, bytes: Uint8Array) => Certificate | undefined,
): readonly string[] {
  const bytes = Buffer.concat(copies.map(copy => copy.bytes))
  const certificate = readable(() => verify(fingerprint, bytes))
  return certificate === undefined ? [] : revokedForever(certificate)
}

function readable<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

function hasKey({ primary, subkeys }: OpenPgpCertificate, names: readonly string[]): boolean {
  return [primary, ...subkeys].some(key => names.includes(key.fingerprint) || names.includes(key.keyId))
}

function hasRevocation({ primary, subkeys, users }: OpenPgpCertificate): boolean {
  return [primary, ...subkeys, ...users].some(({ signatures }) =>
    signatures.some(({ type }) => REVOCATIONS.includes(type)),
  )
}

function withoutRevocations({ bytes }: OpenPgpCertificate): Uint8Array {
  const isKept = ({ tag, body }: { tag: number; body: Uint8Array }) =>
    tag !== TAG.signature || !REVOCATIONS.includes(body[(body[0] ?? 0) < 4 ? 2 : 1] ?? 0)
  return Buffer.concat(
    readPackets(bytes)
      .filter(isKept)
      .map(packet => packet.bytes),
  )
}
