/** What certificates by a listed key may say: `certifies`, `for-at-most` and `rotates`. */
import { CERTIFIED_ROLES } from '../../formats/in-toto/key-certificate.ts'
import type { CertifyingPower, Ed25519Key } from '../policy.ts'
import { booleanOf, complain, countOf, listOf, type Node, wordOf } from './fields.ts'
import type { TextKey } from './keys.ts'

const DAY = 24 * 60 * 60
/** Days; ten years. */
const LONGEST = 3660

/** The forms of keys whose signatures over envelopes are those of the raw key. */
const CERTIFYING_FORMS: readonly Ed25519Key['form'][] = ['nix', 'ssh', 'pem']

interface Fields {
  readonly certifies?: Node
  readonly 'for-at-most'?: Node
  readonly rotates?: Node
}

/** Reads the three fields of a key; `key` is what could be read of it. Records problems. */
export function readCertifying(
  fields: Fields,
  key: Partial<TextKey>,
): { readonly certifies?: CertifyingPower; readonly rotates?: true } {
  const { certifies, 'for-at-most': longest, rotates } = fields
  const asked = certifies ?? rotates
  if (asked !== undefined && key.kind !== undefined && !canCertify(key))
    complain(asked, 'only Ed25519 keys of Nix, OpenSSH or PEM that may sign attestations certify keys')
  if (certifies !== undefined && longest === undefined)
    complain(certifies, 'needs "for-at-most" too: the most days that a certificate may last')
  if (certifies === undefined && longest !== undefined) complain(longest, 'is of use only with "certifies"')
  const roles = listOf(certifies, CERTIFIED_ROLES.length).flatMap(item => wordOf(item, CERTIFIED_ROLES) ?? [])
  if (Array.isArray(certifies?.value) && certifies.value.length === 0)
    complain(certifies, 'must name at least one role')
  const days = countOf(longest)
  if (longest !== undefined && days !== undefined && days > LONGEST)
    complain(longest, `must be at most ${LONGEST} days`)
  return {
    ...(days !== undefined && roles.length > 0 && { certifies: { roles, forAtMost: days * DAY } }),
    ...(booleanOf(rotates) === true && { rotates: true }),
  }
}

function canCertify(key: Partial<TextKey>): boolean {
  if (key.kind !== 'ed25519' || key.form === undefined || key.application !== undefined) return false
  return CERTIFYING_FORMS.includes(key.form) && (key.namespaces?.includes('nixsig') ?? true)
}
