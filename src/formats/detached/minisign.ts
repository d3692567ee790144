import { parseMinisignPublicKey } from '../minisign.ts'
import { type DetachedForm, NOWHERE } from './form.ts'
import { isSignifyComment } from './signify.ts'

/** minisign, whose extension no other kind uses. */
export const MINISIGN_FORM = {
  kind: 'minisign',
  title: 'minisign',
  kept: ['.minisig'],
  telling: ['.minisig'],
  beside: { ...NOWHERE, file: ['.minisig'], list: ['.minisig'] },
  keys: {
    prefix: 'minisign:',
    parse: parseMinisignPublicKey,
    // minisign accepts any comment that signify would not write.
    begins: line => line.startsWith('untrusted comment: ') && !isSignifyComment(line),
  },
} as const satisfies DetachedForm
