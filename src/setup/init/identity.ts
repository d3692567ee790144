import { parse } from 'smol-toml'
import { parseKey } from '../../policy/language/keys.ts'
import { FormatError } from '../../primitives/format-error.ts'

/**
 * Tells whether two keys as TOML are the same: the identity of a key that is written as text, or of
 * an OpenPGP key; of others their text.
 */
export function identityOfText(keyToml: string): string {
  const { key } = parse(`key = ${keyToml}`) as { key: string | { openpgp?: string } }
  if (typeof key !== 'string') return key.openpgp === undefined ? keyToml : `openpgp:${key.openpgp}`
  try {
    return parseKey(key).identity
  } catch (error) {
    if (error instanceof FormatError) return keyToml
    throw error
  }
}
