import { type ExitCode, exitCode } from '../policy/exit-code.ts'
import { findingWords } from '../policy/finding-words.ts'
import type { SubjectKind } from '../policy/policy.ts'
import type { Basis, GroundKind, Stray, Verdict } from '../policy/verdict.ts'
import type { Contents } from '../verifier/verify.ts'

/**
 * A verdict as `--json` prints it. Fields are added in later versions, none is taken away or
 * changes its meaning; the codes are those of src/policy/verdict.ts. Paths, names and details are
 * what was found, `message` is text for people.
 */
export interface VerdictJson {
  readonly path: string
  readonly kind: SubjectKind
  readonly outcome: 'trusted' | 'untrusted' | 'indeterminate'
  /** The exit status that this path alone would give. */
  readonly status: ExitCode
  /** What decided: a rule of the policy, or something that no rule can outweigh. */
  readonly ground: GroundKind
  /** Title of the rule that decided; null where none did. */
  readonly rule: string | null
  /** Of a trusted path: why. */
  readonly basis?: BasisJson
  /** Of a trusted path: seconds since 1970 at which this may end. */
  readonly until?: number
  /** Of a refused path: every reason, the most telling one first. */
  readonly findings: readonly { readonly code: string; readonly message: string; readonly path?: string }[]
  /** Files that were found and are not evidence. */
  readonly strays: readonly Stray[]
  /**
   * Of a path that is here: whether its contents were hashed, or are those that Nix's database has
   * registered.
   */
  readonly contents?: Contents
}

type BasisJson =
  | { readonly kind: 'claims'; readonly principals: readonly string[] }
  | { readonly kind: 'exemption'; readonly reason: string; readonly line: number }
  | { readonly kind: 'no-requirement' }

/** The line of JSON for a verdict on a path, see jsonLine. */
export function verdictLine(verdict: Verdict, contents?: Contents): string {
  return jsonLine(verdictJson(verdict, contents))
}

/**
 * One line of JSON (RFC 8259) in printable ASCII: everything else is escaped, so no name in it can
 * steer a terminal, and any reader of JSON gets the very characters back.
 */
export function jsonLine(value: object): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** A verdict as it is printed. */
export function verdictJson(verdict: Verdict, contents?: Contents): VerdictJson {
  const { outcome, strays = [] } = verdict
  const status = exitCode(verdict)
  const looked = contents === undefined ? {} : { contents }
  if (outcome === 'trusted') {
    const { subject, rule, basis, until } = verdict
    const { path, kind } = subject
    const end = until === undefined ? {} : { until }
    const why = { ground: 'rule', rule, basis: basisJson(basis) } as const
    return { path, kind, outcome, status, ...why, ...end, findings: [], strays, ...looked }
  }
  const { path, kind, ground } = verdict
  const rule = ground.kind === 'rule' ? ground.title : null
  const findings = verdict.findings.map(finding => ({
    code: finding.code,
    message: findingWords(finding),
    ...(finding.code === 'input' ? { path: finding.path } : {}),
  }))
  return { path, kind, outcome, status, ground: ground.kind, rule, findings, strays, ...looked }
}

function basisJson(basis: Basis): BasisJson {
  return basis.kind === 'claims' ? { kind: 'claims', principals: basis.principals } : basis
}
