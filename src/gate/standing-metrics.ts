/**
 * How the machine of a gate stands, as metrics: what is in force, what ends next, how large its
 * decision log is, and what its last audit found.
 */
import { join } from 'node:path'
import { logExtent } from '../decisions/extent.ts'
import { readRegularFile } from '../files/regular-file.ts'
import { type Family, gauge } from '../formats/prometheus.ts'
import { countLetIn } from '../ledger/let-in.ts'
import { respiteAt } from '../ledger/respite.ts'
import { endOfList } from '../policy/lists/scope.ts'
import type { Instant, Policy } from '../policy/policy.ts'

/** Where the machine's audit leaves its metrics, in the state directory: `nixsig audit --metrics`. */
const AUDIT_FILE = 'audit.prom'

/** More than an audit's metrics are. */
const AUDIT_BYTES = 64 * 1024

/** A line of an audit's metrics, which have names of their own, so that no metric comes twice. */
const AUDIT_LINE = /^(?:# (?:HELP|TYPE) )?nixsig_audit_[ -~]*$/

/** What is in force. `policy`: undefined while none can be read. */
export function standingFamilies(
  policy: (Policy & { readonly digest: string }) | undefined,
  state: string,
  now: Instant,
): readonly Family[] {
  const respite = respiteOf(state, now)
  return [
    {
      name: 'policy_info',
      help: 'The policy in force: always 1.',
      type: 'gauge',
      samples:
        policy === undefined ? [] : [{ labels: { digest: policy.digest, mode: policy.mode }, value: 1 }],
    },
    gauge('respite_active', 'Whether nothing is refused for now.', respite === undefined ? 0 : 1),
    gauge('let_in_paths', 'Paths that the store plugin let in with a warning.', countLetIn(state)),
    {
      name: 'next_end_timestamp_seconds',
      help: 'When the next key, list, exemption or respite ends, in seconds since 1970.',
      type: 'gauge',
      samples: [...nextEnds(policy, respite, now)].map(([kind, value]) => ({ labels: { kind }, value })),
    },
    ...logFamilies(state),
  ]
}

/** None where nothing was decided yet, or decisions are not logged and never were. */
function logFamilies(state: string): readonly Family[] {
  const log = logExtent(state)
  if (log === undefined) return []
  return [
    gauge('decision_log_lines', 'Lines written to the decision log, with those removed since.', log.lines),
    gauge('decision_log_bytes', 'What the lines of the decision log take up.', log.bytes),
    gauge(
      'decision_log_written_timestamp_seconds',
      'When the decision log was last written, in seconds since 1970.',
      log.written,
    ),
  ]
}

/** What the last audit wrote; empty if there was none, or what it wrote is not of this form. */
export function auditMetrics(state: string): string {
  try {
    const text = readRegularFile(join(state, AUDIT_FILE), AUDIT_BYTES)?.toString('latin1') ?? ''
    const lines = text.split('\n')
    return lines.pop() === '' && lines.every(line => AUDIT_LINE.test(line)) ? text : ''
  } catch {
    // Others see that the time of the last audit is missing.
    return ''
  }
}

function respiteOf(state: string, now: Instant): Instant | undefined {
  try {
    return respiteAt(state, now)?.until
  } catch {
    return undefined
  }
}

/** The nearest end of each kind that is still to come. */
function nextEnds(
  policy: Policy | undefined,
  respite: Instant | undefined,
  now: Instant,
): ReadonlyMap<string, Instant> {
  const keys = [...(policy?.principals.values() ?? [])].flatMap(({ keys }) => keys)
  const all: readonly (readonly [kind: string, at: Instant | undefined])[] = [
    ...keys.map(({ validUntil }) => ['key', validUntil] as const),
    ...[...(policy?.lists.values() ?? [])].map(list => ['list', endOfList(list)] as const),
    ...(policy?.exemptions ?? []).map(({ until }) => ['exemption', until] as const),
    ['respite', respite],
  ]
  const next = new Map<string, Instant>()
  for (const [kind, at] of all) {
    if (at !== undefined && at > now) next.set(kind, Math.min(at, next.get(kind) ?? at))
  }
  return next
}
