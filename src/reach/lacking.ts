/** What a closure lacks: the paths at which its refusals end, with what was found about each. */
import { parseStorePath, type StorePath } from '../formats/nix/store-path.ts'
import { readAdmission } from '../ledger/admissions.ts'
import type { Finding, Refusal, Verdict } from '../policy/verdict.ts'
import { withAddresses } from '../verifier/addresses.ts'
import { pathEvidence, rememberedEvidence } from '../verifier/evidence.ts'
import { identify, knownFromStore } from '../verifier/identify.ts'
import type { Inquiry } from '../verifier/inquiry.ts'
import { madeHere } from '../verifier/judge-input.ts'
import { outputsOf } from '../verifier/stored-derivation.ts'
import { subjectOf } from '../verifier/subject.ts'
import { closureOf } from '../verifier/verify.ts'
import type { Graph, Lacking } from './smallest.ts'

/** Findings that a signature can help. Whatever else is found, none may be asked for. */
const HELPED: readonly Finding['code'][] = [
  'unsigned',
  'no-developer',
  'unknown-signer',
  'threshold',
  'not-logged',
  'revoked',
  'expired',
  'not-yet-valid',
  'refused-by-rule',
]

/** The refusals that others come from, each path once. */
export function rootsOf(verdicts: readonly Verdict[]): readonly Refusal[] {
  const found = new Map<string, Refusal>()
  const seen = new Set<Refusal>()
  const waiting = verdicts.filter(verdict => verdict.outcome !== 'trusted')
  for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) {
    if (seen.has(one)) continue
    seen.add(one)
    const inner = one.findings.flatMap(finding => (finding.code === 'input' ? [finding.verdict] : []))
    if (inner.length === 0) found.set(one.path, one)
    waiting.push(...inner)
  }
  return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** Whether signatures, or else an exemption, can help at all. */
export function canBeHelped({ findings }: Refusal): boolean {
  return findings.every(({ code }) => HELPED.includes(code))
}

/** What was found about a refused path; undefined if its contents are not known. */
export async function lackingOf(inquiry: Inquiry, { path, kind }: Refusal): Promise<Lacking | undefined> {
  const parsed = parseStorePath(path)
  const info = await (await inquiry.store()).pathInfo(path)
  const entry = readAdmission(inquiry.places.state, parsed.digest, path)
  const narHash = info?.narHash ?? entry?.narHash
  if (narHash === undefined) return undefined
  const made = kind === 'output' ? await madeHere(inquiry, parsed, info) : { builtHere: false }
  const known =
    kind === 'fetched-source'
      ? await withWhereItIsFrom(inquiry, parsed, knownFromStore(info))
      : { path: parsed, kind }
  const subject = subjectOf(known, { narHash, builtHere: made.builtHere })
  const evidence = await pathEvidence(inquiry, subject, info)
  const remembered = await rememberedEvidence(inquiry, entry, subject)
  return { subject, claims: [...evidence.claims, ...remembered.claims] }
}

/** A source with its addresses, by which lists name its developers. */
async function withWhereItIsFrom(
  inquiry: Inquiry,
  path: StorePath,
  known: ReturnType<typeof knownFromStore>,
) {
  const source = await identify(inquiry, path, known)
  return withAddresses(inquiry, source, source.makers)
}

/** The most paths of a build graph that are looked at. */
const GRAPH_LIMIT = 50_000

/** What a signature over the build graph of this derivation covers; undefined if it is not here. */
export async function graphOf(inquiry: Inquiry, derivation: string): Promise<Graph | undefined> {
  const closure = await closureOf(inquiry, [derivation])
  if (closure.length > GRAPH_LIMIT) return undefined
  const members = new Set(closure)
  for (const path of closure.filter(one => one.endsWith('.drv'))) {
    try {
      for (const { kind, path: output } of outputsOf(inquiry.derivation(path)))
        if (kind === 'fetched-source') members.add(output.path)
    } catch {
      // What cannot be read is covered by nothing.
    }
  }
  return { derivation, members }
}
