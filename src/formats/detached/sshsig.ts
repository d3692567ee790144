import { type DetachedForm, NOWHERE } from './form.ts'

/** ssh-keygen writes `.sig`, an extension that other kinds use as well. */
export const SSHSIG_FORM = {
  kind: 'sshsig',
  title: 'SSH',
  kept: ['.sshsig'],
  telling: ['.sshsig'],
  beside: { ...NOWHERE, file: ['.sshsig'], list: ['.sshsig'] },
} as const satisfies DetachedForm
