import type { Options } from './command.ts'

/** Where the results of the SARIF are shown. */
export const SARIF_PLACE_OPTIONS = {
  'sarif-policy': {
    kind: 'value',
    value: 'FILE',
    text: 'Where the policy lies in the repository whose SARIF it is; by default where it lies here',
  },
  'sarif-lock': {
    kind: 'value',
    value: 'FILE',
    text: 'The flake.lock of that repository: what comes from a commit in it is shown at its line',
  },
} as const satisfies Options

/** The values of these options. */
export type SarifPlaceValues = { readonly [Name in keyof typeof SARIF_PLACE_OPTIONS]: string | undefined }
