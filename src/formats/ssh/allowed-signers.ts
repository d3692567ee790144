/**
 * Files of allowed signers (ssh-keygen(1), ALLOWED SIGNERS), which git reads too. Each line that is
 * not a comment names the holders of a key: `principal[,principal…] [option[,option…]] algorithm
 * base64 [comment]`. What nixsig's trusted list cannot express is refused: patterns, certificate
 * authorities, and times in the time zone of the machine.
 */
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { decodeUtf8 } from '../json/strict.ts'
import { looksLikeSshKey, parseSshPublicKey, printSshPublicKey, type SshPublicKey } from './key.ts'
import { isExactNamespace } from './sshsig.ts'

const FORMAT = 'allowed signers'
const SIZE_LIMIT = 4 * 1024 * 1024
const LINE_LIMIT = 16 * 1024
const NAMES_LIMIT = 64

/** One entry: a key and its principals. */
export interface AllowedSigner {
  /** At least one, each an exact name. */
  readonly principals: readonly string[]
  readonly key: SshPublicKey
  /** At least one, each an exact name. If undefined, all. */
  readonly namespaces?: readonly string[]
  /** Seconds since 1970: valid at `validFrom` and later, and before `validUntil`. */
  readonly validFrom?: number
  readonly validUntil?: number
}

/** An entry and its line in the file, from 1. */
export type AllowedSignerLine = AllowedSigner & { readonly line: number }

/**
 * Parses a file. Throws FormatError with the line number for anything malformed, or that a trusted
 * list cannot express.
 */
export function parseAllowedSigners(file: Uint8Array): readonly AllowedSignerLine[] {
  if (file.length > SIZE_LIMIT) throw malformed(`larger than ${SIZE_LIMIT} bytes`, 1)
  return decodeUtf8(file, FORMAT)
    .split(/\r?\n/)
    .flatMap((text, index) => {
      const line = index + 1
      const content = text.replace(/^[ \t]+/, '')
      if (content === '' || content.startsWith('#')) return []
      if (content.length > LINE_LIMIT) throw malformed(`longer than ${LINE_LIMIT} characters`, line)
      return [{ ...readLine(content, line), line }]
    })
}

/**
 * The line of an entry, without a newline. Throws FormatError if ssh-keygen would read it
 * differently.
 */
export function printAllowedSigner(signer: AllowedSigner): string {
  const { principals, key, namespaces, validFrom, validUntil } = signer
  for (const name of principals) {
    if (!isExactPrincipal(name))
      throw malformed(`"${printable(name, 100)}" cannot be written as a principal`, 1)
  }
  for (const name of namespaces ?? []) {
    if (!isExactNamespace(name))
      throw malformed(`"${printable(name, 100)}" cannot be written as a namespace`, 1)
  }
  const options = [
    ...(namespaces === undefined ? [] : [`namespaces="${namespaces.join(',')}"`]),
    ...(validFrom === undefined ? [] : [`valid-after="${printTime(validFrom)}"`]),
    ...(validUntil === undefined ? [] : [`valid-before="${printTime(validUntil)}"`]),
  ]
  const words = [principals.join(','), options.join(','), printSshPublicKey(key, '')]
  return words.filter(word => word !== '').join(' ')
}

function readLine(text: string, line: number): AllowedSigner {
  const [, quoted, plain, rest = ''] = /^(?:"([^"]*)"|([^\s"]+))[ \t]+(.*)$/.exec(text) ?? []
  const names = quoted ?? plain
  if (names === undefined) throw malformed('no principals and key', line)
  const principals = readList(names, isExactPrincipal, `principals "${printable(names, 200)}"`, line)
  if (looksLikeSshKey(rest)) return { principals, key: readKey(rest, line) }
  const { options, end } = readOptions(rest, line)
  const key = readKey(rest.slice(end).replace(/^[ \t]+/, ''), line)
  const { validFrom, validUntil } = options
  if (validFrom !== undefined && validUntil !== undefined && validFrom >= validUntil) {
    throw malformed('valid-before is not after valid-after', line)
  }
  return { principals, key, ...options }
}

