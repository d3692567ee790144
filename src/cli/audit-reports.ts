/** Reports that `nixsig audit` writes to files besides its answer: each option and what makes it. */
import { resolve } from 'node:path'
import type { Audit } from '../audit/audit.ts'
import type { Policy } from '../policy/policy.ts'
import { printable } from '../primitives/printable.ts'
import type { Inquiry } from '../verifier/inquiry.ts'
import { assertReplaceable, writeReport } from './replaceable.ts'
import type { SarifPlaceValues } from './sarif-places.ts'
import { UsageError } from './usage-error.ts'

/** What reports can say besides the audit. */
export interface ReportContext {
  /** The policy by which it was judged. */
  readonly policy: Policy
  readonly places: SarifPlaceValues
  /** By which it was made. */
  readonly inquiry: Inquiry
}

/** What a report is, for the help, and the function that makes its text. */
interface Report {
  readonly text: string
  /** Without a last line feed. */
  readonly make: (audit: Audit, context: ReportContext) => Promise<string>
}

/**
 * By the name of the option, which takes a FILE, or `-` for standard output. What makes a report is
 * loaded when it is asked for.
 */
const REPORTS = {
  html: {
    text: 'Also write a page to look at to FILE',
    make: async audit => (await import('./audit-page.ts')).auditPage(audit),
  },
  sarif: {
    text: 'Also write what was found to FILE as SARIF 2.1.0, for code scanning',
    make: async (audit, context) => (await import('./audit-sarif.ts')).auditSarif(audit, context),
  },
  cyclonedx: {
    text: 'Also write a bill of materials with the verdicts to FILE, as CycloneDX 1.6',
    make: async (audit, context) => (await import('./audit-cyclonedx.ts')).auditCycloneDx(audit, context),
  },
  spdx: {
    text: 'Also write a bill of materials with the verdicts to FILE, as SPDX 2.3',
    make: async audit => (await import('../report/spdx.ts')).spdxOf(audit),
  },
  out: {
    text: 'Also write the audit as JSON to FILE, as --json prints it and --since reads it',
    make: async audit => (await import('../audit/json.ts')).auditJson(audit),
  },
  metrics: {
    text: 'Also write its numbers for Prometheus to FILE, as node_exporter and the gate read them',
    make: async audit => (await import('../audit/metrics.ts')).auditMetricsText(audit).trimEnd(),
  },
} as const satisfies Readonly<Record<string, Report>>

/** The options. */
export const REPORT_OPTIONS = Object.fromEntries(
  Object.entries<Report>(REPORTS).map(([name, { text }]) => [
    name,
    { kind: 'value', value: 'FILE', text } as const,
  ]),
) as {
  readonly [Name in keyof typeof REPORTS]: {
    readonly kind: 'value'
    readonly value: 'FILE'
    readonly text: string
  }
}

/** The file of each report that was asked for. */
export type ReportFiles = { readonly [Name in keyof typeof REPORTS]: string | undefined }

/**
 * The name of the report that is to be printed, which takes the place of the answer. Throws
 * UsageError if two are, or two name one file, and if there is something else than a file where one is
 * to be, or this user may not write there.
 */
export function printedReport(files: ReportFiles & { readonly json: boolean }): string | undefined {
  const asked = filesOf(files)
  const printed = asked.filter(([, file]) => file === STANDARD_OUTPUT).map(([name]) => name)
  const all = [...printed.map(name => `--${name} -`), ...(files.json ? ['--json'] : [])]
  if (all.length > 1) throw new UsageError(`${all.join(' and ')}: only one of them can be printed`)
  const named = new Map<string, string>()
  for (const [name, file] of asked) {
    if (file === STANDARD_OUTPUT) continue
    assertReplaceable(`--${name}`, file)
    const other = named.get(resolve(file))
    if (other !== undefined)
      throw new UsageError(
        `--${other} and --${name} name one file, ${printable(file)}, which can have but one`,
      )
    named.set(resolve(file), name)
  }
  return printed[0]
}

const STANDARD_OUTPUT = '-'

function filesOf(files: ReportFiles): readonly (readonly [name: string, file: string])[] {
  const named: Readonly<Record<string, string | undefined>> = files
  return Object.keys(REPORTS).flatMap(name => {
    const file = named[name]
    return file === undefined ? [] : [[name, file] as const]
  })
}

/** Writes the reports that were asked for, each of which replaces its file at once, or prints it. */
export async function writeReports(
  files: ReportFiles,
  audit: Audit,
  { print, ...context }: ReportContext & { readonly print: (text: string) => void },
): Promise<void> {
  const makers: Readonly<Record<string, Report>> = REPORTS
  for (const [name, file] of filesOf(files)) {
    const text = await makers[name]?.make(audit, context)
    if (text === undefined) continue
    if (file === STANDARD_OUTPUT) print(text)
    else await writeReport(`--${name}`, file, text)
  }
}
