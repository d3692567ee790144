/** What files of proc(5) say of a process. */
import { endianness } from 'node:os'

/** The command line of nix-daemon, or of `nix daemon`. A process number in place of the first argument is not held against it. */
export function isDaemon(commandLine: Buffer): boolean {
  const [program = '', first = ''] = commandLine.toString('latin1').split('\0', 2)
  const name = program.slice(program.lastIndexOf('/') + 1)
  return name === 'nix-daemon' || (name === 'nix' && /^(daemon|[1-9][0-9]*)$/.test(first))
}

/** As many digits as a process number may have (PID_MAX_LIMIT is 4,194,304). */
const DIGITS = 7

/**
 * The process number that stands in place of the first argument, as nix-daemon writes it: with zero bytes up to that argument's
 * length. Undefined if something else stands there, or if it may have been cut off for want of room.
 */
export function clientNumber(commandLine: Buffer): string | undefined {
  const text = commandLine.toString('latin1')
  const rest = text.slice(text.indexOf('\0') + 1)
  const number = /^([1-9][0-9]*)\0/.exec(rest)?.[1]
  if (number === undefined || number.length > DIGITS) return undefined
  const isWhole = number.length === DIGITS || rest[number.length + 1] === '\0'
  return isWhole ? number : undefined
}

/** When a process began, in ticks since the machine's start: the 22nd field. Names may have spaces and parentheses. */
export function startTime(stat: Buffer | undefined): number | undefined {
  const text = stat?.toString('latin1') ?? ''
  const field = text.slice(text.lastIndexOf(') ') + 2).split(' ')[19]
  return field !== undefined && /^[0-9]{1,15}$/.test(field) ? Number(field) : undefined
}

/** Whose a process is, whatever rights it took up: the first number of `Uid:`. */
export function realUser(status: Buffer | undefined): number | undefined {
  const number = /^Uid:\t([0-9]{1,10})\t/m.exec(status?.toString('latin1') ?? '')?.[1]
  return number === undefined ? undefined : Number(number)
}

const AT_SECURE = 23n

/**
 * Whether a program was started with more rights than who started it, as by a set-user-ID file (getauxval(3), AT_SECURE): pairs
 * of numbers of 64 bits. One that does not say so counts as such.
 */
export function isMorePrivileged(auxiliary: Buffer): boolean {
  const at = (offset: number) =>
    endianness() === 'LE' ? auxiliary.readBigUInt64LE(offset) : auxiliary.readBigUInt64BE(offset)
  for (let offset = 0; offset + 16 <= auxiliary.length; offset += 16)
    if (at(offset) === AT_SECURE) return at(offset + 8) !== 0n
  return true
}
