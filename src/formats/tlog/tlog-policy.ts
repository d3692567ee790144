/**
 * Which logs and witnesses are believed, and how many of them are needed (c2sp.org/tlog-policy). A
 * key may also be 64 hex digits, as in the policies of Sigsum's own tools: such a key has no name,
 * and counts in Sigsum's proofs alone.
 */
import { FormatError } from '../../primitives/format-error.ts'
import { toHex } from '../../primitives/hex.ts'
import { printable } from '../../primitives/printable.ts'
import { sha256 } from '../../primitives/sodium.ts'
import { isEd25519, NOTE_ED25519, type NoteKey, parseNoteKey } from './note.ts'
import { parseSigsumKey } from './sigsum-proof.ts'

/** Characters of a policy. A key by ML-DSA-44 has 1.8 kB. */
const TLOG_POLICY_LIMIT = 256 * 1024
/** Logs, and names of witnesses and groups, of each. */
const ENTITY_LIMIT = 200

/** The key of a log or a witness. */
export interface TlogKey {
  /** Undefined for one in hex. */
  readonly noteKey: NoteKey | undefined
  /** 32 raw bytes if it is Ed25519; undefined for a kind that nixsig cannot verify. */
  readonly ed25519: Uint8Array | undefined
}

/** A witness with its name in the policy. */
export interface Witness extends TlogKey {
  readonly name: string
}

/** Which witnesses are needed. */
export type Quorum =
  | { readonly kind: 'none' }
  | { readonly kind: 'witness'; readonly witness: Witness }
  | Group

/** `threshold` of the members. */
export interface Group {
  readonly kind: 'group'
  readonly name: string
  /** From 1 to the number of members. */
  readonly threshold: number
  readonly members: readonly Quorum[]
}

/** A policy. */
export interface TlogPolicy {
  /** Any of them will do. At least one. */
  readonly logs: readonly TlogKey[]
  readonly quorum: Quorum
  /**
   * SHA-256, in hex, of what the policy means: the keys and the numbers, and neither the names of
   * witnesses and groups, nor addresses, comments, or what the quorum does not need.
   */
  readonly digest: string
}

/**
 * Parses a policy. Throws FormatError, also if it has no log, if two of its logs and
 * witnesses have the same raw key, and if nixsig cannot verify enough kinds of signatures to meet the
 * quorum.
 */
export function parseTlogPolicy(text: string): TlogPolicy {
  if (text.length > TLOG_POLICY_LIMIT) throw malformed(`longer than ${TLOG_POLICY_LIMIT} characters`, 1)
  const draft: Draft = { logs: [], named: new Map(), used: new Set(), quorum: undefined, keys: new Map() }
  const lines = text.split('\n')
  for (const [index, line] of lines.entries()) {
    if (/[^\t -~\u0080-\u{10ffff}]/u.test(line)) throw malformed('a control character', index + 1)
    const [keyword = '', ...words] = line.split(/[ \t]+/).filter(word => word !== '')
    if (keyword === '' || keyword.startsWith('#')) continue
    readLine(draft, keyword, words, index + 1)
  }
  const { logs, quorum } = draft
  const last = lines.length
  if (quorum === undefined) throw malformed('no quorum', last)
  if (logs.length === 0) throw malformed('no log', last)
  if (!logs.some(({ ed25519 }) => ed25519)) throw malformed('no log with an Ed25519 key', last)
  if (!isMet(quorum, ({ ed25519 }) => ed25519 !== undefined))
    throw malformed('a quorum that no Ed25519 signatures can meet', last)
  return { logs, quorum, digest: digestOf(logs, quorum) }
}

/** Whether the witnesses for whom this is true meet a quorum. */
export function isMet(quorum: Quorum, isPresent: (witness: Witness) => boolean): boolean {
  switch (quorum.kind) {
    case 'none':
      return true
    case 'witness':
      return isPresent(quorum.witness)
    case 'group':
      return quorum.members.filter(member => isMet(member, isPresent)).length >= quorum.threshold
  }
}

/** The witnesses of a quorum, each once: nobody is a member of two groups. */
export function witnessesOf(quorum: Quorum): readonly Witness[] {
  switch (quorum.kind) {
    case 'none':
      return []
    case 'witness':
      return [quorum.witness]
    case 'group':
      return quorum.members.flatMap(witnessesOf)
  }
}

interface Draft {
  readonly logs: TlogKey[]
  readonly named: Map<string, Quorum>
  /** Names that are members of a group. */
  readonly used: Set<string>
  /** Whose the raw keys are, by their hex. */
  readonly keys: Map<string, 'log' | 'witness'>
  quorum: Quorum | undefined
}

