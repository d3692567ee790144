/**
 * Git objects as git stores them (gitformat-commit(5), gitformat-signature(5), git-mktag(1); for
 * trees "Git Objects" in the Pro Git book). Text is read as latin1, one character per byte, so that
 * no byte is lost.
 */
import { FormatError } from '../primitives/format-error.ts'

/** Limits on the entries of one directory and on the size of signed text. */
const ENTRY_LIMIT = 100_000
const TEXT_LIMIT = 1024 * 1024

/** Bytes of a name: no usual file system, and so no store of Nix, takes a longer one (NAME_MAX). */
const NAME_LIMIT = 255

/** Bytes of a mode with its space. */
const MODE_SIZE = 7

/** The signed bytes, and their armoured signature. */
export interface SignedText {
  readonly payload: Uint8Array
  readonly signature: Uint8Array
}

/** An annotated tag of a commit. */
export interface GitTag {
  /** The id of the tagged commit. */
  readonly commit: string
  /** The tag's name as its signer wrote it. */
  readonly name: string
  readonly signed: SignedText | undefined
}

/** A commit. */
export interface GitCommit {
  /** The id of its tree. */
  readonly tree: string
  /** The ids of its parents, in their order. */
  readonly parents: readonly string[]
  readonly signed: SignedText | undefined
}

/** An entry of a tree. */
export interface GitTreeEntry {
  /** A byte string: one character per byte. */
  readonly name: string
  readonly kind: 'file' | 'executable' | 'symlink' | 'directory' | 'submodule'
  readonly id: string
}

/**
 * Reads an annotated tag of a commit, whose signature is at the end of the message. Throws
 * FormatError for a tag of any other object, and if the signature could begin at more than one
 * line.
 */
export function parseGitTag(bytes: Uint8Array): GitTag {
  const text = textOf(bytes, 'tag')
  const { lines, body } = headersOf(text, 'tag')
  const commit = ID.exec(fieldOf(lines[0], 'object', 'tag'))?.[0]
  if (commit === undefined) throw malformed('tag', 'no whole object id')
  const type = fieldOf(lines[1], 'type', 'tag')
  if (type !== 'commit') throw malformed('tag', 'it is not of a commit')
  const name = fieldOf(lines[2], 'tag', 'tag')
  const rest = lines.slice(3)
  if (rest.length > 1 || (rest[0] !== undefined && !rest[0].startsWith('tagger '))) {
    throw malformed('tag', 'a header that no tag has')
  }
  const begins = [...text.slice(body).matchAll(/^-----BEGIN (?:PGP|SSH|SIGNED) [A-Z ]*-----/gm)]
  if (begins.length > 1) throw malformed('tag', 'more than one beginning of a signature')
  const [begin] = begins
  if (begin === undefined) return { commit, name, signed: undefined }
  const at = body + begin.index
  return { commit, name, signed: { payload: bytes.slice(0, at), signature: bytes.slice(at) } }
}

/**
 * Reads a commit. Its signature is in a header and covers everything else. Throws FormatError, also
 * for a commit with two signatures.
 */
export function parseGitCommit(bytes: Uint8Array): GitCommit {
  const text = textOf(bytes, 'commit')
  const { lines, body } = headersOf(text, 'commit')
  const tree = ID.exec(fieldOf(lines[0], 'tree', 'commit'))?.[0]
  if (tree === undefined) throw malformed('commit', 'no whole object id')
  if (lines.slice(1).some(line => line.startsWith('tree '))) throw malformed('commit', 'two trees')
  const parents = parentsOf(lines)
  // A header continues on lines that begin with a space.
  const headers: string[] = []
  for (const line of lines) {
    if (!line.startsWith(' ')) headers.push(line)
    else if (headers.length > 0) headers.push(`${headers.pop()}\n${line}`)
  }
  const isSignature = (header: string) => /^gpgsig(?:-sha256)? /.test(header)
  const signatures = headers.filter(isSignature)
  if (signatures.length > 1) throw malformed('commit', 'more than one signature')
  const [signature] = signatures
  if (signature === undefined) return { tree, parents, signed: undefined }
  if (signature.split('-----BEGIN ').length > 2) throw malformed('commit', 'more than one signature')
  const kept = headers.filter(header => !isSignature(header)).map(header => `${header}\n`)
  const payload = Buffer.from(kept.join('') + text.slice(body - 1), 'latin1')
  const armour = `${signature.slice(signature.indexOf(' ') + 1).replaceAll('\n ', '\n')}\n`
  return { tree, parents, signed: { payload, signature: Buffer.from(armour, 'latin1') } }
}

