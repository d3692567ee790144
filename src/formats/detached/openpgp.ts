import type { DetachedForm } from './form.ts'

/** A policy names certificates by file, so these keys have no prefix. */
export const OPENPGP_FORM = {
  kind: 'openpgp',
  title: 'OpenPGP',
  kept: ['.asc', '.sig'],
  telling: ['.asc', '.gpg', '.sign'],
  beside: {
    file: ['.asc', '.sig', '.sign'],
    tar: ['.sign', '.asc', '.sig'],
    list: ['.asc', '.sig', '.gpg', '.sign'],
    signedList: ['.sha256.asc'],
    signedLists: ['sha256sums.asc', 'SHA256SUMS.asc', 'CHECKSUM'],
  },
} as const satisfies DetachedForm
