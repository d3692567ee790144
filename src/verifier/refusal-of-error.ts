import { FileError } from '../files/regular-file.ts'
import type { SubjectKind } from '../policy/policy.ts'
import type { Refusal } from '../policy/verdict.ts'
import { FormatError } from '../primitives/format-error.ts'
import { UnsupportedDerivationError } from './build.ts'

/**
 * What an error means to the path that was being judged: a refusal, always. Errors that nixsig itself raises carry a
 * message that is escaped already; of any other only the kind and the text are told.
 */
export function refusalOf(error: unknown, path: string, kind: SubjectKind): Refusal {
  if (error instanceof UnsupportedDerivationError) {
    const finding = { code: 'unsupported-derivation', what: error.what } as const
    return { outcome: 'untrusted', path: error.path, kind, rule: 'every rule', findings: [finding] }
  }
  const detail = error instanceof Error ? error.message : String(error)
  const origin =
    error instanceof FormatError
      ? error.format
      : error instanceof FileError
        ? 'a file'
        : 'an error in the middle of judging'
  return {
    outcome: 'indeterminate',
    path,
    kind,
    rule: 'any',
    findings: [{ code: 'unreadable', trouble: { origin, detail } }],
  }
}
