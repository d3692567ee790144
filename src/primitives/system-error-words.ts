/** Errors of the system as sentences: what could not be done with which file, and why. */
import { printable } from './printable.ts'

/** What each call wanted, by its name: what comes before the file. */
const ATTEMPTS = {
  open: 'open',
  access: 'look at',
  stat: 'look at',
  lstat: 'look at',
  fstat: 'look at',
  statfs: 'look at',
  statx: 'look at',
  realpath: 'look at',
  readlink: 'look at',
  read: 'read',
  readv: 'read',
  write: 'write',
  writev: 'write',
  fsync: 'write',
  fdatasync: 'write',
  ftruncate: 'write',
  close: 'finish writing',
  scandir: 'list',
  opendir: 'list',
  readdir: 'list',
  mkdir: 'make the directory',
  mkdtemp: 'make a directory at',
  rename: 'move',
  link: 'link',
  symlink: 'make the link',
  copyfile: 'copy',
  cp: 'copy',
  unlink: 'delete',
  rmdir: 'delete',
  rm: 'delete',
  lchown: 'change the owner of',
  chown: 'change the owner of',
  fchown: 'change the owner of',
  chmod: 'change the permissions of',
  fchmod: 'change the permissions of',
  utime: 'change the times of',
  futime: 'change the times of',
  lutime: 'change the times of',
  watch: 'watch',
  connect: 'connect to',
  bind: 'listen at',
  listen: 'listen at',
  accept: 'take a connection at',
  shutdown: 'end a connection to',
  spawn: 'run',
  spawnSync: 'run',
  kill: 'send a signal to',
  getaddrinfo: 'find the address of',
  queryA: 'find the address of',
  uv_cwd: 'find out which directory this is, as it is gone:',
} as const satisfies Readonly<Record<string, string>>

/** Why not, by the name of the error: errno(3). */
const REASONS = {
  ENOENT: 'it is not there',
  EACCES: 'this user may not',
  EPERM: 'this user may not',
  ENOTDIR: 'something in its path is a file, not a directory',
  EISDIR: 'it is a directory',
  ELOOP: 'its symbolic links lead in a circle, or are not followed',
  EEXIST: 'something is there already',
  ENOTEMPTY: 'the directory is not empty',
  ENAMETOOLONG: 'the name is too long',
  ENOSPC: 'the file system is full',
  EDQUOT: 'the quota is used up',
  EROFS: 'the file system is read-only',
  EXDEV: 'it lies on another file system',
  EMLINK: 'it has too many links',
  EFBIG: 'it would be too large',
  EBUSY: 'it is in use',
  ETXTBSY: 'it is a program that runs',
  EIO: 'the disk gave an error',
  ESTALE: 'the file server no longer knows it',
  EMFILE: 'this program has too many files open',
  ENFILE: 'the system has too many files open',
  ENOMEM: 'there is not enough memory',
  ENXIO: 'nobody is at its other end',
  EPIPE: 'the other side went away',
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'the other side broke the connection off',
  ECONNABORTED: 'the connection was broken off',
  ETIMEDOUT: 'there was no answer in time',
  EHOSTUNREACH: 'the machine cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ENETDOWN: 'the network is down',
  ENOTFOUND: 'no such name is known',
  EAI_AGAIN: 'names cannot be looked up now',
  EADDRINUSE: 'the address is taken',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOEXEC: 'it is no program for this machine',
  E2BIG: 'the arguments are too long',
  EINVAL: 'the system does not take that',
  ENOTSUP: 'the system cannot do that there',
  EOPNOTSUPP: 'the system cannot do that there',
  ENOSYS: 'the system cannot do that',
} as const satisfies Readonly<Record<`E${string}`, string>>

/** What Node tells of an error of the system; the file, host or program may be missing. */
export interface SystemError {
  readonly code: string
  readonly syscall: string
  readonly path?: string | undefined
  readonly dest?: string | undefined
  /** The system's own words, where there are none here. */
  readonly words?: string | undefined
}

