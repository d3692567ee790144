import { strict as assert } from 'node:assert'
import { type HookReply, parseReply, printReply, REPLY_LIMIT } from '../../src/formats/hook-reply.ts'
import { FormatError } from '../../src/primitives/format-error.ts'
import type { AskPlugin } from '../../test/support/plugin.ts'
import { refusalOf, type Target } from '../target.ts'
import { MESSAGE_TOKENS, REPLIES } from './hook-questions.ts'

/** All that C may pass on; a notice has line feeds as well. */
const LINE = /^[ -~]*$/
const LINES = /^[\n -~]*$/

/** A reply of the gate as C reads it: the same verdict and the same texts as in TypeScript. */
export function replyInC(prepare: () => AskPlugin): Target {
  return {
    name: 'hook reply in C',
    seeds: REPLIES.map(printReply),
    tokens: MESSAGE_TOKENS,
    check: input => {
      if (input.length > REPLY_LIMIT + 1) return 'not asked'
      const read = prepare().readReply(input)
      const isPlain =
        read.kind === 'failed' ? LINE.test(read.why) : LINE.test(read.sentence) && LINES.test(read.notice)
      assert.ok(isPlain, `C passes on ${JSON.stringify(read)}`)
      let reply: HookReply
      try {
        reply = parseReply(input)
      } catch (error) {
        const refusal = refusalOf(error, [FormatError])
        assert.deepEqual(read, { kind: 'failed', why: (error as FormatError).message })
        return refusal
      }
      const { outcome, sentence, notice } = reply
      const isVerdict = outcome === 'pass' || outcome === 'refuse'
      if (isVerdict) assert.deepEqual(read, { kind: outcome, sentence, notice })
      else assert.equal(read.kind, 'failed', `C takes ${outcome} for a verdict`)
      return 'accepted'
    },
  }
}
