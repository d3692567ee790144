// Any error that keeps a hook's question from being judged is a refusal that fits into a reply.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { FileError } from '../../src/files/regular-file.ts'
import { parseReply, printReply } from '../../src/formats/hook-reply.ts'
import { answerHook } from '../../src/verifier/hook-answer.ts'
import { openInquiry } from '../../src/verifier/inquiry.ts'

const derivation = '/nix/store/8lnyx2d403hiqnqcjj8wl9j0zk56alk5-absent.drv'
const KINDS = ['before-build', 'after-build'] as const

for (const kind of KINDS) {
  test(`${kind}: an inquiry that cannot be opened is a refusal`, async () => {
    const reply = await answerHook(
      { kind, derivation },
      () => {
        throw new FileError('/var/lib/nixsig is writable by others')
      },
      'root',
    )
    assert.equal(reply.outcome, 'refuse')
    assert.match(
      reply.sentence,
      /absent\.drv .*undecided.*: a file: \/var\/lib\/nixsig is writable by others/,
    )
    // The post-build hook can report it only on standard error.
    assert.equal(reply.notice.includes('writable by others'), kind === 'after-build')
    assert.deepEqual(parseReply(printReply(reply)), reply)
  })

  test(`${kind}: an error while judging is a refusal, and its text is escaped before a terminal sees it`, async () => {
    const reply = await answerHook(
      { kind, derivation },
      () => {
        throw new Error('\x1b[35mcolour\nof lines')
      },
      'root',
    )
    assert.equal(reply.outcome, 'refuse')
    assert.match(reply.sentence, /an error in the middle of judging: \\u\{1b\}\[35mcolour\\u\{a\}of lines/)
    assert.deepEqual(parseReply(printReply(reply)), reply)
  })

  test(`${kind}: every inquiry is closed, and its policy decides how a refusal is reported`, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'nixsig-answer-'))
    let closed = 0
    try {
      const places = {
        policy: join(directory, 'policy.toml'),
        state: join(directory, 'state'),
        attestations: undefined,
      }
      const reply = await answerHook(
        { kind, derivation },
        () => {
          const inquiry = openInquiry(places, { records: true })
          const close = () => {
            closed++
            inquiry.close()
          }
          return { ...inquiry, close }
        },
        'root',
      )
      assert.equal(reply.outcome, 'refuse')
      assert.match(reply.sentence, /not in the store/)
      assert.deepEqual(reply.telling, { isByLine: true, versions: [] })
      assert.equal(closed, 1)
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
}
