/** A chain of evidence in words: what each line of the tree says. Pure. */
import { findingWords } from '../policy/finding-words.ts'
import { SELF } from '../policy/policy.ts'
import type { Verdict } from '../policy/verdict.ts'
import { GROUNDS, passageOf } from '../policy/wording.ts'
import { KIND_WORDS, list, pathWord, when, whoWord } from '../policy/words.ts'
import type { ChainApproval, ChainNode, ChainRevision, ChainSignature } from './chain-node.ts'

const FINDINGS = 2
const NAMES = 8
const WHY_LIMIT = 600

/** What a verdict says of a path in a chain. */
export function nodeWords(
  path: string,
  verdict: Verdict,
): Pick<ChainNode, 'path' | 'kind' | 'outcome' | 'why'> {
  const kind = verdict.outcome === 'trusted' ? verdict.subject.kind : verdict.kind
  return { path: pathWord(path), kind, outcome: verdict.outcome, why: cutWords(whyWords(verdict)) }
}

/** At most 600 characters of a reason. */
export function cutWords(text: string): string {
  if (text.length <= WHY_LIMIT) return text
  return `${text.slice(0, WHY_LIMIT - 3).replace(/[\ud800-\udbff]$/, '')}...`
}

function whyWords(verdict: Verdict): string {
  if (verdict.outcome === 'trusted') return passageOf(verdict)
  const { ground, findings } = verdict
  const own = findings.filter(({ code }) => code !== 'input').map(findingWords)
  if (own.length > 0) return list(own, FINDINGS, '; ')
  return ground.kind === 'rule' ? findings.map(findingWords).join('; ') : `because of ${GROUNDS[ground.kind]}`
}

const OUTCOMES: Readonly<Record<Verdict['outcome'], string>> = {
  trusted: 'trusted',
  untrusted: 'refused',
  indeterminate: 'undecided',
}

/** `output /nix/store/…-x: trusted under rule "default": vouched for by alice`. */
export function headWords({ path, kind, outcome, why, isRepeated }: ChainNode): string {
  const said = outcome === 'trusted' ? `trusted ${why}` : `${OUTCOMES[outcome]}: ${why}`
  return isRepeated
    ? `${KIND_WORDS[kind]} ${path}: ${OUTCOMES[outcome]}, as above`
    : `${KIND_WORDS[kind]} ${path}: ${said}`
}

/** `alice as packager, key alice-1, with its whole build graph, in …`, and why it does not count. */
export function signatureWords(signature: ChainSignature): string {
  const { who, list: named, role, key, certifiedBy, until, graph, coversGraph, why, origin } = signature
  const remarks = [
    named === undefined ? undefined : `named by the list ${named}`,
    certifiedBy.length === 0 ? undefined : `certified by ${list(certifiedBy, NAMES)}`,
    until === undefined ? undefined : `until ${when(until)}`,
    coversGraph ? 'with its whole build graph' : undefined,
    graph === undefined ? undefined : `by signing the build graph of ${graph}`,
  ].filter(remark => remark !== undefined)
  const said = [`${whoWord(who)} as ${role}, key ${key}`, ...remarks, `in ${origin}`].join(', ')
  return why === undefined ? said : `does not count: ${said}: ${why}`
}

/** `approved by carol … as part of default.nix, from commit … of …, signed by alice, bob`. */
export function approvalWords(approval: ChainApproval): string {
  const { time, target, isAsked, origin } = approval
  const where = origin === undefined ? '' : ` (in ${origin})`
  const said = `approved by ${approverWords(approval)}${where} ${when(time)} as part of ${target}, from ${revisionWords(approval)}`
  return isAsked ? said : `${said}; no rule asks for it`
}

/** Who approved. */
export function approverWords({ by, key }: ChainApproval): string {
  return by === SELF ? 'this machine' : (by ?? `the key ${key}`)
}

/** `commit … of https://…, signed by alice, bob`. */
export function revisionWords({ url, commit, signers }: ChainRevision): string {
  const by =
    signers.length === 0 ? 'signed by nobody, as the policy allows' : `signed by ${list(signers, NAMES)}`
  return `${commit === undefined ? '' : `commit ${commit} of `}${url}, ${by}`
}
