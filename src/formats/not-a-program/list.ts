import { isHash, NAME, WORD } from './words.ts'

const HEX = '([0-9A-Fa-f]{32,128})'

/**
 * The algorithms in lists of BSD, coreutils and openssl. Any other word before a parenthesis could
 * be an m4 macro.
 */
const TAG = String.raw`(?:MD5|SM3|RMD160|RIPEMD-?160|SHA[1-9]\d{0,2}(?:[-/]\d{3})?|BLAKE2[bs](?:-?\d{3})?)`

/** The entry types in Gentoo's Manifest files (GLEP 74). */
const KIND = '(?:DIST|DATA|MANIFEST|MISC|EBUILD|AUX|OPTIONAL)'
const ALGORITHM = String.raw`(?:MD5|RMD160|SHA\d{1,3}|SHA3_\d{3}|BLAKE2[BS]|STREEBOG\d{3}|WHIRLPOOL)`

const CHECKSUMS = [
  new RegExp(`^${HEX} [ *]?${NAME}$`),
  new RegExp(String.raw`^${TAG} ?\(${NAME}\) ?= ?${HEX}$`),
  new RegExp(String.raw`^${KIND} ${NAME} \d{1,19}(?: ${ALGORITHM} [0-9A-Fa-f]{32,128}){1,16}$`),
]
const DIGITS = /(?<![0-9A-Za-z])[0-9A-Fa-f]{32,128}(?![0-9A-Za-z])/g

/**
 * Lines without a checksum: the `# … HASH` heading, Fedora's line with the size of an image, a
 * comment of one word, Gentoo's timestamp and ignored path.
 */
const OTHERS = [
  /^# ?[A-Za-z0-9_-]+ HASH$/,
  new RegExp(String.raw`^# ${NAME}\.(?:iso|img|raw|qcow2|gz|bz2|xz|zst|zip|box|ova) ?: [1-9]\d{5,} bytes$`),
  new RegExp(`^# ?(?:${WORD})?$`),
  /^TIMESTAMP \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
  new RegExp(`^IGNORE ${NAME}$`),
]

/** Why a line of a checksum list could be part of a program; undefined if it could not. */
export function whyNoListLine(line: string): string | undefined {
  if (OTHERS.some(form => form.test(line))) return undefined
  if (!CHECKSUMS.some(form => form.test(line))) {
    const what = line.startsWith('#') ? 'a remark that is neither a heading nor one word' : NO_CHECKSUM
    return `${what}: it could be a program`
  }
  return nameless(line).every(isHash)
    ? undefined
    : 'digits that are not shaped like a hash: they could be a program'
}

const NO_CHECKSUM = 'not one checksum with one word for the name of a file'

/**
 * The digits of the checksums in a line, without its names. A name may look like a checksum; in a
 * plain line it comes last.
 */
function nameless(line: string): readonly string[] {
  const [first] = /^[0-9A-Fa-f]{32,}(?= )/.exec(line) ?? []
  return first === undefined ? (line.replace(/\(.*\)/, '').match(DIGITS) ?? []) : [first]
}
