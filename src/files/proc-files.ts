/** Parsers for files of proc(5) about a process. */
import { basename } from 'node:path'

/**
 * Whether this is a command line of nix-daemon or of `nix daemon`. The first argument may have been
 * replaced by a process number.
 */
export function isDaemonOrWorker(commandLine: Buffer): boolean {
  const words = wordsOf(commandLine.toString('latin1'))
  const [program = '', first = ''] = words
  return isDaemon(words) || (basename(program) === 'nix' && isProcessNumber(first))
}

/** Whether these are the words of a command line of nix-daemon or of `nix daemon`. */
export function isDaemon([program = '', first]: readonly string[]): boolean {
  const name = basename(program)
  return name === 'nix-daemon' || (name === 'nix' && first === 'daemon')
}

/** The words of /proc/pid/cmdline, or the variables of /proc/pid/environ. */
export function wordsOf(text: string): readonly string[] {
  return text.replace(/\0$/, '').split('\0')
}

/** Whether a word, or the name of a directory in /proc, is a process number. */
export function isProcessNumber(word: string): boolean {
  return /^[1-9][0-9]*$/.test(word)
}

/** The inode of a socket, from what a link in /proc/pid/fd says; undefined for other files. */
export function socketInode(link: string): string | undefined {
  return /^socket:\[([0-9]+)\]$/.exec(link)?.[1]
}

/** Most digits of a process number (PID_MAX_LIMIT is 4,194,304). */
const DIGITS = 7

/**
 * The process number that nix-daemon wrote over the first argument, followed by zero bytes up to
 * that argument's length. Undefined if something else stands there, or if the number may be cut off
 * for lack of space.
 */
export function clientNumber(commandLine: Buffer): string | undefined {
  const text = commandLine.toString('latin1')
  const rest = text.slice(text.indexOf('\0') + 1)
  const number = /^([1-9][0-9]*)\0/.exec(rest)?.[1]
  if (number === undefined || number.length > DIGITS) return undefined
  const isWhole = number.length === DIGITS || rest[number.length + 1] === '\0'
  return isWhole ? number : undefined
}

/**
 * When a process began, in ticks since the machine's start: field 22 of /proc/pid/stat. The name
 * before it may contain spaces and parentheses.
 */
export function startTime(stat: Buffer | undefined): number | undefined {
  const text = stat?.toString('latin1') ?? ''
  const field = text.slice(text.lastIndexOf(') ') + 2).split(' ')[19]
  return field !== undefined && /^[0-9]{1,15}$/.test(field) ? Number(field) : undefined
}

/** The real user of a process: the first number of `Uid:`. Set-user-ID does not change it. */
export function realUser(status: Buffer | undefined): number | undefined {
  const number = /^Uid:\t([0-9]{1,10})\t/m.exec(status?.toString('latin1') ?? '')?.[1]
  return number === undefined ? undefined : Number(number)
}

const AT_SECURE = 23n

/**
 * Whether a program was started with more rights than its caller had, such as one with set-user-ID:
 * the entry AT_SECURE (getauxval(3)) of /proc/pid/auxv, a list of pairs of 64-bit numbers. True if
 * the entry is absent.
 */
export function isMorePrivileged(auxiliary: Buffer): boolean {
  // In the byte order of this machine, which it has as well.
  const numbers = new BigUint64Array(Uint8Array.from(auxiliary).buffer, 0, auxiliary.length >> 3)
  for (let index = 0; index + 1 < numbers.length; index += 2)
    if (numbers[index] === AT_SECURE) return numbers[index + 1] !== 0n
  return true
}
