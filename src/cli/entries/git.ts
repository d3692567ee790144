/** Commands about commits, and about locks that pin them. */
import type { Entry } from './entry.ts'

/** Commits and locks. In the order of the help. */
export const GIT: readonly Entry[] = [
  {
    name: 'git verify',
    summary: 'Judge a commit: whether enough of the right people signed it, in whatever way',
    load: async () => (await import('../commands/git-verify.ts')).gitVerify,
  },
  {
    name: 'git status',
    summary: 'Show what is missing on a commit, and the nearest one that enough people signed',
    load: async () => (await import('../commands/git-status.ts')).gitStatus,
  },
  {
    name: 'git diff',
    summary: 'Show what changed since the nearest commit that enough people signed',
    load: async () => (await import('../commands/git-status.ts')).gitDiff,
  },
  {
    name: 'git sign',
    summary: 'Sign a commit in a note beside it, with any key; the history does not change',
    load: async () => (await import('../commands/git-sign.ts')).gitSign,
  },
  {
    name: 'lock verify',
    summary:
      'Judge what flake.lock, npins or niv pin: who signed each commit, and whether its files are those',
    load: async () => (await import('../commands/lock-verify.ts')).lockVerify,
  },
  {
    name: 'lock update',
    summary: 'Move an input of flake.lock to the newest commit that enough people signed',
    load: async () => (await import('../commands/lock-update.ts')).lockUpdate,
  },
  {
    name: 'git fetch',
    summary: "Take in the notes with others' signatures from another repository",
    load: async () => (await import('../commands/git-notes.ts')).gitFetch,
  },
  {
    name: 'git push',
    summary: 'Merge the notes with signatures into those of another repository',
    load: async () => (await import('../commands/git-notes.ts')).gitPush,
  },
  {
    name: 'git authenticate',
    summary: 'Authenticate a history from an introduction on, by the rules of Guix or of sequoia-git',
    load: async () => (await import('../commands/git-authenticate.ts')).gitAuthenticate,
  },
]
