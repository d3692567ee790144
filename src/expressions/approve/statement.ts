import {
  APPROVAL,
  type Approval,
  approvalJson,
  approverUri,
  parseApproval,
} from '../../formats/in-toto/predicates/approval.ts'
import { parseStatement, printStatement } from '../../formats/in-toto/statement.ts'
import type { Prepared } from './prepare.ts'

/**
 * The payload of the statement that an approver signs. `keyid`: of the approver's key, or `self` for
 * what this machine keeps for itself. `now`: seconds since 1970. Throws FormatError for a statement
 * that is too large for its readers.
 */
export function approvalPayload({ approval, roots }: Prepared, keyid: string, now: number): Uint8Array {
  const whole: Approval = { ...approval, approver: approverUri(keyid), timeApproved: now }
  const payload = printStatement({ subjects: roots, predicateType: APPROVAL, predicate: approvalJson(whole) })
  // Nobody could read one with more than 1024 roots, for example.
  parseApproval(parseStatement(payload))
  return payload
}
