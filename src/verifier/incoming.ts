/**
 * Whether a path may become valid in the store, for the store plugin: docs/store-plugin.md. It asks from inside Nix's
 * own transaction, when the path's row is about to be written and its references are not known yet; so nothing in
 * here may wait for the store to be written, and what the row claims is believed no further than the path's own name
 * bears it out.
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
import { judgeElsewhere } from './elsewhere.ts'
import { identify, OF_TREE } from './identify.ts'
import { admitByBytes } from './incoming-bytes.ts'
import type { Inquiry } from './inquiry.ts'
import { recordOffer } from './record.ts'
import { refusalOf } from './refusal-of-error.ts'
import { readDerivation } from './stored-derivation.ts'

/** Bytes of a text that evaluation wrote, with references in it. */
const TEXT_LIMIT = DERIVATION_LIMIT

/**
 * Answers the store plugin. Never rejects: whatever goes wrong is a refusal. A policy that only warns lets pass with
 * a notice.
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

/** Undefined: it may become valid; otherwise why not. What was found trusted is in the ledger then. */
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
  // Nobody's word on these contents but that of attestations counts: the row's signatures cover more than it says.
  const { narHash } = question
  const { verdict } = await judgeElsewhere(inquiry, coming, { narHash, signed: [] })
  if (verdict.outcome !== 'trusted') {
    return isSource ? admitByBytes(inquiry, { source: coming, narHash, refusal: verdict }) : verdict
  }
  if (inquiry.records) await recordOffer(inquiry, verdict, path)
  return undefined
}

/** Whether a path is the text of a derivation, or one that evaluation wrote, by its name and what lies on the disk. */
async function isText(path: StorePath, { narHash, contentAddress }: IncomingQuestion): Promise<boolean> {
  try {
    if (isDerivationPath(path)) return readDerivation(path.path).narHash === narHash
    if (contentAddress?.method !== 'text') return false
    const text = readRegularFile(path.path, TEXT_LIMIT)
    if (text === undefined || toHex(sha256(narOfBytes(text, false))) !== narHash) return false
    return textPath(path.name, text, await referencesOf(path.path)) === path.path
  } catch (error) {
    // Not there, or not what its name says: then it is judged like anything else.
    if (error instanceof FormatError || error instanceof FileError) return false
    throw error
  }
}

/** Whether a path's own name says that it is a file or directory known by its contents. */
async function isSourceByName(
  { path, name }: StorePath,
  { narHash, contentAddress }: IncomingQuestion,
): Promise<boolean> {
  if (contentAddress === undefined) return sourcePath({ name, narHash }) === path
  if (contentAddress.method === 'text') return false
  if (fixedOutputPath({ name, ...contentAddress }) === path) return true
  // A profile, say, refers to what is in it. Which paths those are stands nowhere yet; the name proves the right guess.
  const isOfTree = contentAddress.method === 'recursive' && contentAddress.hash === narHash
  return isOfTree && sourcePath({ name, narHash, references: await referencesOf(path) }) === path
}

/** What lies there names these store paths: those that it refers to, unless it names one that it was not made with. */
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
