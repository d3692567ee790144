/**
 * The chain of evidence of one path, as data: who signed it and what became of that, from which
 * expressions it came, the derivation that makes it, and what that is built from. Nothing is decided
 * here: the verdicts are the verifier's.
 */

import { causesOf } from '../adopt/cause.ts'
import { parseStorePath, type StorePath } from '../formats/nix/store-path.ts'
import { readAdmission } from '../ledger/admissions.ts'
import { policyFor } from '../policy/lists/policy-for.ts'
import { asksFor, ruleFor } from '../policy/match.ts'
import type { Evidence, Subject, Verdict } from '../policy/verdict.ts'
import type { PathInfo } from '../store/store-client.ts'
import { identify, knownFromStore } from '../verifier/identify.ts'
import type { Inquiry } from '../verifier/inquiry.ts'
import { vouchedFor } from '../verifier/makers.ts'
import { inputsOf } from '../verifier/stored-derivation.ts'
import { verifyPath } from '../verifier/verify.ts'
import { approvalsAbout } from './approval-lines.ts'
import { chainApproval } from './chain-approvals.ts'
import { CHAIN_DEPTH, CHAIN_NODES, type ChainApproval, type ChainNode } from './chain-node.ts'
import { signaturesIn } from './chain-signatures.ts'
import { nodeWords } from './chain-words.ts'
import { aboutPath, evidenceAbout } from './evidence-of.ts'

/** What one node has. */
const PARTS = 8
const SIGNATURES = 8
const APPROVALS = 4
const STRAYS = 4
/**
 * Milliseconds after which no further node is looked into; less where one process answers everybody.
 */
const PATIENCE = 4000
const PATIENCE_AT_HAND = 300

/** A node while it is being made. */
type Draft = { -readonly [K in keyof ChainNode]: ChainNode[K] } & { parts: Draft[] }

interface Waiting {
  readonly node: Draft
  readonly parts: readonly string[]
  readonly depth: number
}

/**
 * The chain of a path whose verdict is known. What is nearest is told first: where there is more
 * than a chain holds, `left` says how much. Never throws because of a path or its evidence.
 */
export async function chainOf(inquiry: Inquiry, path: StorePath, verdict: Verdict): Promise<ChainNode> {
  const faults = faultsIn(verdict)
  const end = performance.now() + (inquiry.isAtHand ? PATIENCE_AT_HAND : PATIENCE)
  const seen = new Set([path.path])
  const root = await nodeOf(inquiry, path, verdict)
  const waiting: Waiting[] = [{ ...root, depth: 1 }]
  let count = 1
  for (const { node, parts, depth } of waiting) {
    if (depth >= CHAIN_DEPTH) continue
    for (const part of faultsFirst(parts, faults).slice(0, PARTS)) {
      if (count >= CHAIN_NODES || performance.now() > end) break
      const isRepeated = seen.has(part)
      seen.add(part)
      const of = parseStorePath(part)
      const made = await nodeOf(inquiry, of, await verifyPath(inquiry, part, 'registered'))
      const child = isRepeated ? repeated(made.node) : made.node
      node.parts.push(child)
      node.left = { ...node.left, parts: node.left.parts - 1 }
      count++
      if (!isRepeated) waiting.push({ node: child, parts: made.parts, depth: depth + 1 })
    }
  }
  return root.node
}

function repeated(node: Draft): Draft {
  const left = { signatures: 0, approvals: 0, parts: 0 }
  return { ...node, signatures: [], strays: [], approvals: [], parts: [], left, isRepeated: true }
}

/** The paths that keep others from being trusted. */
function faultsIn(verdict: Verdict): ReadonlySet<string> {
  return new Set(verdict.outcome === 'trusted' ? [] : causesOf(verdict).map(({ path }) => path))
}

function faultsFirst(parts: readonly string[], faults: ReadonlySet<string>): readonly string[] {
  return [...parts].sort((one, other) => Number(faults.has(other)) - Number(faults.has(one)))
}

