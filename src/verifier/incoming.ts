/**
 * Decides for the store plugin whether a path may become valid in the store: docs/store-plugin.md.
 * The plugin asks from inside Nix's own transaction, when the path's row is about to be written and
 * its references are not known yet. So nothing here may wait for a write to the store, and the
 * row's statements are believed only as far as the path's own name proves them.
 */
import { judgeWithin } from '../files/deadline.ts'
import { FileError, readRegularFile } from '../files/regular-file.ts'
import type { BuiltQuestion, IncomingQuestion } from '../formats/hook-question.ts'
import type { HookReply } from '../formats/hook-reply.ts'
import { DERIVATION_LIMIT } from '../formats/nix/derivation.ts'
import { fixedOutputPath, sourcePath, textPath } from '../formats/nix/make-store-path.ts'
import { narOfBytes } from '../formats/nix/nar.ts'
import { isDerivationPath, parseStorePath, type StorePath } from '../formats/nix/store-path.ts'
import { isCurrent, readAdmission } from '../ledger/admissions.ts'
import type { Refusal } from '../policy/verdict.ts'
import { sentence } from '../policy/wording.ts'
import { FormatError } from '../primitives/format-error.ts'
import { toHex } from '../primitives/hex.ts'
import { sha256 } from '../primitives/sodium.ts'
import { storePathsNamedIn } from '../store/tree-references.ts'
import { admitBuilt } from './admit-built.ts'
import { admittedNow } from './admitted.ts'
import { type Asked, letIn, record } from './decided.ts'
import { tellingOfUnlike } from './declared-contents.ts'
import { identify, OF_TREE } from './identify.ts'
import { admitByBytes } from './incoming-bytes.ts'
import type { Inquiry } from './inquiry.ts'
import { judgeElsewhere } from './judge-elsewhere.ts'
import { recordOffer } from './record.ts'
import { refusalOf } from './refusal-of-error.ts'
import { readDerivation } from './stored-derivation.ts'

/** The most bytes of a text with references that evaluation wrote. */
const TEXT_LIMIT = DERIVATION_LIMIT

/**
 * Answers the store plugin. Never rejects: any error is a refusal. In warn mode, what is refused
 * passes with a notice.
 */
export async function answerIncoming(
  question: IncomingQuestion | BuiltQuestion,
  open: () => Inquiry,
  asker: string,
): Promise<HookReply> {
  let inquiry: Inquiry | undefined
  let outcome: Incoming
  try {
    const opened = open()
    inquiry = opened
    outcome = await judgeWithin(async () =>
      question.kind === 'built'
        ? { refusal: await admitBuilt(opened, question) }
        : await admitIncoming(opened, question),
    )
  } catch (error) {
    outcome = { refusal: refusalOf(error, question.path, 'output') }
  }
  const policy = await inquiry?.policy().catch(() => undefined)
  if (inquiry !== undefined)
    outcome = await inLog({ places: inquiry.places, door: 'plugin', asker, policy }, question, outcome)
  const { refusal, references, notice = '' } = outcome
  inquiry?.close()
  const telling = { isByLine: false, versions: [] }
  if (refusal === undefined) {
    const held = references === undefined ? telling : { ...telling, references: digestOf(references) }
    return { outcome: 'pass', sentence: '', notice, telling: held }
  }
  const why = sentence(refusal, policy?.mode)
  if (policy?.mode === 'warn') return { outcome: 'pass', sentence: '', notice: why, telling }
  return { outcome: 'refuse', sentence: why, notice: '', telling }
}

/** The outcome when it is in the decision log; what cannot be written is refused, or told. */
async function inLog(
  asked: Asked,
  { path, narHash }: IncomingQuestion | BuiltQuestion,
  outcome: Incoming,
): Promise<Incoming> {
  const { refusal } = outcome
  if (refusal !== undefined) {
    await record(asked, { refusals: [refusal] })
    return outcome
  }
  let notice = ''
  const unwritten = await letIn(asked, [{ path, narHash }], warning => {
    notice = warning
  })
  return { ...outcome, notice, ...(unwritten === undefined ? {} : { refusal: unwritten }) }
}

