import project from '../../package.json' with { type: 'json' }
import { jsonLine } from '../explain/verdict-json.ts'
import type { FindingCode, InputVerdict } from '../expressions/lock/input-verdict.ts'

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
  const results = verdicts.flatMap(({ file, line, input, findings }) =>
    findings.map(({ code, message }) => ({
      ruleId: code,
      level: 'error',
      message: { text: withoutLinks(`${input}: ${message}`) },
      locations: [{ physicalLocation: { artifactLocation: { uri: file }, region: { startLine: line } } }],
    })),
  )
  const rules = Object.entries(RULES).map(([id, text]) => ({ id, shortDescription: { text } }))
  return jsonLine({
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [{ tool: { driver: { name: 'nixsig', version: project.version, rules } }, results }],
  })
}

/**
 * In such a message `[words](address)` is a link (section 3.11.6), and a lock could show one of its
 * own.
 */
function withoutLinks(text: string): string {
  return text.replaceAll('](', '] (')
}
