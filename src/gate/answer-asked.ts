/** Answers users who ask the gate about a path: what root would see, without more work. */
import { explainPath } from '../explain/explain.ts'
import { printExplanation } from '../explain/explanation-json.ts'
import { withAllowance } from '../files/allowance.ts'
import { judgeWithin } from '../files/deadline.ts'
import { ASK_ANSWER_LIMIT } from '../formats/asker.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import { printable } from '../primitives/printable.ts'
import { openInquiry } from '../verifier/inquiry.ts'
import type { Places } from '../verifier/places.ts'
import type { ResidentCache } from '../verifier/resident-cache.ts'
import type { AnswerAsked } from './ask-socket.ts'

/** Milliseconds that one question may take. */
const TIME_LIMIT = 20_000

/**
 * Bytes of derivations that one question may have read: a few tenths of a second, in which this
 * process does nothing else. Those of a whole NixOS system's direct inputs are fewer.
 */
const DERIVATIONS_LIMIT = 8 * 1024 * 1024

const TOO_MUCH = `the derivations that it depends on have more than ${DERIVATIONS_LIMIT} bytes, too many for a question of a user: ask an administrator to run nixsig explain`

const AS_A_USER = { reader: 'user', contents: 'registered' } as const

/**
 * Answers by what is at hand: nothing is written, no source and no cache is asked, no contents are
 * hashed. The reader is a user who is not root.
 */
export function answerAsked(places: Places, kept: ResidentCache): AnswerAsked {
  return async text => {
    const inquiry = openInquiry(places, { records: false, takesOut: false, isAtHand: true, kept })
    try {
      const path = parseStorePath(text)
      const explanation = await judgeWithin(
        () => withAllowance(DERIVATIONS_LIMIT, TOO_MUCH, () => explainPath(inquiry, path, AS_A_USER)),
        TIME_LIMIT,
      )
      return { kind: 'answer', json: printExplanation(explanation, ASK_ANSWER_LIMIT) }
    } catch (error) {
      // Messages of nixsig's own errors are escaped; others are told by their kind.
      const isOwn = error instanceof Error && OWN.includes(error.name)
      const why = isOwn ? error.message : `an error while it was judged (${printable(nameOf(error))})`
      return { kind: 'error', why: why.replaceAll('\n', '; ') }
    } finally {
      inquiry.close()
    }
  }
}

const OWN: readonly string[] = ['FileError', 'FormatError', 'LateError', 'PolicyError', 'StoreError']

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error
}
