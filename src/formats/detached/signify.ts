import { parseSignifyPublicKey } from '../signify.ts'
import { type DetachedForm, NOWHERE } from './form.ts'

/** OpenBSD publishes its signatures as `.sig`, an extension that other kinds use as well. */
export const SIGNIFY_FORM = {
  kind: 'signify',
  title: 'signify',
  kept: ['.signify'],
  telling: ['.signify'],
  beside: NOWHERE,
  keys: { prefix: 'signify:', parse: parseSignifyPublicKey, begins: isSignifyComment },
} as const satisfies DetachedForm

/**
 * Whether the comment of a public key is signify's. The base64 does not tell signify keys from
 * minisign keys: signify's comment ends like this, minisign's begins with its own name. Comments
 * are not signed, but a key that is taken for the other kind verifies nothing.
 */
export function isSignifyComment(line: string): boolean {
  const isComment = line.startsWith('untrusted comment: ') && !line.startsWith('untrusted comment: minisign ')
  return isComment && line.endsWith(' public key')
}
