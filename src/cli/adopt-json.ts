/** `nixsig adopt --json`: a line for each path that was decided, and one for all of them. */
import type { Cause } from '../adopt/cause.ts'
import { CAUSE_WORDS } from '../adopt/cause-words.ts'
import type { Estimate } from '../adopt/estimate.ts'
import type { Exempting } from '../adopt/exemptions.ts'
import type { Decided } from '../adopt/run.ts'
import { jsonLine } from '../explain/verdict-json.ts'
import { causesIn, countsOf } from './adopt-report.ts'

/** `{"path", "kind", "member", "outcome", …}`: what is besides depends on the outcome. */
export function decidedLine({ path, kind, isMember, outcome }: Decided): string {
  const { kind: became, ...rest } = outcome
  const more = 'causes' in rest ? { causes: rest.causes.map(causeJson) } : rest
  return jsonLine({ path, kind, member: isMember, outcome: became, ...more })
}

/** `{"summary": {…}}`, the last line. */
export function summaryLine({
  decided,
  exemptions,
  estimate,
}: {
  readonly decided: readonly Decided[]
  readonly exemptions: readonly Exempting[]
  readonly estimate: Estimate | undefined
}): string {
  const causes = [...causesIn(decided).values()].map(({ cause, keeps }) => ({
    ...causeJson(cause),
    keeps,
    next: CAUSE_WORDS[cause.code].next,
  }))
  const time = estimate === undefined ? {} : { estimate }
  return jsonLine({ summary: { ...countsOf(decided), causes, exemptions, ...time } })
}

function causeJson({ code, path, kind, detail, status }: Cause) {
  return { code, path, kind, message: detail, status }
}
