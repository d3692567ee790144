import { parseSignifyPublicKey } from '../signify.ts'
import { type DetachedForm, NOWHERE } from './form.ts'

/** OpenBSD publishes its signatures as `.sig`, which others' are called as well. */
export const SIGNIFY_FORM = {
  kind: 'signify',
  title: 'signify',
  kept: ['.signify'],
  telling: ['.signify'],
  beside: NOWHERE,
  keys: { prefix: 'signify:', parse: parseSignifyPublicKey, begins: isSignifyComment },
} as const satisfies DetachedForm

/**
 * Whose key it is, which its base 64 does not tell: minisign's is the same. signify ends the comment like this, minisign
 * begins it with its own name. Nobody vouches for a comment; what is wrongly taken for the other verifies nothing.
 */
export function isSignifyComment(line: string): boolean {
  const isComment = line.startsWith('untrusted comment: ') && !line.startsWith('untrusted comment: minisign ')
  return isComment && line.endsWith(' public key')
}
