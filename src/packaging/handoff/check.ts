/** What there is to say of each source, and who says it: checked, and nothing signed yet. */
import { lstatSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { isAgainst, outcomeOf, outcomeOfSet } from '../../crypto/detached/severity.ts'
import { type DetachedOutcome, type DetachedResult, verifyDetached } from '../../crypto/detached/verify.ts'
import { keptSignatures } from '../../evidence/signature-files.ts'
import { FileError } from '../../files/regular-file.ts'
import { strayWords } from '../../policy/finding-words.ts'
import type { Key } from '../../policy/policy.ts'
import { counted } from '../../primitives/counted.ts'
import { FormatError } from '../../primitives/format-error.ts'
import type { Contents } from '../contents.ts'
import { detachedLines, outcomeStatus } from '../detached-words.ts'
import { PackagingError } from '../packaging-error.ts'
import { checkRevision } from './check-revision.ts'
import type { CheckedSource, SourceState } from './checked-source.ts'
import { fileNames } from './conventions.ts'
import { declaredOf } from './declared-signatures.ts'
import { type Findings, type FoundSignature, findBeside, signatureAt } from './find-signature.ts'
import { lookAtLabel } from './named-as-signature.ts'
import type { NamedRevision, NamedSignature } from './named-signatures.ts'
import { contentsOfSource, type Workplace } from './source-contents.ts'
import type { Source } from './sources.ts'

/** With what sources are checked. */
export interface Checking {
  readonly keys: readonly Key[]
  /** Those that the caller named. */
  readonly signatures: readonly NamedSignature[]
  readonly revisions: readonly NamedRevision[]
  /** Directories of attestations, in which a developer's signature may lie already. */
  readonly directories: readonly string[]
  readonly workplace: Workplace
}

/**
 * Finds and checks the developer's signature of a source. Throws only for what is not the source's
 * fault.
 */
export async function checkSource(source: Source, checking: Checking): Promise<CheckedSource> {
  const nothing = { source, results: [], asked: [] }
  let contents: Contents
  try {
    contents = await contentsOfSource(source, checking.workplace)
  } catch (error) {
    if (!isAboutSource(error)) throw error
    return { ...nothing, state: 'missing', status: 20, notes: [error.message] }
  }
  const label = await lookAtLabel(source, contents, checking.workplace)
  if (label === 'is-one') return { ...nothing, contents, state: 'signature', status: 0, notes: [] }
  const checked = await checkContents(source, contents, checking)
  if (label === 'unnamed') return checked
  return { ...checked, notes: [`it is called a signature, and is not one: ${label.why}`, ...checked.notes] }
}

async function checkContents(source: Source, contents: Contents, checking: Checking): Promise<CheckedSource> {
  const nothing = { source, results: [], asked: [] }
  const revision = checking.revisions.find(each => isOf(each, source))
  if (revision !== undefined) return checkRevision(source, contents, revision, checking.keys)
  const unfit = whyUnfit(contents)
  if (unfit !== undefined) return { ...nothing, contents, state: 'unsigned', status: 10, notes: [unfit] }
  const { found, notes, asked, problem } = await findOrSay(source, checking)
  if (problem !== undefined) return { ...nothing, contents, state: 'doubtful', status: 20, notes: [problem] }
  const judged: Judged[] = []
  for (const signature of found) judged.push(await judge(contents.file, signature, source, checking.keys))
  const whole = outcomeOfSet(judged.map(({ outcome }) => outcome))
  const decisive = judged.find(({ outcome }) => outcome === whole)
  if (decisive === undefined) {
    const words = [nothingFound(asked), ...notes]
    return { ...nothing, contents, asked, state: 'unsigned', status: 10, notes: words }
  }
  const { found: signature, results, words } = decisive
  const decided = { state: stateOf(whole), status: outcomeStatus(whole), found: signature, results }
  return { source, contents, asked, ...decided, notes: [...words, ...notes] }
}

/** How hard was looked for what is not there. */
function nothingFound(asked: readonly string[]): string {
  const places = asked.length > 0 ? ` at any of ${counted(asked.length, 'address', 'addresses')}` : ''
  return `no developer's signature was found${places}`
}

/** One signature of a source, and what it comes to. */
interface Judged {
  readonly found: FoundSignature
  readonly outcome: DetachedOutcome
  readonly results: readonly DetachedResult[]
  readonly words: readonly string[]
}

async function judge(
  file: string,
  found: FoundSignature,
  source: Source,
  keys: readonly Key[],
): Promise<Judged> {
  try {
    const { signature, checksums, fileName } = found
    const names = [...fileNames(source.urls), source.path.name, ...(fileName === undefined ? [] : [fileName])]
    const list = checksums === undefined ? {} : { checksums }
    const results = await verifyDetached({ file, signature, keys, fileNames: names, ...list })
    const words = [...detachedLines(results)]
    if (words.length === 0)
      words.push(`none of the keys makes ${found.kind} signatures: name the developer's with --developer-key`)
    return { found, outcome: outcomeOf(results), results, words }
  } catch (error) {
    if (!isAboutSource(error)) throw error
    return { found, outcome: 'unreadable', results: [], words: [error.message] }
  }
}

function stateOf(outcome: DetachedOutcome): SourceState {
  if (isAgainst(outcome)) return 'bad'
  return outcome === 'good' ? 'signed' : 'doubtful'
}

/** What can be found; or why what somebody named as a signature is not one. */
async function findOrSay(
  source: Source,
  checking: Checking,
): Promise<Findings & { readonly problem?: string }> {
  try {
    return await findSignatures(source, checking)
  } catch (error) {
    // What the caller named and cannot be read is an error, and never passed over.
    if (!isAboutSource(error) || checking.signatures.some(each => isOf(each, source))) throw error
    return { found: [], notes: [], asked: [], problem: error.message }
  }
}

/**
 * Named by the caller, declared, kept beside attestations, or beside the URL: the first of these
 * that has any.
 */
async function findSignatures(source: Source, checking: Checking): Promise<Findings> {
  const { path } = source.path
  const { downloads } = checking.workplace
  const named = checking.signatures.filter(each => isOf(each, source))
  if (named.length > 0) {
    const found = await Promise.all(
      named.map(({ signature, list }) => signatureAt(signature, list, downloads)),
    )
    return { found, notes: [], asked: [] }
  }
  const declared = await declaredOf(source, checking.workplace)
  if (declared.length > 0) return { found: declared, notes: [], asked: [] }
  const kept = checking.directories.map(directory => keptSignatures(directory, path))
  const signatures = kept.flatMap(each => each.signatures)
  const strays = kept.flatMap(each => each.strays)
  if (signatures.length > 0) {
    const found = signatures.map(({ origin, checksums }) =>
      signatureAt(pathToFileURL(origin).href, checksums && pathToFileURL(checksums).href, downloads),
    )
    return { found: await Promise.all(found), notes: strays.map(strayWords), asked: [] }
  }
  if (source.kind === 'fetched-source' && source.urls.length === 0) {
    const why = 'nothing was looked for: what fetches it names no http, https or file URL'
    return { found: [], notes: [why], asked: [] }
  }
  return findBeside(source.urls, downloads)
}

function isOf(named: { readonly source: string }, { path }: Source): boolean {
  return named.source === path.path || named.source === path.name
}

/** Why no detached signature can speak for what lies there; undefined if one can. */
function whyUnfit({ file, path }: Contents): string | undefined {
  const status = lstatSync(file)
  if (!status.isFile()) return 'not one file: no detached signature covers it (a signed git tag can)'
  const isExecutable = file === path && (status.mode & 0o111) !== 0
  return isExecutable ? 'executable, which no detached signature covers' : undefined
}

function isAboutSource(error: unknown): error is Error {
  return error instanceof FileError || error instanceof FormatError || error instanceof PackagingError
}
