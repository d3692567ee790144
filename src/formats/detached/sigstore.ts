import { type DetachedForm, NOWHERE } from './form.ts'

/** Sigstore bundles, as cosign and others publish them. */
export const SIGSTORE_FORM = {
  kind: 'sigstore',
  title: 'Sigstore',
  kept: ['.sigstore.json'],
  telling: ['.sigstore', '.sigstore.json'],
  beside: { ...NOWHERE, file: ['.sigstore.json', '.sigstore'], list: ['.sigstore.json'] },
} as const satisfies DetachedForm
