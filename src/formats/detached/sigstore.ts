import { type DetachedForm, NOWHERE } from './form.ts'

export const SIGSTORE_FORM = {
  kind: 'sigstore',
  title: 'Sigstore',
  kept: ['.sigstore.json'],
  telling: ['.sigstore', '.sigstore.json'],
  beside: { ...NOWHERE, file: ['.sigstore.json', '.sigstore'], list: ['.sigstore.json'] },
} as const satisfies DetachedForm
