/**
 * Everything that there is to say against a policy: errors, by which it admits nothing, and
 * warnings.
 */
import { statSync } from 'node:fs'
import { assertAttestationDirectory } from '../evidence/attestation-files.ts'
import { FileError } from '../files/regular-file.ts'
import { endingWords } from '../policy/ending-words.ts'
import { endingsIn } from '../policy/endings.ts'
import { type ExaminedPolicy, examinePolicy, type PolicySource } from '../policy/language/parse.ts'
import { PolicyError, type Problem } from '../policy/language/policy-error.ts'
import { listShortcomings } from '../policy/lists/shortcomings.ts'
import { remarkWords } from '../policy/passage-words.ts'
import type { Instant, Policy } from '../policy/policy.ts'
import { type Remark, remarksOn } from '../policy/unsigned-passages.ts'
import { printable } from '../primitives/printable.ts'

/** An error or a warning. `message` is escaped. */
export interface PolicyComplaint {
  /** The line in the policy, from 1; null where it is about no line. */
  readonly line: number | null
  /** Stable. An error is `invalid`, `secret-key` or `secret-readable`. */
  readonly code: string
  readonly message: string
}

export interface PolicyReport {
  /** Absolute. */
  readonly file: string
  /** By line. */
  readonly errors: readonly PolicyComplaint[]
  /** By line, those about no line first. */
  readonly warnings: readonly PolicyComplaint[]
  /** Undefined if there is any error. */
  readonly policy: Policy | undefined
}

/** Remarks on rules of one kind that are told one by one. */
const REMARKS = 20

/** Reads a policy, and says everything about it at this instant. Throws FileError. */
export function reportOn(source: PolicySource, now: Instant): PolicyReport {
  const { examined, problems } = readAsFarAsPossible(source)
  const errors = [...problems]
    .sort((a, b) => a.line - b.line)
    .flatMap(problem => [complaintOf(problem), ...readableSecret(problem, source.file)])
  const policy = examined === undefined || errors.length > 0 ? undefined : wholeOf(examined)
  const warnings = examined?.isWhole !== true ? [] : warningsOn(examined, policy, { file: source.file, now })
  return { file: source.file, errors, warnings, policy }
}

function readAsFarAsPossible(source: PolicySource): {
  readonly examined: ExaminedPolicy | undefined
  readonly problems: readonly Problem[]
} {
  try {
    const examined = examinePolicy(source)
    return { examined, problems: examined.problems }
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error
    return { examined: undefined, problems: error.problems }
  }
}

function wholeOf({ problems: _, isWhole: __, mode, fallback, ...rest }: ExaminedPolicy): Policy | undefined {
  return mode === undefined || fallback === undefined ? undefined : { ...rest, mode, fallback }
}

function complaintOf({ line, message, secretIn }: Problem): PolicyComplaint {
  return { line, code: secretIn === undefined ? 'invalid' : 'secret-key', message }
}

/** A secret key that others can read is not secret any more. */
function readableSecret({ line, secretIn }: Problem, policy: string): readonly PolicyComplaint[] {
  if (secretIn === undefined) return []
  const file = secretIn === 'policy' ? policy : secretIn
  const mode = modeOf(file)
  if (mode === undefined || (mode & 0o044) === 0) return []
  const name = printable(file)
  const message = `and others can read ${name} (mode ${mode.toString(8)}), so the key is a secret no more: make a new one (nixsig keygen), and tell everybody who trusts this one`
  return [{ line, code: 'secret-readable', message }]
}

function warningsOn(
  examined: ExaminedPolicy,
  policy: Policy | undefined,
  { file, now }: { readonly file: string; readonly now: Instant },
): readonly PolicyComplaint[] {
  const all = [
    ...(isOpen(file)
      ? [aboutFile('writable', `${printable(file)} can be changed by others (chmod go-w)`)]
      : []),
    ...directoryProblems(examined).map(message => aboutFile('directory', message)),
    ...secretFiles(examined),
    ...endingsIn(examined, now).map(ending => ({
      line: ending.line,
      code: ending.code,
      message: endingWords(ending),
    })),
    ...(policy === undefined ? [] : [...listShortcomings(policy, now), ...remarks(policy, now)]),
  ]
  return all.sort((a, b) => (a.line ?? 0) - (b.line ?? 0))
}

function aboutFile(code: string, message: string): PolicyComplaint {
  return { line: null, code, message }
}

function isOpen(file: string): boolean {
  return ((modeOf(file) ?? 0) & 0o022) !== 0
}

function modeOf(file: string): number | undefined {
  try {
    return statSync(file).mode & 0o777
  } catch {
    return undefined
  }
}

function directoryProblems({ attestations }: Pick<Policy, 'attestations'>): readonly string[] {
  return attestations.flatMap(directory => {
    try {
      assertAttestationDirectory(directory)
      return []
    } catch (error) {
      if (!(error instanceof FileError)) throw error
      return [error.message]
    }
  })
}

/** The files with passwords and keys that the policy names. */
function secretFiles({ gate, http }: Pick<Policy, 'gate' | 'http'>): readonly PolicyComplaint[] {
  const files = [
    ...gate.upstreams.flatMap(({ authorization, client }) => [authorization, client?.key]),
    http.proxyAuthorization,
  ].filter(file => file !== undefined)
  return [...new Set(files)].flatMap(file => {
    const mode = modeOf(file)
    const name = printable(file)
    if (mode === undefined || (mode & 0o077) === 0) return []
    const problem = `${name}, which holds a secret, can be read by others (mode ${mode.toString(8)}; chmod 600 ${name})`
    return [aboutFile('secret-file', problem)]
  })
}

function remarks(policy: Policy, now: Instant): readonly PolicyComplaint[] {
  const all = remarksOn(policy, now)
  const told = all.slice(0, REMARKS).map(remark => ({
    line: lineOf(remark),
    code: remark.code,
    message: remarkWords(remark),
  }))
  const more = all.length - REMARKS
  if (more <= 0) return told
  return [...told, { line: null, code: 'more', message: `${more} more rules like these` }]
}

function lineOf(remark: Remark): number | null {
  return 'output' in remark ? remark.output.line : null
}
