/**
 * An audit as metrics, for the textfile collector of node_exporter and for the gate, which serves
 * them with its own: each name begins with `nixsig_audit_`.
 */
import { type Family, gauge, printFamilies, type Sample } from '../formats/prometheus.ts'
import { GROUP_CODES } from '../status/groups.ts'
import type { Audit, AuditedPath } from './audit.ts'
import { isOnlyLetIn } from './let-in.ts'

const OUTCOMES: readonly AuditedPath['outcome'][] = ['trusted', 'untrusted', 'indeterminate']
const ENDS = ['key', 'list', 'exemption', 'respite'] as const

/** The text of the file. It names no path and nobody: whoever reads metrics learns numbers. */
export function auditMetricsText(audit: Audit): string {
  return printFamilies([
    gauge('audit_timestamp_seconds', 'When the last audit began, in seconds since 1970.', audit.time),
    ...closureFamilies(audit),
    ...otherFamilies(audit),
  ])
}

function closureFamilies({ paths, groups, unjudged, weakest }: Audit): readonly Family[] {
  const closure = paths.filter(({ part }) => part === 'closure')
  const count = (is: (path: AuditedPath) => boolean) => closure.filter(is).length
  return [
    many(
      'audit_paths',
      'Paths of the closure by verdict.',
      OUTCOMES.map(outcome => ({ labels: { outcome }, value: count(path => path.outcome === outcome) })),
    ),
    many(
      'audit_refused_paths',
      'Paths that would be refused, by what is missing.',
      GROUP_CODES.map(code => ({
        labels: { cause: code },
        value: groups.filter(group => group.code === code).reduce((sum, { paths }) => sum + paths.length, 0),
      })),
    ),
    gauge(
      'audit_let_in_paths',
      'Paths of the closure that were let in with a warning and would be refused now.',
      count(isOnlyLetIn),
    ),
    gauge(
      'audit_exempted_paths',
      'Trusted paths of the closure that rest on an exemption alone.',
      count(({ outcome, basis }) => outcome === 'trusted' && basis === 'exemption'),
    ),
    gauge('audit_unjudged_paths', 'Paths of the closure that were not judged for want of time.', unjudged),
    gauge(
      'audit_weakest_key_paths',
      'Paths of the closure that would fall without the key that most rests on.',
      weakest?.falls ?? 0,
    ),
  ]
}

function otherFamilies({ disk, shares, ends: all, version, policy }: Audit): readonly Family[] {
  return [
    gauge(
      'audit_unregistered_files',
      "What lies in the store's directory and is not in its database.",
      disk.unregistered.length,
    ),
    gauge(
      'audit_altered_paths',
      'Paths whose contents are not what the store registered.',
      disk.differing.length,
    ),
    gauge('audit_missing_paths', 'Paths that are registered and not on the disk.', disk.missing.length),
    many(
      'audit_signed_subjects',
      'Paths and commits with a signature that counts, by kind and role.',
      sharesAs(shares, 'signed'),
    ),
    many(
      'audit_subjects',
      'Paths and commits that could have one, by kind and role.',
      sharesAs(shares, 'total'),
    ),
    many(
      'audit_end_timestamp_seconds',
      'When the next key, list, exemption or respite ends that something rests on, in seconds since 1970.',
      ENDS.flatMap(kind => {
        const ends = all.filter(end => end.kind === kind).map(({ at }) => at)
        return ends.length === 0 ? [] : [{ labels: { kind }, value: ends.reduce((a, b) => Math.min(a, b)) }]
      }),
    ),
    many('audit_info', 'The version and the policy by which it was judged: always 1.', [
      {
        labels: { version, digest: policy.digest, mode: policy.mode },
        value: 1,
      },
    ]),
  ]
}

function many(name: string, help: string, samples: readonly Sample[]): Family {
  return { name, help, type: 'gauge', samples }
}

function sharesAs(shares: Audit['shares'], what: 'signed' | 'total'): readonly Sample[] {
  return shares.map(share => ({ labels: { kind: share.kind, role: share.role }, value: share[what] }))
}
