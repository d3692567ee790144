/**
 * The judge itself, for a hook that finds no resident process. Bundled into a separate file,
 * `judge.js` beside the hooks, because parsing code costs start-up time whether it runs or not.
 * tools/build.mjs redirects lazy imports of this module to that file.
 */
import { askerAbove } from '../src/files/asker.ts'
import type { BuildQuestion } from '../src/formats/hook-question.ts'
import type { HookReply } from '../src/formats/hook-reply.ts'
import { answerHook } from '../src/verifier/hook-answer.ts'
import { openInquiry } from '../src/verifier/inquiry.ts'
import { DEFAULT_PLACES } from '../src/verifier/places.ts'

/** The answer to a question that the ledger does not answer. Never rejects. */
export function judge(question: BuildQuestion): Promise<HookReply> {
  return answerHook(question, () => openInquiry(DEFAULT_PLACES, { records: true }), askerAbove())
}
