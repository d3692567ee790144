/**
 * The questions of a hook to the resident process (docs/resident.md). A question is one line of at
 * most 16 KiB, newline included:
 *
 *     nixsig1 before-build <derivation>
 *     nixsig1 after-build <derivation>
 *     nixsig1 may-build <derivation>
 *     nixsig1 admit <store path> sha256:<NAR hash, hex> <deriver, or -> <content address, or ->
 *         <bytes of the NAR> <root, or -> [<signature> ...] [others]
 *     nixsig1 built <store path> sha256:<NAR hash, hex> <deriver>
 *     nixsig1 reload
 *
 * Before the kind, `for:<user number>` may say for whom it is asked, for the decision log alone.
 */
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import { type ContentAddress, parseContentAddress, printContentAddress } from './nix/content-address.ts'
import { derivationName, parseStorePath } from './nix/store-path.ts'

/** The protocol's name and version. Questions and replies begin with it. */
export const PROTOCOL = 'nixsig1'

/** The default socket of the resident process. */
export const RESIDENT_SOCKET = '/run/nixsig/socket'

/** The most bytes of a question, newline included. */
export const QUESTION_LIMIT = 16 * 1024

/** A question of a hook. `reload`: read the policy again. */
export type HookQuestion = (
  | BuildQuestion
  | IncomingQuestion
  | BuiltQuestion
  | { readonly kind: 'reload' }
) & {
  /** For whom it is asked: `root`, or `user` and a number. Nothing is decided by it. */
  readonly asker?: string
}

/**
 * `before-build`: may it be built? The build starts now. `after-build`: are its outputs trusted?
 * `may-build`: could it be built, if somebody started the build?
 */
export interface BuildQuestion {
  readonly kind: 'before-build' | 'after-build' | 'may-build'
  /** The store path of the derivation. */
  readonly derivation: string
}

/**
 * May this path become valid in the store? The rest is what Nix's database is about to record:
 * claims without proof.
 */
export interface IncomingQuestion {
  readonly kind: 'admit'
  readonly path: string
  /** SHA-256 NAR hash, lower-case hex. */
  readonly narHash: string
  /** The store path of the deriver. */
  readonly deriver?: string
  readonly contentAddress?: ContentAddress
  /** What its signatures cover besides, and where it lies. */
  readonly signed?: SignedRow
}

/** What the row of a path says that was signed elsewhere: claims without proof. */
export interface SignedRow {
  /** Bytes of the NAR. */
  readonly narSize: number
  /** What precedes /nix/store on the disk: empty, or a directory. Undefined: not known. */
  readonly root: string | undefined
  /** In Nix's form, `name:base64`. */
  readonly signatures: readonly string[]
  /** Whether there are more, which did not fit into the question. */
  readonly hasOthers: boolean
}

/**
 * May this output of a local build become valid? The build was allowed to start, but under another
 * policy, or too long ago for that permission to hold.
 */
export interface BuiltQuestion {
  readonly kind: 'built'
  readonly path: string
  /** SHA-256 NAR hash, lower-case hex. */
  readonly narHash: string
  /** The store path of the derivation. */
  readonly derivation: string
}

const FORMAT = 'question'
const NEWLINE = 10
/** Stands for a value that the database does not have. */
const NONE = '-'
/** The last word, if there are signatures that did not fit. */
const OTHERS = 'others'
const ASCII = /^[\x20-\x7e]*$/

/**
 * Reads a question with its newline. Throws FormatError for any other bytes, including a question
 * followed by anything else.
 */
export function parseQuestion(bytes: Uint8Array): HookQuestion {
  const end = bytes.indexOf(NEWLINE)
  if (end >= QUESTION_LIMIT || (end < 0 && bytes.length >= QUESTION_LIMIT)) {
    throw malformed(`longer than ${QUESTION_LIMIT} bytes`)
  }
  if (end < 0) throw malformed('does not end with a newline')
  if (end < bytes.length - 1) throw malformed('is followed by more')
  const line = Buffer.from(bytes.buffer, bytes.byteOffset, end).toString('latin1')
  if (!ASCII.test(line)) throw malformed('has a character that is not printable ASCII')
  const [version = '', kind = '', ...rest] = line.split(' ')
  if (version !== PROTOCOL) throw malformed(`is not of version ${PROTOCOL}`)
  const [, user] = FOR.exec(kind) ?? []
  if (user === undefined) return questionOf(kind, rest)
  const [actual = '', ...words] = rest
  return { ...questionOf(actual, words), asker: user === '0' ? 'root' : `user ${user}` }
}

