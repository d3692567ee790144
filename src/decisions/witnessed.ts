/**
 * What witnesses say of a state of the log (c2sp.org/tlog-cosignature). Whoever writes the log anew
 * has the machine's key, and not theirs.
 */
import { checkpointVerdict } from '../crypto/logged.ts'
import { NOTE_ED25519, noteKey } from '../formats/tlog/note.ts'
import { countQuorum, type LogQuorum } from '../policy/log-quorums.ts'
import { counted } from '../primitives/counted.ts'
import { printable } from '../primitives/printable.ts'
import type { KeptCheckpoint } from './kept-checkpoint.ts'

/**
 * What a checkpoint of this machine's log lacks of a quorum, in words that are escaped; undefined if
 * enough witnesses cosigned it. `key`: the machine's, 32 raw bytes. Which logs the quorum lists does not matter
 * here. A quorum that needs no witnesses is never enough.
 */
export function lacksOf(
  { note, checkpoint }: KeptCheckpoint,
  { name, policy }: LogQuorum,
  key: Uint8Array,
): string | undefined {
  const called = printable(name)
  if (policy.quorum.kind === 'none') return `the quorum ${called} needs no witnesses`
  const log = { noteKey: noteKey(checkpoint.origin, NOTE_ED25519, key), ed25519: key }
  const { outcome, found, detail } = checkpointVerdict({ checkpoint, note }, { ...policy, logs: [log] })
  if (outcome === 'proven') return undefined
  if (detail !== undefined) return detail
  const { threshold, of, found: present } = countQuorum(policy.quorum, found)
  const who = present.length === 0 ? '' : ` (${present.map(each => printable(each)).join(', ')})`
  return `the quorum ${called} needs ${threshold} of ${counted(of, 'witness', 'witnesses')}; found: ${present.length} of ${of}${who}`
}
