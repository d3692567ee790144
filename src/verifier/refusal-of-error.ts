import type { SubjectKind } from '../policy/policy.ts'
import type { Refusal } from '../policy/verdict.ts'
import type { FormatError } from '../primitives/format-error.ts'
import type { UnsupportedDerivationError } from './stored-derivation.ts'

/**
 * Turns an error into a refusal of the path that was being judged. Errors that nixsig itself raises
 * have messages that are escaped already; of any other error only the kind and the text are
 * reported.
 */
export function refusalOf(error: unknown, path: string, kind: SubjectKind): Refusal {
  // Errors are distinguished by name, because the two halves of the hooks' code each have their own
  // class.
  if (error instanceof Error && error.name === 'UnsupportedDerivationError') {
    const { path: derivation, what } = error as UnsupportedDerivationError
    const finding = { code: 'unsupported-derivation', what } as const
    return {
      outcome: 'untrusted',
      path: derivation,
      kind,
      ground: { kind: 'derivation' },
      findings: [finding],
    }
  }
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
  if (code === 'EACCES' || code === 'EPERM') return forbidden(error as Error, path, kind)
  const name = error instanceof Error ? error.name : ''
  const message = error instanceof Error ? error.message : String(error)
  // The message of a PolicyError has one line for each problem.
  const isGone = code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND'
  const detail = isGone ? GONE : name === 'PolicyError' ? message.replaceAll('\n', '; ') : message
  const { kind: ground, origin } = placeOf(error, name)
  return {
    outcome: 'indeterminate',
    path,
    kind,
    ground: { kind: ground },
    findings: [{ code: 'unreadable', trouble: { origin, detail } }],
  }
}

/** A program that runs loads parts of itself when it first needs them. */
const GONE = "nixsig's program files were deleted while it ran: install nixsig again, then restart the gate"

/** Where an error arose, by the error's name. */
function placeOf(error: unknown, name: string) {
  switch (name) {
    case 'FormatError':
      if ((error as FormatError).format === 'worker protocol')
        return { kind: 'store', origin: "the Nix daemon's answer" } as const
      return { kind: 'evidence', origin: (error as FormatError).format } as const
    case 'FileError':
      return { kind: 'evidence', origin: 'a file' } as const
    case 'LateError':
      return { kind: 'time', origin: 'the judgement' } as const
    case 'PolicyError':
      return { kind: 'policy', origin: 'the policy' } as const
    case 'StoreError':
      return { kind: 'store', origin: 'the store' } as const
    default:
      return { kind: 'fault', origin: 'an error in the middle of judging' } as const
  }
}

/** The refusal for a plain user who builds in a store of their own: these hooks judge for root. */
function forbidden({ message }: Error, path: string, kind: SubjectKind): Refusal {
  const detail = `${message}: only root can admit anything on this machine, so build through the daemon (--store daemon)`
  const trouble = { origin: 'a file', detail }
  const findings = [{ code: 'unreadable', trouble }] as const
  return { outcome: 'indeterminate', path, kind, ground: { kind: 'evidence' }, findings }
}
