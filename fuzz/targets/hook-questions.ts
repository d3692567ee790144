import { type HookQuestion, parseQuestion, printQuestion } from '../../src/formats/hook-question.ts'
import { type HookReply, parseReply, printReply } from '../../src/formats/hook-reply.ts'
import { DERIVATION, NAR_HASH, PATH } from '../seeds.ts'
import { assertFit, formatTarget, type Target } from '../target.ts'

/** What may be in a message between a hook and the resident process. */
export const MESSAGE_TOKENS: readonly string[] = [
  ...[
    'nixsig1 ',
    'nixsig2 ',
    'before-build ',
    'after-build ',
    'may-build ',
    'admit ',
    'sha256:',
    'fixed:r:',
    'text:',
    '-',
    'reload',
    '\n',
    ' ',
    DERIVATION,
    PATH,
  ],
  ...[
    'pass ',
    'refuse ',
    'done ',
    'error ',
    '0',
    '6',
    '65536',
    'status',
    'line',
    'references ',
    'others',
    ' 2.36.1',
    'ä',
    '\x1b[35m',
  ],
]

/** Replies of the resident process, one for each outcome that has texts. */
export const REPLIES: readonly HookReply[] = [
  { outcome: 'pass', sentence: '', notice: '', telling: { isByLine: true, versions: [] } },
  {
    outcome: 'pass',
    sentence: '',
    notice: '',
    telling: { isByLine: false, versions: [], references: NAR_HASH },
  },
  {
    outcome: 'refuse',
    sentence: 'no — never',
    notice: 'a\nb',
    telling: { isByLine: true, versions: ['2.36.1'] },
  },
  { outcome: 'error', sentence: 'what?', notice: '', telling: { isByLine: false, versions: [] } },
]

/** Messages between a hook and the resident process. */
export const HOOK_QUESTIONS: readonly Target[] = [
  formatTarget<HookQuestion>({
    name: 'hook question',
    seeds: [
      `nixsig1 before-build ${DERIVATION}\n`,
      `nixsig1 after-build ${DERIVATION}\n`,
      `nixsig1 admit ${PATH} sha256:${NAR_HASH} ${DERIVATION} -\n`,
      `nixsig1 admit ${PATH} sha256:${NAR_HASH} - text:sha256:${'0'.repeat(52)}\n`,
      `nixsig1 admit ${PATH} sha256:${NAR_HASH} - - 120 /mnt a-1:AA others\n`,
      'nixsig1 reload\n',
    ],
    tokens: MESSAGE_TOKENS,
    read: parseQuestion,
    print: printQuestion,
    // A hash has several encodings.
    oneSpelling: input => !Buffer.from(input).includes(' admit '),
  }),
  formatTarget<HookReply>({
    name: 'hook reply',
    seeds: REPLIES.map(printReply),
    tokens: MESSAGE_TOKENS,
    read: parseReply,
    print: printReply,
    oneSpelling: () => true,
    // A hook prints it unchanged.
    also: ({ sentence, notice }) => [sentence, ...notice.split('\n')].forEach(assertLine),
  }),
]

/** A text may be as long as its reply; a message may not. */
function assertLine(text: string): void {
  assertFit(text.slice(0, 4096).replace(/[\ud800-\udbff]$/, ''))
}
