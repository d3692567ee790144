/** What a certificate says of its own keys, read as GnuPG reads it: the newest statement counts. */
import type { OpenPgpSignature } from '../../formats/openpgp/signature.ts'
import { type Certificate, claimsToBeBy, type NamedKey } from './certificate.ts'

/** RFC 9580, section 5.2.1. */
const TYPE = { directKey: 0x1f, subkeyBinding: 0x18 }

/** All signatures in which a key's end and use may be stated. */
export function selfSignaturesOf(certificate: Certificate, key: NamedKey): readonly OpenPgpSignature[] {
  return key === certificate.primary
    ? [...directOf(certificate), ...usersOf(certificate).flat()]
    : bindingsOf(certificate, key)
}

/** When a key ends, in seconds since 1970, by what is known today; undefined: never. */
export function endOf(certificate: Certificate, key: NamedKey): number | undefined {
  return endsAt(certificate, key, Number.POSITIVE_INFINITY)
}

/**
 * When a key ends, by what its certificate had said up to an instant. Of a primary key the newest direct-key signature
 * tells, or else of those newest on each user id that state an end the newest; of a subkey its newest binding.
 */
export function endsAt(certificate: Certificate, key: NamedKey, instant: number): number | undefined {
  const latest = (signatures: readonly OpenPgpSignature[]) =>
    newest(signatures.filter(({ created }) => created <= instant))
  const byUser = () =>
    newest(
      usersOf(certificate).flatMap(signatures => {
        const last = latest(signatures)
        return last?.keyLifetime ? [last] : []
      }),
    )
  const lifetime =
    key === certificate.primary
      ? (latest(directOf(certificate))?.keyLifetime ?? byUser()?.keyLifetime)
      : latest(bindingsOf(certificate, key))?.keyLifetime
  return lifetime ? key.created + lifetime : undefined
}

/** What a key may be used for (RFC 9580, section 5.2.3.29, first octet); undefined if nothing is said. */
export function flagsOf(certificate: Certificate, key: NamedKey): number | undefined {
  if (key !== certificate.primary) return newest(bindingsOf(certificate, key))?.keyFlags
  return newest(directOf(certificate))?.keyFlags ?? newest(usersOf(certificate).flat())?.keyFlags
}

function bindingsOf(certificate: Certificate, subkey: NamedKey): readonly OpenPgpSignature[] {
  return subkey.signatures.filter(
    signature => signature.type === TYPE.subkeyBinding && claimsToBeBy(signature, certificate.primary),
  )
}

function directOf(certificate: Certificate): readonly OpenPgpSignature[] {
  return certificate.primary.signatures.filter(
    signature => signature.type === TYPE.directKey && claimsToBeBy(signature, certificate.primary),
  )
}

/** The self-signatures on each user id. */
function usersOf(certificate: Certificate): readonly (readonly OpenPgpSignature[])[] {
  return certificate.users.map(({ signatures }) =>
    signatures.filter(
      signature =>
        signature.type >= 0x10 && signature.type <= 0x13 && claimsToBeBy(signature, certificate.primary),
    ),
  )
}

function newest(signatures: readonly OpenPgpSignature[]): OpenPgpSignature | undefined {
  return signatures.reduce<OpenPgpSignature | undefined>(
    (latest, signature) => (latest && latest.created > signature.created ? latest : signature),
    undefined,
  )
}
