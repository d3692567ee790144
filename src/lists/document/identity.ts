import { parseKey } from '../../policy/language/keys.ts'

/**
 * The identity, as policies have it, of a key that a list or its book names. Throws FormatError for
 * a text that is not a key.
 */
export function listedIdentity(key: { readonly key: string } | { readonly openpgp: string }): string {
  return 'key' in key ? parseKey(key.key).identity : `openpgp:${key.openpgp}`
}