const FOR = /^for:(0|[1-9][0-9]{0,9})$/

/** The word that says for whom it is asked, with a space; nothing if that is not known. */
function forWhom(asker: string | undefined): string {
  if (asker === 'root') return 'for:0 '
  const [, user] = /^user ([1-9][0-9]{0,9})$/.exec(asker ?? '') ?? []
  return user === undefined ? '' : `for:${user} `
}

function questionOf(kind: string, words: readonly string[]): HookQuestion {
  const [derivation, ...more] = words
  if (kind === 'reload' && derivation === undefined) return { kind }
  if (kind === 'admit') return incomingOf(words)
  if (kind === 'built') return builtOf(words)
  if (kind !== 'before-build' && kind !== 'after-build' && kind !== 'may-build') {
    throw malformed(`is of an unknown kind: "${printable(kind, 40)}"`)
  }
  if (derivation === undefined || more.length > 0) throw malformed('must be about one derivation')
  return { kind, derivation: derivationPath(derivation) }
}

/**
 * The line of a question, with its newline. Throws FormatError if `derivation` is not the path of a
 * derivation.
 */
export function printQuestion(question: HookQuestion): string {
  const line = plainQuestion(question)
  return `${PROTOCOL} ${forWhom(question.asker)}${line.slice(PROTOCOL.length + 1)}`
}

function plainQuestion(question: HookQuestion): string {
  if (question.kind === 'reload') return `${PROTOCOL} reload\n`
  if (question.kind === 'admit') return printIncoming(question)
  if (question.kind === 'built') return printBuilt(question)
  return `${PROTOCOL} ${question.kind} ${derivationPath(question.derivation)}\n`
}

function incomingOf([
  path = '',
  hash = '',
  deriver = '',
  address = '',
  ...signed
]: readonly string[]): IncomingQuestion {
  const [, narHash] = /^sha256:([0-9a-f]{64})$/.exec(hash) ?? []
  if (narHash === undefined) throw malformed('names no NAR hash')
  return {
    kind: 'admit',
    path: parseStorePath(path).path,
    narHash,
    ...(deriver === NONE ? {} : { deriver: derivationPath(deriver) }),
    ...(address === NONE ? {} : { contentAddress: parseContentAddress(address) }),
    // Absent in the question of an older plugin, which a process of Nix may have loaded before an upgrade.
    ...(signed.length === 0 ? {} : { signed: signedOf(signed) }),
  }
}

function signedOf([size = '', root = '', ...words]: readonly string[]): SignedRow {
  if (!/^\d{1,15}$/.test(size)) throw malformed('names no size of the NAR')
  if (root !== NONE && !root.startsWith('/')) throw malformed('names no root')
  const hasOthers = words.at(-1) === OTHERS
  const signatures = hasOthers ? words.slice(0, -1) : words
  if (signatures.includes('')) throw malformed('has an empty word')
  return {
    narSize: Number(size),
    root: root === NONE ? undefined : root.replace(/\/+$/, ''),
    signatures,
    hasOthers,
  }
}

function builtOf([path = '', hash = '', deriver = '', ...more]: readonly string[]): BuiltQuestion {
  const [, narHash] = /^sha256:([0-9a-f]{64})$/.exec(hash) ?? []
  if (narHash === undefined) throw malformed('names no NAR hash')
  if (more.length > 0) throw malformed('has too many words')
  return { kind: 'built', path: parseStorePath(path).path, narHash, derivation: derivationPath(deriver) }
}

function printBuilt({ path, narHash, derivation }: BuiltQuestion): string {
  const words = [
    PROTOCOL,
    'built',
    parseStorePath(path).path,
    `sha256:${narHash}`,
    derivationPath(derivation),
  ]
  return `${words.join(' ')}\n`
}

function printIncoming({ path, narHash, deriver, contentAddress, signed }: IncomingQuestion): string {
  const address = contentAddress === undefined ? NONE : printContentAddress(contentAddress)
  const words = [PROTOCOL, 'admit', parseStorePath(path).path, `sha256:${narHash}`, deriver ?? NONE, address]
  if (signed !== undefined) {
    const { narSize, root, signatures, hasOthers } = signed
    words.push(String(narSize), root === '' ? '/' : (root ?? NONE), ...signatures)
    if (hasOthers) words.push(OTHERS)
  }
  return `${words.join(' ')}\n`
}

function derivationPath(text: string): string {
  const path = parseStorePath(text)
  derivationName(path)
  return path.path
}

function malformed(problem: string): FormatError {
  return new FormatError(FORMAT, problem, 'line 1')
}
