import { strict as assert } from 'node:assert'
import { parseKept } from '../../src/decisions/kept-checkpoint.ts'
import {
  type Decision,
  NO_LINE,
  printBeginning,
  printDecision,
  printLeftOut,
} from '../../src/decisions/line.ts'
import { type Line, parseLine, printLine } from '../../src/decisions/parse-line.ts'
import { parseTrouble, printTrouble, type Trouble } from '../../src/decisions/trouble.ts'
import { NAR_HASH, NOW } from '../seeds.ts'
import { formatTarget, type Target } from '../target.ts'

const PLACE = { number: 7, previous: NO_LINE, time: NOW * 1000 }
const DECISION: Decision = {
  door: 'gate',
  asker: 'user 1000',
  path: '/nix/store/00000000000000000000000000000000-hello',
  narHash: NAR_HASH,
  outcome: 'untrusted',
  letIn: false,
  ground: 'a "rule"',
  evidence: [NAR_HASH],
  policy: NAR_HASH,
  mode: 'enforce',
  message: 'refused: \\u{1b}',
  times: 3,
}

const CHECKPOINT = `nixsig.decisions/${'0'.repeat(32)}
11
${Buffer.alloc(32).toString('base64')}

\u2014 nixsig.decisions/${'0'.repeat(32)} ${Buffer.alloc(68).toString('base64')}
`

/** Lines of the decision log, which whoever was root may have written, and signed states of it. */
export const DECISIONS: readonly Target[] = [
  formatTarget<Line>({
    name: 'decision line',
    seeds: [
      printBeginning({ ...PLACE, number: 0 }, { log: '0'.repeat(32), machine: `ed25519:${NAR_HASH}` }),
      printDecision(PLACE, DECISION),
      printDecision(PLACE, { ...DECISION, narHash: undefined, outcome: 'trusted', letIn: true, times: 1 }),
      printLeftOut(PLACE, { door: 'plugin', asker: 'unknown', leftOut: 12 }),
    ],
    tokens: [
      '"',
      '\\',
      '\\\\',
      'null',
      'true',
      ',"times":2',
      '"log"',
      '"left_out"',
      '\n',
      'ledger',
      NAR_HASH,
    ],
    read: input => parseLine(Buffer.from(input).toString('latin1')),
    print: printLine,
    oneSpelling: () => true,
  }),
  formatTarget<Trouble>({
    name: 'decision trouble',
    seeds: [printTrouble({ since: NOW, tried: NOW * 1000, why: 'cannot write /x: no space is left' })],
    tokens: ['"since"', '"tried"', '"why"', '8640000000000001', '-1', 'null', '\\u001b', '\u2028'],
    read: parseTrouble,
    print: printTrouble,
    also: ({ since, tried, why }) => {
      for (const time of [since, tried]) new Date(time).toISOString()
      assert.doesNotMatch(why, /\p{C}/u)
    },
  }),
  formatTarget({
    name: 'decision checkpoint',
    seeds: [CHECKPOINT],
    tokens: ['\n', '\n\n', '\u2014 ', '11', '0', 'nixsig.decisions/', '='],
    read: input => parseKept(input, 'a file'),
  }),
]
