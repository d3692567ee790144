import type { FindingCode, InputVerdict } from '../expressions/lock/input-verdict.ts'
import { sarifLog } from '../report/sarif-log.ts'

const RULES: Readonly<Record<FindingCode, string>> = {
  'not-signed-enough': 'The commit of an input is not signed by enough of the right people',
  'other-contents': 'The NAR hash in the lock is not that of the files of the signed commit',
  unlocked: 'An input is not pinned to a commit and a NAR hash',
  unverifiable: 'Nothing that people sign stands behind an input',
  outside: 'A relative path leaves the input that it is part of',
  unavailable: 'A commit could not be had or read',
  unreadable: 'The lock or an input in it cannot be read, or could be read in two ways',
  dirty: 'The work tree is not the commit that was signed',
  'untracked-lock': 'The lock is not in the commit that was signed',
}

/**
 * The findings in the Static Analysis Results Interchange Format (SARIF 2.1.0, OASIS), in one line.
 */
export function sarifOf(verdicts: readonly InputVerdict[]): string {
  return sarifLog({
    rules: Object.entries(RULES).map(([id, text]) => ({ id, text })),
    results: verdicts.flatMap(({ file, line, input, findings }) =>
      findings.map(({ code, message }) => ({
        rule: code,
        level: 'error' as const,
        message: `${input}: ${message}`,
        at: { file, line },
        about: [file, input],
      })),
    ),
  })
}
