/** Reports that `nixsig audit` writes to a file besides its answer: each option and what makes it. */
import type { Audit } from '../audit/audit.ts'

/** The text of a report. */
export type MakeReport = (audit: Audit) => Promise<string>

/**
 * By the name of the option, `--html FILE`. What makes a report is loaded when it is asked for:
 *
 *     html: async audit => (await import('../report/html.ts')).htmlOf(audit),
 */
export const AUDIT_REPORTS: Readonly<Record<string, { readonly text: string; readonly make: MakeReport }>> =
  {}
