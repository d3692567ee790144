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
): Promise<HookReply> {
  let inquiry: Inquiry | undefined
  let refusal: Refusal | undefined
  try {
    const opened = open()
    inquiry = opened
    refusal = await judgeWithin(() =>
      question.kind === 'built' ? admitBuilt(opened, question) : admitIncoming(opened, question),
    )
  } catch (error) {
    refusal = refusalOf(error, question.path, 'output')
  }
  const policy = await inquiry?.policy().catch(() => undefined)
  inquiry?.close()
  const telling = { isByLine: false, versions: [] }
  if (refusal === undefined) return { outcome: 'pass', sentence: '', notice: '', telling }
  const why = sentence(refusal)
  if (policy?.mode === 'warn') return { outcome: 'pass', sentence: '', notice: why, telling }
  return { outcome: 'refuse', sentence: why, notice: '', telling }
}

/**
 * Returns undefined if the path may become valid, otherwise the refusal. What was found trusted is
 * in the ledger then.
 */
export async function admitIncoming(
  inquiry: Inquiry,
  question: IncomingQuestion,
): Promise<Refusal | undefined> {
  const path = parseStorePath(question.path)
  const { state, policy, now } = await admittedNow(inquiry)
  const entry = readAdmission(state, path.digest, path.path)
  if (entry?.narHash === question.narHash && isCurrent(entry, policy, now)) return undefined
  if (await isText(path, question)) return undefined
  const isSource = await isSourceByName(path, question)
  if (isSource && (await inquiry.snapshot()).store.sources === 'data') return undefined
  const contentAddress = isSource ? (question.contentAddress ?? OF_TREE) : undefined
  const coming = await identify(inquiry, path, { from: 'store', contentAddress })
  // Only attestations count as statements about these contents: the row's signatures also cover
  // the references, which are not known yet.
  const { narHash } = question
  const { verdict } = await judgeElsewhere(inquiry, coming, { narHash, signed: [] })
  if (verdict.outcome !== 'trusted') {
    return isSource ? admitByBytes(inquiry, { source: coming, narHash, refusal: verdict }) : verdict
  }
  if (inquiry.records) await recordOffer(inquiry, verdict, path)
  return undefined
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
