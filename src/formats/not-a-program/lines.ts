import { BUNDLE_START, whyNoBundleLine } from './bundle.ts'
import { whyNoListLine } from './list.ts'
import { BASE64, NAME, WORD } from './words.ts'

/** Lines that begin in a certain way have one of these forms and no other. */
interface Shape {
  readonly begins: RegExp
  readonly forms: readonly RegExp[]
  readonly problem: string
}

/** The default comments of minisign, rsign, signify and usign. */
const COMMENTS: Shape = {
  begins: /^untrusted comment: /,
  forms: [
    `signature from ${WORD} secret key`,
    'signature from private key: [0-9A-F]{1,16}',
    'signed by key [0-9a-f]{16}',
    `verify with ${NAME}`,
    WORD,
  ].map(text => new RegExp(`^untrusted comment: ${text}$`)),
  problem: 'a comment that is neither as tools write it nor one word: it could be a program',
}
const TRUSTED: Shape = {
  begins: /^trusted comment: /,
  forms: [String.raw`timestamp:\d{1,20}(?:\tfile(?:name)?:${NAME})?(?:\t(?:pre)?hashed)?`, WORD].map(
    text => new RegExp(`^trusted comment: ${text}$`),
  ),
  problem: COMMENTS.problem,
}

/** Words, with an optional remark in parentheses at the end, as in `GnuPG v2 (GNU/Linux)`. */
const TEXT = String.raw`[\w.+:/@,-]+(?: [\w.+:/@,-]+)*(?: \([\w.+:/@,-]+(?: [\w.+:/@,-]+)*\))?`
const HEADERS: Shape = {
  begins: /^[A-Za-z][A-Za-z0-9-]*:/,
  forms: [
    new RegExp(`^(?:Version|Comment|Hash|Charset|MessageID):(?: ${TEXT})?$`),
    // Written by `gpg --enarmor`.
    /^Comment: Use "gpg --dearmor" for unpacking$/,
  ],
  problem: 'a header that is not of words alone: it could be a program',
}
const EDGES: Shape = {
  begins: /^-/,
  forms: [/^-----(?:BEGIN|END) [A-Z ]{1,40}-----$/],
  problem: 'neither the beginning nor the end of a block',
}
const CODED = new RegExp(`^(?:${BASE64}|=[A-Za-z0-9+/]{4})$`)

/**
 * The lines that may stand before a list that is in one file with its signature, or in its place.
 */
const SIGNED: readonly Shape[] = [COMMENTS, TRUSTED, EDGES, HEADERS]

/**
 * Returns a function that says why a line of this text (not empty, without its line end) could be
 * part of a program. The function returns undefined for a line that could not.
 */
export function whyNoLineOf(text: string): (line: string) => string | undefined {
  if (BUNDLE_START.test(text)) return whyNoBundleLine
  return /^\s*(?:-|untrusted comment: )/.test(text) ? whyNoSignedLine : whyNoListLine
}

function whyNoSignedLine(line: string): string | undefined {
  const shape = SIGNED.find(({ begins }) => begins.test(line))
  if (shape !== undefined) return shape.forms.some(form => form.test(line)) ? undefined : shape.problem
  return CODED.test(line) ? undefined : whyNoListLine(line)
}
