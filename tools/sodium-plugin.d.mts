import type { Plugin } from 'esbuild'

export function sodiumBesideBundle(options?: {
  readonly passphrases?: boolean
  readonly forHook?: boolean
  readonly prebuilds?: string
}): Plugin
