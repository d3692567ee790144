/** Where the results of an audit are shown in a repository. */
import { isAbsolute, relative, resolve } from 'node:path'
import type { Audit } from '../audit/audit.ts'
import { ArgumentError, readRegularFile } from '../files/regular-file.ts'
import { parseFlakeLock } from '../formats/locks/flake-lock.ts'
import type { Policy } from '../policy/policy.ts'
import { printable } from '../primitives/printable.ts'
import { sarifOf } from '../report/sarif.ts'
import type { ReportContext } from './audit-reports.ts'
import { saying } from './option-value.ts'

const LOCK_LIMIT = 16 * 1024 * 1024

/**
 * The audit in SARIF. A file below the working directory is named relative to it, as it is in a
 * repository that was checked out there. Throws UsageError and ArgumentError about `--sarif-lock`.
 */
export function auditSarif(
  audit: Audit,
  { policy, places }: Pick<ReportContext, 'policy' | 'places'>,
): string {
  const { 'sarif-policy': named, 'sarif-lock': lock } = places
  return sarifOf(audit, {
    policy: named ?? fromHere(audit.policy.file),
    rules: linesOfRules(policy),
    ...(lock === undefined ? {} : { lock: { file: fromHere(lock), lines: linesOfCommits(lock) } }),
  })
}

function fromHere(file: string): string {
  const below = relative('.', file)
  return below === '' || below.startsWith('..') || isAbsolute(below) ? resolve(file) : below
}

function linesOfRules({ rules, fallback }: Policy): ReadonlyMap<string, number> {
  return new Map([fallback, ...rules].map(({ title, line }) => [title, line]))
}

/** The line of the first input that is pinned to each commit. */
function linesOfCommits(file: string): ReadonlyMap<string, number> {
  const bytes = readRegularFile(file, LOCK_LIMIT)
  if (bytes === undefined) throw new ArgumentError(`--sarif-lock ${printable(file)}: no such file`)
  const { nodes } = saying(`--sarif-lock ${printable(file)}`, () => parseFlakeLock(bytes))
  const lines = new Map<string, number>()
  for (const { pin, line } of nodes.values()) {
    if (pin?.kind === 'git' && pin.commit !== undefined && !lines.has(pin.commit)) {
      lines.set(pin.commit, line)
    }
  }
  return lines
}
