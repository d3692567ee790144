import type { ChainNode } from '../../src/explain/chain-node.ts'
import { treeLines } from '../../src/explain/chain-tree.ts'
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
  '"chain":null',
  '"parts":[',
  '"signatures":[',
  '\\u001b',
  'null',
  'ä',
  '\x1b[35m',
]

const CHAIN: ChainNode = {
  path: PATH,
  kind: 'output',
  outcome: 'untrusted',
  why: 'needs alice for its output, found no signature',
  builtHere: true,
  signatures: [
    {
      who: 'bob',
      list: 'debian',
      role: 'builder',
      key: 'bob-1',
      certifiedBy: ['root-1'],
      until: 1_790_000_000,
      graph: `${PATH}.drv`,
      coversGraph: false,
      counts: false,
      why: 'the rule does not ask bob as builder',
      origin: 'a file',
    },
  ],
  strays: ['a signature that nothing asks for (x, in y)'],
  approvals: [
    {
      url: 'https://git.example.org/x',
      commit: undefined,
      signers: ['ann'],
      by: undefined,
      key: 'carol-1',
      time: 1_790_000_000,
      target: 'default.nix',
      isAsked: true,
      inputs: [{ name: 'nixpkgs', url: 'https://git.example.org/n', commit: 'ab', signers: [] }],
      leftInputs: 0,
      origin: undefined,
    },
  ],
  parts: [],
  isRepeated: false,
  left: { signatures: 0, approvals: 0, parts: 1 },
}

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
  chain: CHAIN,
}

const LIMIT = 64 * 1024

/** Questions of users to the gate, and its answers. */
export const ASKED: readonly Target[] = [
  lineTarget('greeting of the gate', 'nixsig-ask1 0123456789abcde', {
    parse: parseGreeting,
    print: printGreeting,
  }),
  lineTarget('introduction of an asker', 'nixsig-ask1 4711', {
    parse: parseIntroduction,
    print: printIntroduction,
  }),
  lineTarget('question of an asker', `about ${PATH}`, { parse: parseAsked, print: printAsked }),
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
    also: ({ grounds, next, advice, sections, chain }) => {
      const lines = [
        ...(chain === undefined ? [] : treeLines(chain, { lines: 'ascii', width: undefined })),
        ...grounds.split('\n'),
        next,
        ...advice,
        ...sections.flatMap(one => [one.title, ...one.lines]),
      ]
      for (const line of lines) assertFit(line.slice(0, 4096).replace(/[\ud800-\udbff]$/, ''))
    },
  }),
]

/** A line, which is parsed without its newline and printed with it. */
function lineTarget<T>(
  name: string,
  seed: string,
  line: { readonly parse: (text: string) => T; readonly print: (value: T) => string },
): Target {
  return formatTarget<T>({
    name,
    seeds: [seed],
    tokens: TOKENS,
    read: input => line.parse(Buffer.from(input).toString('latin1')),
    print: value => line.print(value).trimEnd(),
    oneSpelling: () => true,
  })
}
