/** Commands about many machines. */
import type { Entry } from './entry.ts'

/** In the order of the help. */
export const FLEET: readonly Entry[] = [
  {
    name: 'fleet report',
    summary: 'Put the audits of many machines together: in what they differ first',
    load: async () => (await import('../commands/fleet-report.ts')).fleetReport,
  },
]