/**
 * The parents, which follow the tree. Git stops looking at the first other header; one further down
 * is refused, because another reader may go on.
 */
function parentsOf(lines: readonly string[]): readonly string[] {
  const isParent = (line: string) => line.startsWith('parent ')
  const end = lines.findIndex((line, index) => index > 0 && !isParent(line))
  const parents = lines.slice(1, end < 0 ? undefined : end).map(line => line.slice('parent '.length))
  if (!parents.every(id => ID.test(id))) throw malformed('commit', 'a parent that is not a whole id')
  if (parents.length < lines.filter(isParent).length) throw malformed('commit', 'a parent in a wrong place')
  return parents
}

/**
 * Reads a tree whose ids have this many bytes (20 or 32). Throws FormatError, also for entries that
 * cannot be checked out: of names with more than 255 bytes, for example.
 */
export function parseGitTree(bytes: Uint8Array, idSize: number): readonly GitTreeEntry[] {
  if (bytes.length > ENTRY_LIMIT * (MODE_SIZE + NAME_LIMIT + 1 + idSize)) {
    throw malformed('tree', `more bytes than ${ENTRY_LIMIT} entries have`)
  }
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const text = buffer.toString('latin1')
  const entries: GitTreeEntry[] = []
  const names = new Set<string>()
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\0', at)
    if (end - at > MODE_SIZE + NAME_LIMIT) throw tooLong()
    const head = end < 0 ? undefined : /^(\d{5,6}) ([^/]+)$/s.exec(text.slice(at, end))
    const [, mode = '', name = ''] = head ?? []
    const kind = KINDS.get(mode)
    if (kind === undefined || end + 1 + idSize > text.length)
      throw malformed('tree', 'an entry that cannot be read')
    if (/^(?:\.|\.\.|\.git)$/i.test(name)) throw malformed('tree', 'a name that no file may have')
    if (name.length > NAME_LIMIT) throw tooLong()
    if (names.has(name)) throw malformed('tree', 'two entries of one name')
    names.add(name)
    // One flat string: large trees have many of them.
    entries.push({ name, kind, id: buffer.toString('hex', end + 1, end + 1 + idSize) })
    if (entries.length > ENTRY_LIMIT) throw malformed('tree', `more than ${ENTRY_LIMIT} entries`)
    at = end + 1 + idSize
  }
  return entries
}

function tooLong(): FormatError {
  return malformed('tree', `a name of more than ${NAME_LIMIT} bytes, which no file may have`)
}

/** When a commit was made, by its committer, in seconds since 1970. Throws FormatError. */
export function committedAt(commit: Uint8Array): number {
  const text = Buffer.from(commit).toString('latin1')
  const time = /^committer [^\n]*> (\d{1,12}) [+-]\d{4}$/m.exec(text.slice(0, text.indexOf('\n\n')))?.[1]
  if (time === undefined) throw malformed('commit', 'it does not say when it was made')
  return Number(time)
}

const ID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/

const KINDS: ReadonlyMap<string, GitTreeEntry['kind']> = new Map([
  ['100644', 'file'],
  // Written by git before 2006; git checks it out like the one above.
  ['100664', 'file'],
  ['100755', 'executable'],
  ['120000', 'symlink'],
  ['40000', 'directory'],
  ['160000', 'submodule'],
])

function textOf(bytes: Uint8Array, what: string): string {
  if (bytes.length > TEXT_LIMIT) throw malformed(what, `more than ${TEXT_LIMIT} bytes`)
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  if (text.includes('\0')) throw malformed(what, 'a NUL byte, at which other readers stop')
  return text
}

/**
 * The lines before the first empty one, and the offset of the text after it. Throws FormatError.
 */
function headersOf(text: string, what: string): { readonly lines: readonly string[]; readonly body: number } {
  const end = text.indexOf('\n\n')
  if (end < 0) throw malformed(what, 'no end of its headers')
  return { lines: text.slice(0, end).split('\n'), body: end + 2 }
}

function fieldOf(line: string | undefined, name: string, what: string): string {
  if (!line?.startsWith(`${name} `)) throw malformed(what, `"${name}" is not where it has to be`)
  return line.slice(name.length + 1)
}

function malformed(what: string, problem: string): FormatError {
  return new FormatError(`git ${what}`, problem, 'the whole object')
}
