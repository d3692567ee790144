/**
 * The answers to what Nix asks through its hooks, with their wording, as data. Used by a hook that
 * judges itself and by the resident process that judges for it.
 */
import { judgeWithin } from '../files/deadline.ts'
import type { BuildQuestion } from '../formats/hook-question.ts'
import { type HookReply, inAscii, type Telling } from '../formats/hook-reply.ts'
import { respiteAt } from '../ledger/respite.ts'
import type { Policy } from '../policy/policy.ts'
import type { Refusal } from '../policy/verdict.ts'
import { paragraph, sentence, sentences } from '../policy/wording.ts'
import { when } from '../policy/words.ts'
import { asciiText } from '../primitives/ascii-text.ts'
import { NOTHING_TAKEN } from '../quarantine/take-all-out.ts'
import { takenOutLines } from '../quarantine/wording.ts'
import { afterBuild } from './after-build.ts'
import { beforeBuild } from './before-build.ts'
import type { BuildOutcome } from './build-outcome.ts'
import { type Asked, letIn, mustBeWritten, notWritten, record, unwritten } from './decided.ts'
import type { Inquiry } from './inquiry.ts'
import { finishWhatWasInterrupted } from './interrupted.ts'
import { LeftToTheHook } from './left-to-the-hook.ts'
import { refusalOf } from './refusal-of-error.ts'
import { outputsOf } from './stored-derivation.ts'

/** The most characters of a notice; a reply has room for a sentence as well. */
const NOTICE_LIMIT = 12_000

/** What was decided: the refusals, those that are warned of in warn mode, and what is reported. */
interface Decision {
  readonly refusals: readonly Refusal[]
  readonly warned: readonly Refusal[]
  readonly notices: readonly string[]
  /** Whether the decision log has it already. */
  readonly isWritten: boolean
}

/**
 * Answers a question in an inquiry that is opened for it and closed afterwards, when it is in the
 * decision log. Any error becomes a refusal. Rejects only with LeftToTheHook, if something has to
 * leave the store and the inquiry may not take it out. In warn mode what was refused passes, with a
 * notice.
 */
export async function answerHook(
  question: BuildQuestion,
  open: () => Inquiry,
  asker: string,
): Promise<HookReply> {
  let inquiry: Inquiry | undefined
  try {
    const opened = open()
    inquiry = opened
    const warnings: string[] = []
    const asked = async () => askedOf(question, { inquiry: opened, asker })
    const writing: Inquiry = {
      ...opened,
      writesDecision: async admitted => letIn(await asked(), admitted, warning => warnings.push(warning)),
    }
    const decision = await judgeWithin(() => decide(writing, question))
    const policy = await inquiry.policy().catch(() => undefined)
    const written = await inLog(await asked(), question, decision)
    const notices = [...written.notices, ...warnings]
    return reply(question, { ...written, notices }, policy, () => untilWhen(opened))
  } catch (error) {
    if (error instanceof LeftToTheHook) throw error
    const refusals = [refusalOf(error, question.derivation, 'derivation')]
    const policy = await inquiry?.policy().catch(() => undefined)
    if (inquiry !== undefined) await record(await askedOf(question, { inquiry, asker }), { refusals })
    const isTold = question.kind === 'after-build' && policy?.mode !== 'warn'
    const notices = isTold ? paragraphs({ refusals, taken: NOTHING_TAKEN }, policy?.mode) : []
    return reply(question, { refusals, warned: refusals, notices }, policy)
  } finally {
    inquiry?.close()
  }
}

async function askedOf(
  { kind }: BuildQuestion,
  { inquiry, asker }: { readonly inquiry: Inquiry; readonly asker: string },
): Promise<Asked> {
  const policy = await inquiry.policy().catch(() => undefined)
  return { places: inquiry.places, door: kind === 'after-build' ? kind : 'before-build', asker, policy }
}

/**
 * The decision when it is in the log: a line about the derivation, or about each refused output.
 * That a build could start is no decision yet. What cannot be written is refused, or told.
 */
async function inLog(
  asked: Asked,
  { kind, derivation }: BuildQuestion,
  decision: Decision,
): Promise<Decision> {
  const { refusals, warned, notices, isWritten } = decision
  const [first] = refusals
  if (isWritten || (kind === 'may-build' && first === undefined)) return decision
  const problem =
    first === undefined
      ? await record(asked, { admitted: [{ path: derivation }] })
      : await record(asked, kind === 'after-build' ? { refusals } : { refusals: [first], about: derivation })
  if (problem === undefined) return decision
  if (!mustBeWritten(asked.policy) || first !== undefined)
    return { ...decision, notices: [...notices, notWritten(problem)] }
  const refusal = unwritten(derivation, problem)
  return { ...decision, refusals: [refusal], warned: [...warned, refusal] }
}

