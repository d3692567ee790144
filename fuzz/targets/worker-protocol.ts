import { strict as assert } from 'node:assert'
import { FormatError } from '../../src/primitives/format-error.ts'
import { readAccepted, readBuildRequest, readSettings } from '../../src/store/build-hook.ts'
import { readGreeting, readWelcome } from '../../src/store/handshake.ts'
import {
  addTempRoot,
  queryDerivers,
  queryOutputs,
  queryPathFromHashPart,
  queryPathInfo,
  queryReferrers,
  queryValidPaths,
} from '../../src/store/queries.ts'
import { StoreError } from '../../src/store/store-error.ts'
import { encode, MAX_STRING, type SkippingReader } from '../../src/store/wire.ts'
import { DERIVATION, NAR_HASH, NOW, OTHER_PATH, PATH } from '../seeds.ts'
import { formatTarget, type Target } from '../target.ts'

const LAST = 0x616c7473
const NEXT = 0x6f6c6d67
const START = 0x53545254
const STOP = 0x53544f50
const RESULT = 0x52534c54
const ERROR = 0x63787470
const SERVER_MAGIC = 0x6478696f

/** The longest string that is read, with padding. */
const MOST_AT_ONCE = MAX_STRING + 7

/** Frames that may come before any answer. */
const FRAMES = Buffer.concat([
  encode(NEXT, 'a line'),
  encode(START, 1, 3, 101, 'text', 2, 0, 7, 1, 'field', 0),
  encode(RESULT, 1, 105, 2, 0, 1, 1, 'x'),
  encode(STOP, 1),
])
const REFUSAL = encode(ERROR, 'Error', 0, 'Error', 'path \x1b[35;1m/x\x1b[0m is wrong', 0, 1, 0, 'a trace')
const INFO = encode(
  LAST,
  1,
  DERIVATION,
  NAR_HASH,
  [PATH, OTHER_PATH],
  NOW,
  120,
  1,
  ['alice:x', `bob:${'A'.repeat(86)}==`],
  'fixed:r:sha256:0',
)

const TOKENS: readonly string[] = [
  ...[LAST, NEXT, START, STOP, RESULT, ERROR, 0, 1, 2, MAX_STRING].map(number => encode(number)),
  ...[PATH, OTHER_PATH, '', NAR_HASH, '\x1b]0;title\x07'].map(text => encode(text)),
].map(bytes => Buffer.from(bytes).toString('latin1'))

/** The bytes ended before the answer: on a connection, an answer that never arrives. */
class BrokenOffError extends Error {
  override readonly name = 'BrokenOffError'
}

/**
 * What an answer reads as, from bytes that are all there. Throws if it asks for more at once than
 * any field may have.
 */
function readFrom<T>(reader: SkippingReader<T>, bytes: Uint8Array): T {
  let offset = 0
  let step = reader.next()
  while (!step.done) {
    const wanted = typeof step.value === 'number' ? { take: step.value } : step.value
    const isKept = !('skip' in wanted)
    const count = 'take' in wanted ? wanted.take : 'peek' in wanted ? wanted.peek : wanted.skip
    assert.ok(
      Number.isInteger(count) && count > 0 && (count <= MOST_AT_ONCE || !isKept),
      `asks for ${count} bytes`,
    )
    const end = offset + count
    if (end > bytes.length) throw new BrokenOffError('the bytes end')
    step = reader.next(bytes.subarray(offset, 'peek' in wanted ? undefined : end))
    if (!('peek' in wanted)) offset = end
  }
  return step.value
}

function answerTarget<T>(
  what: string,
  seeds: readonly Uint8Array[],
  open: () => SkippingReader<T>,
  also?: (value: T) => void,
): Target {
  return formatTarget({
    name: `worker protocol: ${what}`,
    seeds,
    tokens: TOKENS,
    read: input => readFrom(open(), input),
    ...(also === undefined ? {} : { also }),
    refusals: [FormatError, StoreError, BrokenOffError],
  })
}

/** Answers of a Nix daemon, and what Nix sends to its build hook. */
export const WORKER_PROTOCOL: readonly Target[] = [
  answerTarget('greeting', [encode(SERVER_MAGIC, 0x123)], readGreeting, minor =>
    assert.ok(minor === 34 || minor === 35),
  ),
  answerTarget('welcome', [encode('2.34.8', 1, LAST), REFUSAL], () => readWelcome(35)),
  answerTarget(
    'path info',
    [INFO, Buffer.concat([FRAMES, INFO]), encode(LAST, 0), REFUSAL],
    () => queryPathInfo(PATH).answer,
    info => assert.ok(info === undefined || (info.path === PATH && /^[0-9a-f]{64}$/.test(info.narHash))),
  ),
  answerTarget(
    'path with a hash part',
    [encode(LAST, PATH), encode(LAST, '')],
    () => queryPathFromHashPart(PATH.slice(11, 43)).answer,
    path => assert.ok(path === undefined || path.slice(11, 43) === PATH.slice(11, 43)),
  ),
  answerTarget('referrers', [encode(LAST, [PATH, OTHER_PATH])], () => queryReferrers(PATH).answer),
  answerTarget('derivers', [encode(LAST, [DERIVATION])], () => queryDerivers(PATH).answer),
  answerTarget(
    'valid paths',
    [encode(LAST, [PATH])],
    () => queryValidPaths([PATH]).answer,
    paths => assert.ok([...paths].every(path => path === PATH)),
  ),
  answerTarget('outputs', [encode(LAST, 2, 'out', PATH, 'dev', '')], () => queryOutputs(DERIVATION).answer),
  answerTarget('settings of a build', [encode(1, 'builders', 'ssh://a', 1, 'x', '', 0)], readSettings),
  answerTarget('request to build', [encode('try', 1, 'x86_64-linux', DERIVATION, ['kvm'])], readBuildRequest),
  answerTarget('accepted build', [encode([PATH, OTHER_PATH], ['out'])], readAccepted),
  answerTarget('done', [encode(LAST, 1), Buffer.concat([FRAMES, REFUSAL])], () => addTempRoot(PATH).answer),
]
