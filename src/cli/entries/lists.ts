/** Commands about lists of keys that communities keep. */
import type { Entry } from './entry.ts'

/** For keepers. In the order of the help. */
export const KEEPING_LISTS: readonly Entry[] = [
  {
    name: 'list build',
    summary: "Collect developers' keys from what Debian, Gentoo and Arch Linux keep, as a list to sign",
    load: async () => (await import('../commands/list-build.ts')).listBuild,
  },
  {
    name: 'list init',
    summary: 'Begin a list of keys, with its keepers and how many of them have to agree',
    load: async () => (await import('../commands/list-init.ts')).listInit,
  },
  {
    name: 'list add',
    summary: 'Add a principal, a group, the developers of sources, or a team to a list that you keep',
    load: async () => (await import('../commands/list-add.ts')).listAdd,
  },
  {
    name: 'list remove',
    summary: 'Take something out of a list that you keep',
    load: async () => (await import('../commands/list-remove.ts')).listRemove,
  },
  {
    name: 'list revoke',
    summary: 'Say in a list that you keep that a key or a principal counts no more',
    load: async () => (await import('../commands/list-revoke.ts')).listRevoke,
  },
  {
    name: 'list rotate',
    summary: 'Change who signs for a role of a list, and how many of them have to',
    load: async () => (await import('../commands/list-rotate.ts')).listRotate,
  },
  {
    name: 'list sign',
    summary: 'As a keeper: see what changed in a list, and sign it',
    load: async () => (await import('../commands/list-sign.ts')).listSign,
  },
  {
    name: 'list publish',
    summary: 'Publish what enough keepers have signed, as files for any server',
    load: async () => (await import('../commands/list-publish.ts')).listPublish,
  },
  {
    name: 'list status',
    summary: 'Show what changed in a list, who still has to sign, and what ends when',
    load: async () => (await import('../commands/list-status.ts')).listStatus,
  },
]

/** For subscribers. In the order of the help. */
export const USING_LISTS: readonly Entry[] = [
  {
    name: 'trust subscribe',
    summary: 'Begin to use a list of keys that others keep, after comparing its fingerprint (root)',
    load: async () => (await import('../commands/trust-subscribe.ts')).trustSubscribe,
  },
  {
    name: 'trust list',
    summary: 'Show which version of each list is in force, until when, and what waits',
    load: async () => (await import('../commands/trust-show.ts')).trustList,
  },
  {
    name: 'trust show',
    summary: 'Show who keeps a list and what it says, or what it says of somebody or of a source',
    load: async () => (await import('../commands/trust-show.ts')).trustShow,
  },
  {
    name: 'trust diff',
    summary: 'Show what waits in a list, and which admitted paths would fall with it',
    load: async () => (await import('../commands/trust-show.ts')).trustDiff,
  },
  {
    name: 'trust update',
    summary:
      'Take in what is new in lists: what changes is shown first, revocations are taken at once (root)',
    load: async () => (await import('../commands/trust-update.ts')).trustUpdate,
  },
  {
    name: 'trust pin',
    summary: 'Keep a list at its version, or follow it again (root)',
    load: async () => (await import('../commands/trust-pin.ts')).trustPin,
  },
  {
    name: 'trust unsubscribe',
    summary: 'Use a list no more (root)',
    load: async () => (await import('../commands/trust-unsubscribe.ts')).trustUnsubscribe,
  },
]