async function decide(inquiry: Inquiry, { kind, derivation }: BuildQuestion): Promise<Decision> {
  if (kind !== 'after-build') {
    const others = await finishWhatWasInterrupted(inquiry, { about: derivation })
    const refusals = await beforeBuild(inquiry, derivation, { starts: kind === 'before-build' })
    // What is foreseen of its outputs is told when they are there, and not twice.
    const own = refusals.length === 0 ? [] : ownOutputs(inquiry, derivation)
    const warned = refusals.filter(({ path }) => !own.includes(path))
    const mode = await modeOf(inquiry)
    const notices = others.flatMap(one => paragraphs(one, mode))
    return { refusals, warned, notices, isWritten: false }
  }
  const own = await afterBuild(inquiry, derivation)
  const others = await finishWhatWasInterrupted(inquiry, { about: derivation })
  const mode = await modeOf(inquiry)
  // What is warned of has a line of its own.
  const outcomes = [...others, mode === 'warn' ? { ...own, refusals: [] } : own]
  const notices = outcomes.flatMap(one => paragraphs(one, mode))
  const isWritten = own.admitted.length > 0
  return { refusals: own.refusals, warned: own.refusals, notices, isWritten }
}

function ownOutputs(inquiry: Inquiry, derivation: string): readonly string[] {
  return outputsOf(inquiry.derivation(derivation)).map(({ path }) => path.path)
}

/** Undefined if the policy cannot be read. */
async function modeOf(inquiry: Inquiry): Promise<Policy['mode'] | undefined> {
  return (await inquiry.policy().catch(() => undefined))?.mode
}

function reply(
  { derivation }: BuildQuestion,
  { refusals, warned, notices }: Omit<Decision, 'isWritten'>,
  policy: Policy | undefined,
  until = () => '',
): HookReply {
  const telling = tellingBy(policy)
  const text = sentences(refusals, derivation, policy?.mode)
  if (text !== '' && policy?.mode !== 'warn') {
    return inAscii({ outcome: 'refuse', sentence: text, notice: noticeOf(notices), telling })
  }
  const warnings = warned.length === 0 ? [] : warningsOf(warned, until())
  return { outcome: 'pass', sentence: '', notice: noticeOf([...notices, ...warnings]), telling }
}

/** Refusals that are warned of, a line each. */
const WARNED = 10

/** How each of those lines begins. */
const LET_PASS = 'warning, let pass'

/** Whether a reply to a hook lets something pass that would be refused but for the mode. */
export function letsPassWithWarning({ outcome, notice }: HookReply): boolean {
  return outcome === 'pass' && notice.split('\n').some(line => line.startsWith(LET_PASS))
}

function warningsOf(refusals: readonly Refusal[], until: string): readonly string[] {
  const lines = refusals.slice(0, WARNED).map(refusal => `${LET_PASS}${until}: ${sentence(refusal, 'warn')}`)
  const more = refusals.length - lines.length
  return more > 0 ? [...lines, `and ${more} more of the same build`] : lines
}

/** If a respite is the reason that it passes, says when the respite ends. */
function untilWhen({ places, now }: Inquiry): string {
  const respite = respiteAt(places.state, now)
  return respite === undefined ? '' : ` until ${when(respite.until)}`
}

function tellingBy(policy: Policy | undefined): Telling {
  if (policy === undefined) return { isByLine: true, versions: [] }
  return { isByLine: policy.nix.refusalLine, versions: policy.nix.refusalLineVersions }
}

/** The refusals in full, and where the refused outputs are kept. */
function paragraphs(
  { refusals, taken }: Pick<BuildOutcome, 'refusals' | 'taken'>,
  mode: Policy['mode'] | undefined,
): string[] {
  return [...refusals.map(refusal => paragraph(refusal, mode)), ...takenOutLines(taken)]
}

function noticeOf(notices: readonly string[]): string {
  const text = asciiText(notices.join('\n'))
  if (text.length <= NOTICE_LIMIT) return text
  const lines = text.slice(0, NOTICE_LIMIT).split('\n').slice(0, -1)
  return [...lines, 'and more, which root can list: nixsig quarantine list'].join('\n')
}
