/** Commands that set a machine up, or change its mode. */
import type { Entry } from './entry.ts'

const modes = () => import('../commands/modes.ts')

/** Setting up and changing modes. In the order of the help. */
export const MACHINE: readonly Entry[] = [
  {
    name: 'setup',
    summary:
      'Enable nixsig on this machine: keys, a first policy that only warns, the settings of Nix, the gate (root)',
    load: async () => (await import('../commands/setup.ts')).setup,
  },
  {
    name: 'init',
    summary:
      'Make a policy from five answers, or refine the one that is there; shows what would pass under it',
    load: async () => (await import('../commands/init.ts')).init,
  },
  {
    name: 'install',
    summary: 'Install the programs that this one lies among, in a directory of their version (root)',
    load: async () => (await import('../commands/install.ts')).install,
  },
  {
    name: 'upgrade',
    summary: 'Switch to the version in an archive or a directory, or back to the one before (root)',
    load: async () => (await import('../commands/install.ts')).upgrade,
  },
  {
    name: 'unsetup',
    summary: 'Undo what setup changed; policy, keys and ledger stay (root)',
    load: async () => (await import('../commands/setup.ts')).unsetup,
  },
  {
    name: 'status',
    summary: 'Show how this machine stands: mode, doors, caches, and what would be refused now and why',
    load: async () => (await import('../commands/status.ts')).status,
  },
  {
    name: 'adopt',
    summary:
      'Before enforcing on a machine that existed before: take what is vouched for, build the rest again, name what is left (root)',
    load: async () => (await import('../commands/adopt.ts')).adopt,
  },
  {
    name: 'enforce',
    summary: 'Refuse untrusted paths from now on: mode = "enforce" in the policy (root)',
    load: async () => (await modes()).enforce,
  },
  {
    name: 'warn',
    summary: 'Report untrusted paths but allow them: mode = "warn" in the policy (root)',
    load: async () => (await modes()).warn,
  },
]
