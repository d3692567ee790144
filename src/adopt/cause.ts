/** Why a path could not be adopted. Pure. */
import { type ExitCode, exitCode } from '../policy/exit-code.ts'
import { findingWords } from '../policy/finding-words.ts'
import type { SubjectKind } from '../policy/policy.ts'
import type { Finding, Refusal } from '../policy/verdict.ts'

/** The kinds of causes, in the order in which they are told. */
export const CAUSES = [
  'altered',
  'conflict',
  'bad-signature',
  'not-reproducible',
  'no-signature',
  'key-ended',
  'no-derivation',
  'source-gone',
  'not-built',
  'unsupported',
  'refused-by-rule',
  'no-hook',
  'undecided',
] as const

export type CauseCode = (typeof CAUSES)[number]

/** What keeps a path, and everything that rests on it, from being adopted. */
export interface Cause {
  readonly code: CauseCode
  /** The path that is at fault: the one to mend, or to exempt. */
  readonly path: string
  readonly kind: SubjectKind
  /** One line, escaped. */
  readonly detail: string
  /** The exit status that it gives. */
  readonly status: ExitCode
  /** What the policy found, where it is that. */
  readonly finding?: Finding
}

/** The most causes of one path that are told, and refusals that are followed to find them. */
const ROOTS = 16
const FOLLOWED = 100_000

/**
 * The causes of a refusal: of what was refused for something else that was refused, those of that.
 * At least one.
 */
export function causesOf(refusal: Refusal): readonly [Cause, ...Cause[]] {
  const causes = new Map<string, Cause>()
  const followed = new Set([refusal])
  for (const one of followed) {
    for (const finding of one.findings) {
      const inner = innerOf(finding)
      if (inner !== undefined && followed.size < FOLLOWED) followed.add(inner)
      else if (!causes.has(one.path)) causes.set(one.path, causeOf(one, finding))
    }
    if (causes.size >= ROOTS) break
  }
  const [first = causeOf(refusal, refusal.findings[0]), ...rest] = causes.values()
  return [first, ...rest]
}

function innerOf(finding: Finding): Refusal | undefined {
  if (finding.code === 'input') return finding.verdict
  return finding.code === 'unknown-derivation' ? finding.unvouched[0] : undefined
}

function causeOf(refusal: Refusal, finding: Finding): Cause {
  const { path, kind } = refusal
  const code = finding.code === 'input' ? 'undecided' : BY_FINDING[finding.code]
  return { code, path, kind, detail: findingWords(finding), status: exitCode(refusal), finding }
}

const BY_FINDING: Readonly<Record<Exclude<Finding['code'], 'input'>, CauseCode>> = {
  unsigned: 'no-signature',
  'unknown-signer': 'no-signature',
  threshold: 'no-signature',
  'not-logged': 'no-signature',
  'bad-signature': 'bad-signature',
  'not-a-signature': 'bad-signature',
  'wrong-digest': 'bad-signature',
  conflict: 'conflict',
  disagreement: 'conflict',
  references: 'conflict',
  altered: 'altered',
  revoked: 'key-ended',
  expired: 'key-ended',
  'not-yet-valid': 'key-ended',
  'refused-by-rule': 'refused-by-rule',
  'no-input-rule': 'refused-by-rule',
  'unknown-derivation': 'no-derivation',
  'unsupported-derivation': 'unsupported',
  'no-developer': 'no-signature',
  'ended-list': 'undecided',
  'missing-list': 'undecided',
  unreadable: 'undecided',
  'unvouched-references': 'undecided',
}

/** The causes of several paths, each once, at most as many as one path has. */
export function merged(...lists: readonly (readonly Cause[])[]): readonly Cause[] {
  const causes = new Map(lists.flat().map(cause => [`${cause.code} ${cause.path}`, cause]))
  return [...causes.values()].slice(0, ROOTS)
}

/**
 * Whether building a refused output again could make it trusted: it lacks somebody who stands for
 * it, and nothing speaks against it.
 */
export function isForWantOfABuilder({ kind, findings }: Refusal): boolean {
  if (kind !== 'output') return false
  return findings.every(({ code }) => WANTS_BUILDER.has(code))
}

const WANTS_BUILDER: ReadonlySet<Finding['code']> = new Set<Finding['code']>([
  'unsigned',
  'unknown-signer',
  'threshold',
  'bad-signature',
  'revoked',
  'expired',
  'not-yet-valid',
  'unknown-derivation',
  'input',
])