/** Whether a path may become valid: no refusal means that it may. */
export interface Incoming {
  readonly refusal?: Refusal | undefined
  /** If present, the only references (full store paths, sorted) with which it may. */
  readonly references?: readonly string[]
  /** What is told to whoever asks. */
  readonly notice?: string
}

const ADMITTED: Incoming = {}

function digestOf(references: readonly string[]): string {
  return toHex(sha256(Buffer.from(references.map(path => `${path}\n`).join(''), 'latin1')))
}

/**
 * Judges a path that is about to become valid. What is found trusted is in the ledger then, unless
 * that rests on signatures over its references: then these are judged with it each time.
 */
export async function admitIncoming(inquiry: Inquiry, question: IncomingQuestion): Promise<Incoming> {
  const path = parseStorePath(question.path)
  const { state, policy, now } = await admittedNow(inquiry)
  const entry = readAdmission(state, path.digest, path.path)
  if (entry?.narHash === question.narHash && isCurrent(entry, policy, now)) return ADMITTED
  if (await isText(path, question)) return ADMITTED
  const isSource = await isSourceByName(path, question)
  if (isSource && (await inquiry.snapshot()).store.sources === 'data') return ADMITTED
  const { narHash, signed } = question
  const ofTree = { ...OF_TREE, hash: narHash }
  const contentAddress = isSource ? (question.contentAddress ?? ofTree) : undefined
  const coming = await identify(inquiry, path, { from: 'store', narHash, contentAddress })
  // First without the row's signatures: these also cover the references, which have to be found.
  const { verdict } = await judgeElsewhere(inquiry, coming, { narHash, signed: [] })
  if (verdict.outcome === 'trusted') {
    if (inquiry.records) await recordOffer(inquiry, verdict, path)
    return ADMITTED
  }
  if (isSource) return { refusal: await admitByBytes(inquiry, { source: coming, narHash, refusal: verdict }) }
  if (coming.kind !== 'output' || signed === undefined || signed.signatures.length === 0)
    return { refusal: tellingOfUnlike(verdict, coming.unlike) }
  const { judgeSignedRow } = await import('./signed-row.ts')
  return judgeSignedRow(inquiry, { coming, narHash, signed })
}

/**
 * Whether a path is the text of a derivation, or a text that evaluation wrote, judged by its name
 * and by what lies on the disk.
 */
async function isText(path: StorePath, { narHash, contentAddress }: IncomingQuestion): Promise<boolean> {
  try {
    if (isDerivationPath(path)) return readDerivation(path.path).narHash === narHash
    if (contentAddress?.method !== 'text') return false
    const text = readRegularFile(path.path, TEXT_LIMIT)
    if (text === undefined || toHex(sha256(narOfBytes(text, false))) !== narHash) return false
    return textPath(path.name, text, await referencesOf(path.path)) === path.path
  } catch (error) {
    // Absent, or not what its name says: then it is judged like any other path.
    if (error instanceof FormatError || error instanceof FileError) return false
    throw error
  }
}

/** Whether a path's own name proves that it is a file or directory named by its contents. */
async function isSourceByName(
  { path, name }: StorePath,
  { narHash, contentAddress }: IncomingQuestion,
): Promise<boolean> {
  if (contentAddress === undefined) return sourcePath({ name, narHash }) === path
  if (contentAddress.method === 'text') return false
  if (fixedOutputPath({ name, ...contentAddress }) === path) return true
  // Such a path may have references: a profile refers to what is in it. The references are recorded
  // nowhere yet, but the name proves a correct guess.
  const isOfTree = contentAddress.method === 'recursive' && contentAddress.hash === narHash
  return isOfTree && sourcePath({ name, narHash, references: await referencesOf(path) }) === path
}

/**
 * Returns the store paths that the contents name. These are its references, unless the contents
 * mention a path that was not counted when the store path was computed.
 */
async function referencesOf(path: string): Promise<readonly string[]> {
  try {
    return (await storePathsNamedIn(path)).filter(reference => reference !== path)
  } catch (error) {
    const isUnreadable = error instanceof FormatError || error instanceof FileError || isMissing(error)
    if (isUnreadable) return []
    throw error
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
}
