import assert from 'node:assert/strict'
import { appendFileSync, chmodSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, mock, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { basisOf, openAnswerCache } from '../../src/gate/answer-cache.ts'
import { forAMoment } from '../../src/primitives/for-a-moment.ts'

const DIGEST = '0c8i3rzzv5hyl4c61vmg1hq9nyr4b4zg'
const OTHER = '0d8i3rzzv5hyl4c61vmg1hq9nyr4b4zg'
const RESPONSE = { status: 200, body: Buffer.from('narinfo') }
const LATER = Date.now() + 3_600_000

/** A directory of attestations that has not changed for a while, with one about DIGEST. */
async function settledDirectory(t: TestContext): Promise<string> {
  const directory = mkdtempSync('/tmp/nixsig-answers-')
  t.after(() => rmSync(directory, { recursive: true }))
  mkdirSync(join(directory, '0c'))
  writeFileSync(join(directory, '0c', `${DIGEST}.intoto.jsonl`), 'a\n')
  await sleep(2100)
  return directory
}

/** A cache for which each question comes an hour after the one before. */
function openSlowCache() {
  let now = 0
  return openAnswerCache(
    forAMoment(() => {
      now += 3_600_000
      return now
    }),
  )
}

/** Changes of an attestation directory that may change the answer about DIGEST. */
const CHANGES: readonly (readonly [string, (directory: string) => void])[] = [
  [
    'a line more about the path',
    directory => appendFileSync(join(directory, '0c', `${DIGEST}.intoto.jsonl`), 'b\n'),
  ],
  [
    'a line that is another, as long as before and as old',
    directory => {
      const file = join(directory, '0c', `${DIGEST}.intoto.jsonl`)
      writeFileSync(file, 'b\n')
      utimesSync(file, 1, 1)
    },
  ],
  [
    'the signatures of another builder',
    directory => writeFileSync(join(directory, '0c', `${DIGEST}.narinfo`), 'x'),
  ],
  ['a developer signature', directory => writeFileSync(join(directory, '0c', `${DIGEST}.minisig`), 'x')],
  ['a directory that everybody may write to', directory => chmodSync(directory, 0o777)],
]

describe('an answer stands until what it rests on has changed', { concurrency: true }, () => {
  for (const [what, change] of CHANGES) {
    test(`but not with ${what}`, async t => {
      const directory = await settledDirectory(t)
      const grounds = { policy: 'p', directories: [directory] }
      const answers = openSlowCache()
      answers.keep(DIGEST, RESPONSE, LATER, basisOf(DIGEST, grounds))
      assert.equal(answers.get(DIGEST, grounds), RESPONSE)
      assert.equal(answers.get(DIGEST, grounds), RESPONSE)
      change(directory)
      assert.equal(answers.get(DIGEST, grounds), undefined)
    })
  }
  test('but not where the first attestation about any such path comes', async t => {
    const directory = await settledDirectory(t)
    const grounds = { policy: 'p', directories: [directory] }
    const answers = openSlowCache()
    answers.keep(OTHER, RESPONSE, LATER, basisOf(OTHER, grounds))
    assert.equal(answers.get(OTHER, grounds), RESPONSE)
    mkdirSync(join(directory, '0d'))
    assert.equal(answers.get(OTHER, grounds), undefined)
  })
  test('and not under another policy, or past its end', async t => {
    const grounds = { policy: 'p', directories: [await settledDirectory(t)] }
    const answers = openAnswerCache()
    const standing = basisOf(DIGEST, grounds)
    answers.keep(DIGEST, RESPONSE, LATER, standing)
    assert.equal(answers.get(DIGEST, { ...grounds, policy: 'q' }), undefined)
    assert.equal(answers.get(DIGEST, grounds), undefined, 'it is gone for good')
    answers.keep(DIGEST, RESPONSE, Date.now() - 1, standing)
    assert.equal(answers.get(DIGEST, grounds), undefined)
  })
  test('fault: and not once the clock was set back', async t => {
    const grounds = { policy: 'p', directories: [await settledDirectory(t)] }
    const answers = openAnswerCache()
    answers.keep(DIGEST, RESPONSE, LATER, basisOf(DIGEST, grounds))
    mock.timers.enable({ apis: ['Date'], now: Date.now() - 365 * 24 * 3_600_000 })
    t.after(() => mock.timers.reset())
    assert.equal(answers.get(DIGEST, grounds), undefined)
  })
})

test('answers that are asked for within a moment rest on one look at what they have in common', async t => {
  const directory = await settledDirectory(t)
  const grounds = { policy: 'p', directories: [directory] }
  let now = 100
  const answers = openAnswerCache(forAMoment(() => now))
  answers.keep(DIGEST, RESPONSE, LATER, basisOf(DIGEST, grounds))
  assert.equal(answers.get(DIGEST, grounds), RESPONSE)
  chmodSync(directory, 0o777)
  now += 1
  assert.equal(answers.get(DIGEST, grounds), RESPONSE)
  now += 1
  assert.equal(answers.get(DIGEST, grounds), undefined)
})

test('what has just changed may change again unseen, and is not kept', t => {
  const directory = mkdtempSync('/tmp/nixsig-answers-')
  t.after(() => rmSync(directory, { recursive: true }))
  const grounds = { policy: 'p', directories: [directory] }
  assert.equal(basisOf(DIGEST, grounds), undefined)
  const answers = openAnswerCache()
  answers.keep(DIGEST, RESPONSE, LATER, undefined)
  assert.equal(answers.get(DIGEST, grounds), undefined)
})

test('attack: very many paths are asked about, and the oldest answers make room', () => {
  const answers = openAnswerCache()
  const grounds = { policy: 'p', directories: [] }
  const standing = { policy: 'p', common: basisOf(DIGEST, grounds)?.common ?? ' ', own: [] }
  const response = { status: 200, body: Buffer.alloc(1024 * 1024) }
  const name = (index: number) => String(index).padStart(32, '0')
  for (let index = 0; index < 40; index++) answers.keep(name(index), response, LATER, standing)
  const kept = Array.from({ length: 40 }, (_, index) => answers.get(name(index), grounds) !== undefined)
  assert.equal(kept.indexOf(true), 9, 'of 32 MiB, one for what else is kept')
  assert.ok(kept.slice(9).every(Boolean))
})