type Options = Omit<AllowedSigner, 'principals' | 'key'>

/** Reads options up to the first white space that is not quoted. Throws FormatError. */
function readOptions(text: string, line: number): { readonly options: Options; readonly end: number } {
  const form = /([A-Za-z-]+)(?:="([^"\\]*)")?(,|[ \t]|$)/y
  let options: Options = {}
  for (;;) {
    const [whole, name = '', value, separator] = form.exec(text) ?? []
    if (whole === undefined) throw malformed('malformed options, or a key of another kind', line)
    const read = readOption(name.toLowerCase(), value, line)
    const [field = ''] = Object.keys(read)
    if (field in options) throw malformed(`the option "${printable(name, 40)}" is there twice`, line)
    options = { ...options, ...read }
    if (separator !== ',') return { options, end: form.lastIndex }
  }
}

function readOption(name: string, value: string | undefined, line: number): Options {
  if (name === 'cert-authority') {
    throw malformed('a certificate authority: nixsig trusts keys, so list the keys that it certified', line)
  }
  if (value === undefined) throw malformed(`"${printable(name, 40)}" is not an option, or has no value`, line)
  switch (name) {
    case 'namespaces':
      return { namespaces: readList(value, isExactNamespace, `namespaces "${printable(value, 200)}"`, line) }
    case 'valid-after':
      return { validFrom: readTime(value, line) }
    case 'valid-before':
      return { validUntil: readTime(value, line) }
  }
  throw malformed(`unknown option "${printable(name, 40)}"`, line)
}

function readList(
  text: string,
  isExact: (name: string) => boolean,
  what: string,
  line: number,
): readonly string[] {
  const names = text.split(',')
  if (names.length > NAMES_LIMIT) throw malformed(`more than ${NAMES_LIMIT} names`, line)
  if (!names.every(isExact)) {
    throw malformed(
      `${what}: patterns and names with odd characters cannot be taken, write each name out`,
      line,
    )
  }
  return names
}

/** Whether ssh-keygen reads this as one name, not as a pattern, list, quotation or comment. */
function isExactPrincipal(name: string): boolean {
  return /^[^\s,"*?!#\\][^\s,"*?!\\]*$/.test(name) && printable(name, name.length) === name
}

function readKey(text: string, line: number): SshPublicKey {
  try {
    const [algorithm = '', encoded = ''] = text.split(/[ \t]+/, 2)
    return parseSshPublicKey(`${algorithm} ${encoded}`)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw new FormatError(FORMAT, error.message, `line ${line}`, { cause: error })
  }
}

/**
 * Parses `YYYYMMDD[HHMM[SS]]Z`. Without the `Z`, ssh-keygen would use the time zone of its machine.
 * Throws FormatError.
 */
function readTime(text: string, line: number): number {
  const parts = /^(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?(Z?)$/i.exec(text)
  if (parts === null)
    throw malformed(`"${printable(text, 40)}" is not a time like 20270101Z or 202701011200Z`, line)
  const [, year, month, day, hour = '00', minute = '00', second = '00', zone] = parts
  if (zone === '') {
    throw malformed(
      `"${text}" is in the time zone of the machine that reads it: write ${text}Z for UTC`,
      line,
    )
  }
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`
  const milliseconds = Date.parse(iso)
  if (Number.isNaN(milliseconds) || new Date(milliseconds).toISOString() !== iso || milliseconds <= 0) {
    throw malformed(`"${printable(text, 40)}" is not a valid time`, line)
  }
  return milliseconds / 1000
}

function printTime(seconds: number): string {
  const iso = seconds > 0 && seconds < 253_402_300_800 ? new Date(seconds * 1000).toISOString() : undefined
  if (iso === undefined) throw malformed('a time before 1970 or after the year 9999', 1)
  return `${iso.slice(0, 19).replace(/[-:T]/g, '')}Z`
}

function malformed(problem: string, line: number): FormatError {
  return new FormatError(FORMAT, problem, `line ${line}`)
}
