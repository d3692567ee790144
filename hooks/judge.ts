/**
 * All that judging needs, for a hook that nobody judges for. It is built into a file of its own, `judge.js` beside the
 * hooks, because a program's text costs start-up time whether it runs or not. tools/build.mjs sends lazy imports of this
 * module there.
 */
import type { BuildQuestion } from '../src/formats/hook-question.ts'
import type { HookReply } from '../src/formats/hook-reply.ts'
import { answerHook } from '../src/verifier/hook-answer.ts'
import { openInquiry } from '../src/verifier/inquiry.ts'
import { DEFAULT_PLACES } from '../src/verifier/places.ts'

/** The answer to a question that the ledger does not answer. Never rejects. */
export function judge(question: BuildQuestion): Promise<HookReply> {
  return answerHook(question, () => openInquiry(DEFAULT_PLACES, { records: true }))
}
