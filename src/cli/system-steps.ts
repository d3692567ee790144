import { ADDRESS_TAKEN } from '../primitives/next-step.ts'

/** What to do about an error of the system, by its name: errno(3). */
const STEPS = {
  ENOSPC: 'make room on that file system (df -h; nix-collect-garbage), and call again',
  EDQUOT: 'make room within the quota of that user, and call again',
  ENOENT: 'name a file that is there (ls), or put it there, and call again',
  EEXIST: 'choose another name, or move what is there away (mv), and call again',
  EISDIR: 'a directory lies where a file has to be: move it away (mv), and call again',
  ENOTDIR: 'a file lies where a directory has to be: move it away (mv), and call again',
  EROFS: 'that file system is read-only: mount it writable, or name a directory elsewhere, and call again',
  EACCES: 'call again as a user who may do that, or as root',
  EPERM: 'call again as a user who may do that, or as root',
  EMFILE: 'raise the limit of open files (ulimit -n, or LimitNOFILE of the unit), and call again',
  ENFILE: 'end programs that hold many files open, or raise fs.file-max, and call again',
  ENOMEM: 'end programs that take much memory, and call again',
  EIO: 'look for errors of the disk (dmesg), and call again when it can be read',
  ELOOP: 'name the file itself in place of symbolic links that lead in a circle',
  ENAMETOOLONG: 'choose a shorter name',
  EADDRINUSE: `${ADDRESS_TAKEN} (or with --listen)`,
} as const satisfies Readonly<Record<`E${string}`, string>>

/**
 * The next step after an error of the system, from a message that names it as Node does
 * (`ENOSPC: no space left on device, write`); undefined if it names none that is known.
 */
export function stepAfterSystemError(message: string): string | undefined {
  const [, name = ''] = /\b(E[A-Z]{2,}): /.exec(message) ?? []
  return Object.hasOwn(STEPS, name) ? STEPS[name as keyof typeof STEPS] : undefined
}
