/** An audit as a bill of materials, with what the store has recorded about its paths. */
import type { Audit } from '../audit/audit.ts'
import { recordedOf } from '../audit/recorded.ts'
import { cycloneDxOf } from '../report/cyclonedx.ts'
import type { Inquiry } from '../verifier/inquiry.ts'

/** The audit in CycloneDX. Throws StoreError where the store does not answer. */
export async function auditCycloneDx(
  audit: Audit,
  { inquiry }: { readonly inquiry: Inquiry },
): Promise<string> {
  return cycloneDxOf(audit, await recordedOf(audit, inquiry))
}