/** A node without its parts, and the paths of these. */
async function nodeOf(
  inquiry: Inquiry,
  path: StorePath,
  verdict: Verdict,
): Promise<{ readonly node: Draft; readonly parts: readonly string[] }> {
  const { state } = inquiry.places
  const info = await orNothing(async () => (await inquiry.store()).pathInfo(path.path))
  const known = await orNothing(async () => {
    const entry = readAdmission(state, path.digest, path.path)
    const builtHere = entry?.builtHere === true && (info === undefined || entry.narHash === info.narHash)
    const is = await aboutPath(inquiry, path, info)
    const about = { ...is.subject, narHash: info?.narHash ?? entry?.narHash ?? '', builtHere }
    const evidence = await evidenceAbout(inquiry, is, entry, info)
    return { subject: about, evidence: await withGraphClaims(inquiry, about, evidence) }
  })
  const parts = (await orNothing(() => partsOf(inquiry, path, verdict, info))) ?? []
  const signed = known && signaturesIn(await inquiry.policy(), known, verdict, inquiry.now)
  const approvals = (await orNothing(() => approvalsOf(inquiry, path))) ?? []
  const signatures = signed?.signatures ?? []
  const node: Draft = {
    ...nodeWords(path.path, verdict),
    builtHere: known?.subject.builtHere ?? false,
    signatures: signatures.slice(0, SIGNATURES),
    strays: signed?.strays.slice(0, STRAYS) ?? [],
    approvals: approvals.slice(0, APPROVALS),
    parts: [],
    isRepeated: false,
    left: {
      signatures: more(signatures, SIGNATURES) + more(signed?.strays ?? [], STRAYS),
      approvals: more(approvals, APPROVALS),
      parts: parts.length,
    },
  }
  return { node, parts }
}

function more(list: readonly unknown[], limit: number): number {
  return Math.max(0, list.length - limit)
}

/** The verdict says what is wrong with a path; the chain goes on without it. */
async function orNothing<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look()
  } catch (error) {
    if (error instanceof Error) return undefined
    throw error
  }
}

/** With the claims of who signed a whole build graph, where the rule accepts them. */
async function withGraphClaims(inquiry: Inquiry, subject: Subject, evidence: Evidence): Promise<Evidence> {
  if (subject.kind === 'output' || !ruleFor(await inquiry.policy(), subject).acceptGraph) return evidence
  const { graphClaimsOf } = await import('../verifier/graph-claims.ts')
  const { claims } = await graphClaimsOf(inquiry, subject)
  const isNew = ({ key, graph }: (typeof claims)[number]) =>
    !evidence.claims.some(known => known.key === key && known.graph === graph)
  return { ...evidence, claims: [...evidence.claims, ...claims.filter(isNew)] }
}

/** What a path is made of, sources first. */
async function partsOf(
  inquiry: Inquiry,
  path: StorePath,
  verdict: Verdict,
  info: PathInfo | undefined,
): Promise<readonly string[]> {
  if (path.name.endsWith('.drv')) {
    const inputs = inputsOf(inquiry.derivation(path.path))
    const sources = inputs.filter(({ kind }) => kind !== 'output')
    const outputs = inputs.filter(({ kind }) => kind === 'output')
    return [...new Set([...sources, ...outputs].map(input => input.path.path))]
  }
  const judged = verdict.outcome === 'trusted' ? verdict.subject.derivation : undefined
  if (judged !== undefined) return [judged]
  const { kind, makers } = await identify(inquiry, path, knownFromStore(info))
  if (kind !== 'output') return []
  const [vouched = makers[0]] = await vouchedFor(inquiry, makers)
  return vouched === undefined ? [] : [vouched.derivation.path.path]
}

async function approvalsOf(inquiry: Inquiry, path: StorePath): Promise<readonly ChainApproval[]> {
  const { about, approvals } = await approvalsAbout(inquiry, path)
  const whole = await inquiry.policy()
  const policy = policyFor(whole, about)
  // An output's own rule never asks for approvals: that of its derivation does.
  const kind = about.kind === 'output' ? 'derivation' : about.kind
  const isAsked = asksFor(whole, { name: about.name, kind }, 'approver')
  const told = approvals.map(known => chainApproval(policy, known, isAsked))
  return [...new Map(told.map(each => [JSON.stringify(each), each])).values()]
}
