/** Reports that `nixsig audit` writes to files besides its answer: each option and what makes it. */
import type { Audit } from '../audit/audit.ts'
import { replaceFile } from '../files/replace-file.ts'

/** What a report is, for the help, and the function that makes its text. */
interface Report {
  readonly text: string
  readonly make: (audit: Audit) => Promise<string>
}

/**
 * By the name of the option, which takes a FILE. What makes a report is loaded when it is asked for.
 */
const REPORTS = {
  html: {
    text: 'Also write a page to look at to FILE',
    make: async audit => (await import('./audit-page.ts')).auditPage(audit),
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

/** Writes the reports that were asked for, each of which replaces its file at once. */
export async function writeReports(files: ReportFiles, audit: Audit): Promise<void> {
  const named: Readonly<Record<string, string | undefined>> = files
  for (const [name, { make }] of Object.entries<Report>(REPORTS)) {
    const file = named[name]
    if (file !== undefined) await replaceFile(file, await make(audit), 0o644)
  }
}
