/** The earlier audit with which `nixsig audit --since FILE` compares. */
import type { Audit } from '../audit/audit.ts'
import { AUDIT_LIMITS, parseAudit } from '../audit/parse.ts'
import { type AuditChanges, changesSince } from '../audit/since.ts'
import { when, word } from '../policy/words.ts'
import { readOptionFile } from './option-file.ts'

/** An earlier audit, for those of now. */
export interface EarlierAudit {
  changesTo(now: Audit): AuditChanges
  /** Why a comparison may not say what somebody expects of it, in words. */
  odditiesOf(now: Audit): readonly string[]
}

/** Reads it. Throws UsageError, which names the file, if that has something else, or is absent. */
export function openEarlier(file: string): EarlierAudit {
  const before = readEarlier(file)
  return { changesTo: now => changesSince(before, now), odditiesOf: now => oddities(before, now) }
}

/** Reads it, likewise. */
export function readEarlier(file: string): Audit {
  return readOptionFile('--since', file, {
    what: 'audit',
    limit: AUDIT_LIMITS.bytes,
    next: 'nixsig audit --json > FILE makes one',
    parse: parseAudit,
  })
}

const ASKED = { system: 'the running system', store: 'the whole store', paths: 'named paths' } as const

/** Why a comparison may not say what somebody expects of it, in words. */
export function oddities(before: Audit, now: Audit): readonly string[] {
  const found: string[] = []
  const [was, is] = [before.machine, now.machine]
  // Whoever may not read the machine's key is not known by it.
  const isOther = was.key === undefined || is.key === undefined ? was.name !== is.name : was.key !== is.key
  if (isOther) found.push(`it is of the machine ${word(was.name)}, and not of ${word(is.name)} as it is now`)
  if (before.asked.kind !== now.asked.kind)
    found.push(`it is of ${ASKED[before.asked.kind]}, and this one of ${ASKED[now.asked.kind]}`)
  if (before.time > now.time) found.push(`it is of ${when(before.time)}, a time that is still to come`)
  if (before.unjudged > 0) found.push('not all of it was judged')
  return found
}