function readLine(draft: Draft, keyword: string, words: readonly string[], line: number): void {
  switch (keyword) {
    case 'log': {
      const [key, url, ...more] = words
      if (key === undefined || more.length > 0) throw malformed('not "log KEY [URL]"', line)
      assertRoom(draft.logs.length, line)
      draft.logs.push(readKey(draft, 'log', { key, url, line }))
      return
    }
    case 'witness': {
      const [name, key, url, ...more] = words
      if (name === undefined || key === undefined || more.length > 0)
        throw malformed('not "witness NAME KEY [URL]"', line)
      const witness = { name, ...readKey(draft, 'witness', { key, url, line }) }
      define(draft, name, { kind: 'witness', witness }, line)
      return
    }
    case 'group':
      readGroup(draft, words, line)
      return
    case 'quorum': {
      const [name, ...more] = words
      if (name === undefined || more.length > 0) throw malformed('not "quorum NAME"', line)
      if (draft.quorum !== undefined) throw malformed('a second quorum', line)
      draft.quorum = name === NONE ? { kind: 'none' } : defined(draft, name, line)
      return
    }
    default:
      throw malformed(`"${printable(keyword, 40)}" begins no line of such a policy`, line)
  }
}

const NONE = 'none'

function readGroup(draft: Draft, words: readonly string[], line: number): void {
  const [name, count, ...names] = words
  if (name === undefined || count === undefined || names.length === 0)
    throw malformed('not "group NAME NUMBER MEMBER…"', line)
  const threshold = thresholdOf(count, names.length)
  if (threshold < 1 || threshold > names.length) throw malformed('a number that no members can meet', line)
  const members = names.map(member => {
    if (draft.used.has(member)) throw malformed(`${printable(member, 80)} is a member twice`, line)
    draft.used.add(member)
    return defined(draft, member, line)
  })
  define(draft, name, { kind: 'group', name, threshold, members }, line)
}

/** 0 for what is no number. */
function thresholdOf(count: string, members: number): number {
  if (count === 'any') return 1
  if (count === 'all') return members
  return /^[1-9][0-9]{0,3}$/.test(count) ? Number(count) : 0
}

function define({ named }: Draft, name: string, quorum: Quorum, line: number): void {
  if (name === NONE || named.has(name)) throw malformed(`${printable(name, 80)} is defined already`, line)
  assertRoom(named.size, line)
  named.set(name, quorum)
}

function defined({ named }: Draft, name: string, line: number): Quorum {
  const quorum = named.get(name)
  if (quorum === undefined) throw malformed(`${printable(name, 80)} is not defined in a line before`, line)
  return quorum
}

function readKey(
  { keys }: Draft,
  what: 'log' | 'witness',
  { key, url, line }: { readonly key: string; readonly url: string | undefined; readonly line: number },
): TlogKey {
  if (url !== undefined && url.length > 2000) throw malformed('an address of more than 2000 characters', line)
  const read = keyOf(key, line)
  const type = read.noteKey?.type
  if (what === 'witness' && type === NOTE_ED25519)
    throw malformed('not the key of a witness: they cosign with keys of kind 04', line)
  const raw = toHex(read.ed25519 ?? read.noteKey?.publicKey ?? new Uint8Array())
  const before = keys.get(raw)
  if (before === what) throw malformed(`a second ${what} with the same key`, line)
  if (before !== undefined)
    throw malformed('a log that is its own witness: the key of both is the same', line)
  keys.set(raw, what)
  return read
}

function keyOf(key: string, line: number): TlogKey {
  const hex = parseSigsumKey(key)
  if (hex !== undefined) return { noteKey: undefined, ed25519: hex }
  try {
    const noteKey = parseNoteKey(key)
    return { noteKey, ed25519: isEd25519(noteKey.type) ? noteKey.publicKey : undefined }
  } catch (error) {
    if (error instanceof FormatError) throw new FormatError('tlog policy', error.message, `line ${line}`)
    throw error
  }
}

function assertRoom(count: number, line: number): void {
  if (count >= ENTITY_LIMIT) throw malformed(`more than ${ENTITY_LIMIT} logs or names`, line)
}

/** The digest of TlogPolicy; members and logs in an order of their own. */
function digestOf(logs: readonly TlogKey[], quorum: Quorum): string {
  const meaning = ['nixsig-quorum-1', ...logs.map(keyText).sort(), quorumText(quorum)].join('\n')
  return toHex(sha256(Buffer.from(meaning, 'utf8')))
}

function quorumText(quorum: Quorum): string {
  switch (quorum.kind) {
    case 'none':
      return NONE
    case 'witness':
      return keyText(quorum.witness)
    case 'group':
      return `(${quorum.threshold} ${quorum.members.map(quorumText).sort().join(' ')})`
  }
}

/** The name is part of it: cosignatures under another are another key's. */
function keyText({ noteKey, ed25519 = new Uint8Array() }: TlogKey): string {
  if (noteKey === undefined) return toHex(ed25519)
  const { name, keyId, type, publicKey } = noteKey
  return `${type}:${toHex(Buffer.from(name, 'utf8'))}:${keyId}:${toHex(publicKey)}`
}

function malformed(problem: string, line: number): FormatError {
  return new FormatError('tlog policy', problem, `line ${line}`)
}
