import type { Explanation } from '../../src/explain/explain.ts'
import { parseExplanation, printExplanation } from '../../src/explain/explanation-json.ts'
import {
  type Answered,
  parseAnswer,
  parseAsked,
  parseGreeting,
  parseIntroduction,
  printAnswer,
  printAsked,
  printGreeting,
  printIntroduction,
} from '../../src/formats/asker.ts'
import { PATH } from '../seeds.ts'
import { assertFit, formatTarget, type Target, textOf } from '../target.ts'

const TOKENS: readonly string[] = [
  'nixsig-ask1 ',
  'about ',
  'answer ',
  'error ',
  '\n',
  ' ',
  '0',
  '12',
  '262145',
  PATH,
  '{"version":1,',
  '"path":',
  '"sections":[',
  '"lines":',
  '"status":10',
  '"outcome":"trusted"',
  '\\u001b',
  'null',
  'ä',
  '\x1b[35m',
]

const EXPLANATION: Explanation = {
  path: PATH,
  mode: 'warn',
  verdict: {
    path: PATH,
    kind: 'output',
    outcome: 'untrusted',
    status: 10,
    ground: 'rule',
    rule: 'default',
    findings: [{ code: 'unsigned', message: 'needs alice for its output, found no signature' }],
    strays: [{ problem: 'unused', origin: 'a file', detail: 'a key' }],
    contents: 'registered',
  },
  grounds: `would be refused ${PATH} (output)\n  needs alice`,
  next: `next: nixsig explain ${PATH}`,
  sections: [{ title: 'ledger', lines: ['never admitted'] }],
  advice: ['ask alice'],
  status: 10,
  place: 'store',
}

const LIMIT = 64 * 1024

/** Questions of users to the gate, and its answers. */
export const ASKED: readonly Target[] = [
  formatTarget<string>({
    name: 'greeting of the gate',
    seeds: ['nixsig-ask1 0123456789abcde'],
    tokens: TOKENS,
    read: input => parseGreeting(latin1(input)),
    print: name => printGreeting(name).trimEnd(),
    oneSpelling: () => true,
  }),
  formatTarget<number>({
    name: 'introduction of an asker',
    seeds: ['nixsig-ask1 4711'],
    tokens: TOKENS,
    read: input => parseIntroduction(latin1(input)),
    print: pid => printIntroduction(pid).trimEnd(),
    oneSpelling: () => true,
  }),
  formatTarget<string>({
    name: 'question of an asker',
    seeds: [`about ${PATH}`],
    tokens: TOKENS,
    read: input => parseAsked(latin1(input)),
    print: path => printAsked(path).trimEnd(),
    oneSpelling: () => true,
  }),
  formatTarget<Answered>({
    name: 'answer to an asker',
    seeds: [
      printAnswer({ kind: 'answer', json: printExplanation(EXPLANATION, LIMIT) }),
      printAnswer({ kind: 'error', why: 'too many ask at once' }),
    ],
    tokens: TOKENS,
    read: parseAnswer,
    print: answered =>
      answered.kind === 'error' && answered.why.length > 1000 ? undefined : printAnswer(answered),
    oneSpelling: input => Buffer.from(input).subarray(0, 6).toString('latin1') === 'answer',
  }),
  formatTarget<Explanation>({
    name: 'explanation',
    seeds: [printExplanation(EXPLANATION, LIMIT)],
    tokens: TOKENS,
    read: input => parseExplanation(textOf(input), PATH),
    print: explanation => printExplanation(explanation, Number.POSITIVE_INFINITY),
    // It is printed as it is.
    also: ({ grounds, next, advice, sections }) => {
      const lines = [
        ...grounds.split('\n'),
        next,
        ...advice,
        ...sections.flatMap(one => [one.title, ...one.lines]),
      ]
      for (const line of lines) assertFit(line.slice(0, 4096).replace(/[\ud800-\udbff]$/, ''))
    },
  }),
]

function latin1(input: Uint8Array): string {
  return Buffer.from(input).toString('latin1')
}