/**
 * An error of the system in a sentence without its end: `cannot open /x: it is not there`. Escaped.
 */
export function systemErrorWords({ code, syscall, path, dest, words = '' }: SystemError): string {
  // `spawn git` is the name of a call and of a program.
  const [, call = '', program] = /^(\S*)(?: (.*))?$/s.exec(syscall) ?? []
  const what = path ?? program
  const attempt = of(ATTEMPTS, call) ?? 'go on with'
  const object = what === undefined || what === '' ? 'a file or a connection' : printable(what)
  const target = dest === undefined ? '' : ` to ${printable(dest)}`
  const reason = of(REASONS, code) ?? (printable(words, 100) || `the system says ${shownName(code)}`)
  return `cannot ${attempt} ${object}${target}: ${reason}`
}

/** Why an error of the system came, without what was tried: `the file system is full`. Escaped. */
export function reasonOf({ code = '', message }: NodeJS.ErrnoException): string {
  return of(REASONS, code) ?? printable(message, 100)
}

/** The words of an error that Node made; undefined for any other. */
export function wordsOfSystemError(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('syscall' in error)) return undefined
  const { code, syscall, path, dest, address, port, hostname } = error as unknown as Record<string, unknown>
  const host =
    typeof address === 'string' ? `${address}${port === undefined ? '' : ` port ${port}`}` : hostname
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined)
  const [, words] = /^(?:\w+ )?E[A-Z0-9_]+: ([^,]*)/.exec(error.message) ?? []
  return systemErrorWords({
    code: String(code),
    syscall: String(syscall),
    path: text(path) ?? text(host),
    dest: text(dest),
    words,
  })
}

/**
 * Errors as Node words them, within another message: `ENOENT: no such file or directory, lstat
 * '/x'` and `connect ECONNREFUSED 127.0.0.1:80`. The text around them stays; it is escaped already.
 */
export function withSystemErrorsInWords(text: string): string {
  return text
    .replace(
      /\b(E[A-Z0-9_]{2,}): ([^,\n]{1,100}), (\w+)(?: '([^'\n]*)'(?: -> '([^'\n]*)')?)?/g,
      (_, code: string, words: string, syscall: string, path?: string, dest?: string, ...[at]: unknown[]) => {
        const said = unescaped(systemErrorWords({ code, syscall, path, dest, words }))
        // "cannot read /x: cannot open /x: …" says it once.
        const before = typeof at === 'number' ? text.slice(Math.max(0, at - 500), at) : ''
        const isSaid = path !== undefined && dest === undefined && SAID.test(before) && before.includes(path)
        return isSaid ? said.slice(said.lastIndexOf(': ') + 2) : said
      },
    )
    .replace(
      /\b(connect|listen|bind|spawn|spawnSync|read|write|getaddrinfo) (?:(\S+) )?(E[A-Z0-9_]{2,})\b(:(?: [a-z]+(?![^\s,;]))*)?(?: ([^\s,;]+))?/g,
      (_, call: string, program: string | undefined, code: string, __, place?: string) =>
        unescaped(systemErrorWords({ code, syscall: call, path: place ?? program })),
    )
}

/** A message that says what could not be done, up to the reason. */
const SAID = /\bcannot [^;\n]*: $/

/** What was escaped before is not escaped twice. */
function unescaped(text: string): string {
  return text.replaceAll('\\\\', '\\')
}

function of<T extends object>(table: T, key: string): T[keyof T] | undefined {
  return Object.hasOwn(table, key) ? table[key as keyof T] : undefined
}

/** `EOWNERDEAD` as a person would read it out: only where nothing better is known. */
function shownName(code: string): string {
  return `"${printable(code, 40).replace(/^E/, '').replaceAll('_', ' ').toLowerCase()}"`
}
