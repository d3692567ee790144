/** The only place where a verdict becomes text. */
import { BY_ROOT, TRY_AGAIN } from '../primitives/next-step.ts'
import { findingWords, strayWords } from './finding-words.ts'
import type { Policy } from './policy.ts'
import type { Basis, Ground, GroundKind, Refusal, Stray, Trust, Verdict } from './verdict.ts'
import { KIND_WORDS, list, pathWord, when, whoWord, word } from './words.ts'

/** While a policy only warns, what it refuses `would be refused`. */
type Mode = Policy['mode']

/** Limit on the characters of a sentence: Nix cuts longer lines. */
const SENTENCE_LIMIT = 900
/** How many findings a sentence has, and how many lines a paragraph. */
const SENTENCE_FINDINGS = 3
/** Refusals that are told one by one in a line; of the others only the number. */
const TOLD = 3
const PARAGRAPH_LINES = 30
const NAMES = 8

/** A cache that gave no answer that counts may have the missing signature. */
const TOLD_STRAYS: readonly Stray['problem'][] = [
  'no-answer',
  'unread-answer',
  'other-word',
  'other-contents',
]

/**
 * A verdict in one line of at most 900 characters: what is refused and on which ground, what was
 * needed, what was found, who did not answer, what to do next. Nothing in it can start a new line
 * or control a terminal.
 */
export function sentence(verdict: Verdict, mode: Mode = 'enforce'): string {
  return sentenceWith(verdict, verdict.outcome === 'trusted' ? '' : nextStepOf(verdict), mode)
}

/** The same with this next step, escaped, for a reader who can do something else. */
export function sentenceWith(verdict: Verdict, step: string, mode: Mode = 'enforce'): string {
  if (verdict.outcome === 'trusted') return cut(headline(verdict, mode), SENTENCE_LIMIT)
  const told = (verdict.strays ?? []).filter(({ problem }) => TOLD_STRAYS.includes(problem)).map(strayWords)
  const reasons = list(
    [...new Set([...verdict.findings.map(findingWords), ...told])],
    SENTENCE_FINDINGS,
    '; ',
  )
  const next = `; ${step}`
  return cut(`${headline(verdict, mode)}: ${reasons}`, SENTENCE_LIMIT - next.length) + next
}

/**
 * Refusals of what `about` is built from or makes, in one line; empty for none. It ends in a next
 * step too.
 */
export function sentences(refusals: readonly Refusal[], about: string, mode: Mode = 'enforce'): string {
  const more = refusals.length > TOLD ? [`and ${refusals.length - TOLD} more; ${nextStep(about)}`] : []
  return [...refusals.slice(0, TOLD).map(one => sentence(one, mode)), ...more].join(' — ')
}

/** A verdict in several lines for a terminal, with the next step where there is one. */
export function paragraph(verdict: Verdict, mode: Mode = 'enforce'): string {
  const next = nextLineOf(verdict)
  return grounds(verdict, mode) + (next === '' ? '' : `\n  ${next}`)
}

/** The next step of a refusal, as `next: nixsig explain …`; empty for what is trusted. */
export function nextLineOf(verdict: Verdict): string {
  return verdict.outcome === 'trusted' ? '' : nextStepOf(verdict)
}

/**
 * A verdict in several lines without the next step: one line for each finding and for whatever else
 * was found.
 */
export function grounds(verdict: Verdict, mode: Mode = 'enforce'): string {
  const strays = (verdict.strays ?? []).filter(stray => !isTold(verdict, stray)).map(strayWords)
  const findings = verdict.outcome === 'trusted' ? [] : verdict.findings.map(findingWords)
  const lines = [...new Set([...findings, ...strays.map(stray => `also found: ${stray}`)])]
  const more = lines.length > PARAGRAPH_LINES ? [`and ${lines.length - PARAGRAPH_LINES} more`] : []
  const body = [...lines.slice(0, PARAGRAPH_LINES), ...more]
  return [headline(verdict, mode), ...body.map(line => `  ${line}`)].join('\n')
}

/** Whether a finding mentions a stray already. */
function isTold(verdict: Verdict, stray: Stray): boolean {
  if (verdict.outcome === 'trusted') return false
  return verdict.findings.some(finding => {
    if (finding.code === 'bad-signature') return finding.stray === stray
    return finding.code === 'unknown-signer' && finding.strays.includes(stray)
  })
}

function headline(verdict: Verdict, mode: Mode): string {
  if (verdict.outcome === 'trusted') {
    const { subject, until } = verdict
    const end = until === undefined ? '' : `, until ${when(until)}`
    return `trusted ${pathWord(subject.path)} (${KIND_WORDS[subject.kind]}) ${passageOf(verdict)}${end}`
  }
  const undecided = verdict.outcome === 'indeterminate' ? ', undecided' : ''
  const refused = mode === 'warn' ? 'would be refused' : 'refused'
  return `${refused} ${pathWord(verdict.path)} (${KIND_WORDS[verdict.kind]})${undecided} ${groundWords(verdict.ground)}`
}

/** Why a trusted path is: `under rule "default": vouched for by alice`. */
export function passageOf({ rule, basis }: Trust): string {
  return `${ruleWords(rule)}: ${basisWords(basis)}`
}

function ruleWords(title: string): string {
  return `under rule "${word(title)}"`
}

function groundWords(ground: Ground): string {
  return ground.kind === 'rule' ? ruleWords(ground.title) : `because of ${GROUNDS[ground.kind]}`
}

/** What a refusal is because of, where it is not a rule. */
export const GROUNDS: Readonly<Record<Exclude<GroundKind, 'rule'>, string>> = {
  inputs: 'what its build uses',
  making: 'how it was made',
  references: 'what it refers to',
  derivation: 'its kind of derivation',
  caches: 'the binary caches',
  store: 'the store',
  policy: 'the policy file',
  evidence: 'a file that cannot be read',
  time: 'the time that judging may take',
  log: 'the decision log, which has to be written first',
  fault: 'an error while it was judged',
}

function basisWords(basis: Basis): string {
  switch (basis.kind) {
    case 'claims':
      return `vouched for by ${list(basis.principals.map(whoWord), NAMES)}`
    case 'exemption':
      return `exempt by line ${basis.line} of the policy (${word(basis.reason)})`
    case 'no-requirement':
      return 'nothing is required'
  }
}

const MEND_POLICY = `next: ${BY_ROOT}: nixsig policy check says what is wrong with the policy; correct or restore it, or make a new one with nixsig setup`

/** What whoever reads a refusal can do, without root's rights. */
function nextStepOf({ path, kind, ground, findings }: Refusal): string {
  // Known by its hash part alone, which no command takes.
  if (path.endsWith('-*')) return ground.kind === 'policy' ? MEND_POLICY : TRY_AGAIN
  if (kind !== 'expression') return nextStep(path)
  return findings[0].code === 'no-input-rule'
    ? 'next: give the URL by which the policy knows the repository (--url), or add a rule to [[inputs]]'
    : `next: nixsig git status ${pathWord(path)}, with the same directory, --url and --require, tells what is missing`
}

/** It tells everything that is known of a store path, and then advice. */
function nextStep(path: string): string {
  return `next: nixsig explain ${pathWord(path)}`
}

/** Cuts escaped text and marks that with `…`, never inside a character. */
function cut(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 1).replace(/[\ud800-\udbff]$/, '')}…`
}
