import type { Refusal } from '../policy/verdict.ts'
import { listEntriesOf } from '../quarantine/entries.ts'
import type { StoredDerivation } from './derivation-parts.ts'
import type { Inquiry } from './inquiry.ts'
import { MADE_ELSEWHERE } from './other-store.ts'
import { outputsOf } from './stored-derivation.ts'

/**
 * The refusal for outputs that are gone: another hook judged this build first, or they were never
 * here. Nix must not consider the build a success.
 */
export function allGone({ places: { state } }: Inquiry, stored: StoredDerivation): Refusal {
  const { path } = stored
  const isTakenOut = outputsOf(stored).some(output => listEntriesOf(state, output.path.digest).length > 0)
  const detail = isTakenOut
    ? 'what it made is not in the store any longer, but in quarantine, which root can list: nixsig quarantine list'
    : MADE_ELSEWHERE
  const finding = { code: 'unreadable', trouble: { origin: 'the store', detail } } as const
  return {
    outcome: 'indeterminate',
    path: path.path,
    kind: 'derivation',
    ground: { kind: 'store' },
    findings: [finding],
  }
}
