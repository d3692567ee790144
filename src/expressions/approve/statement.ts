import {
  APPROVAL,
  type Approval,
  approvalJson,
  approverUri,
} from '../../formats/in-toto/predicates/approval.ts'
import { printStatement } from '../../formats/in-toto/statement.ts'
import type { Prepared } from './prepare.ts'

/**
 * The payload of the statement that an approver signs. `keyid`: of the approver's key, or `self` for
 * what this machine keeps for itself. `now`: seconds since 1970.
 */
export function approvalPayload({ approval, roots }: Prepared, keyid: string, now: number): Uint8Array {
  const whole: Approval = { ...approval, approver: approverUri(keyid), timeApproved: now }
  return printStatement({ subjects: roots, predicateType: APPROVAL, predicate: approvalJson(whole) })
}
