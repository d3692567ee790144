/** Commands about what stands on whose word. */
import type { Entry } from './entry.ts'

/** In the order of the help. */
export const AUDIT: readonly Entry[] = [
  {
    name: 'audit',
    summary:
      'Show what stands on whose word: every path of a closure, whom it depends on, and what ends soon',
    load: async () => (await import('../commands/audit.ts')).audit,
  },
]
