// Checksum lists signed with signify, as OpenBSD publishes them: list and signature in one file,
// for `signify -C`.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { isInOnePiece, signatureKind, verifyDetached } from '../../../src/crypto/detached/verify.ts'
import { parseKey } from '../../../src/policy/language/keys.ts'

const dir = mkdtempSync('/tmp/nixsig-signed-list-')
after(() => rmSync(dir, { recursive: true, force: true }))
const at = (name: string) => join(dir, name)
const signify = (...args: readonly string[]) => spawnSync('signify-openbsd', args, { cwd: dir })

signify('-G', '-n', '-p', 'alice.pub', '-s', 'alice.sec')
const alice = parseKey(`signify:${readFileSync(at('alice.pub'), 'latin1').split('\n')[1]}`)
writeFileSync(at('base.tgz'), 'what is released')
writeFileSync(at('other.tgz'), 'something else')

function signedList(list: string | Uint8Array): Buffer {
  writeFileSync(at('SHA256'), list)
  signify('-S', '-e', '-s', 'alice.sec', '-m', 'SHA256', '-x', 'SHA256.sig')
  return readFileSync(at('SHA256.sig'))
}

const LIST = execFileSync('sha256sum', ['--tag', 'base.tgz', 'other.tgz'], { cwd: dir })
const GOOD = signedList(LIST)

/** Whether signify accepts the list and the file. */
function accepts(list: Uint8Array, file = 'base.tgz'): boolean {
  writeFileSync(at('asked.sig'), list)
  return signify('-C', '-q', '-p', 'alice.pub', '-x', 'asked.sig', file).status === 0
}

async function judge(signature: Uint8Array, file = 'base.tgz') {
  const [result, ...more] = await verifyDetached({ file: at(file), signature, keys: [alice] })
  assert.ok(result !== undefined && more.length === 0)
  return result
}

describe('a checksum list in one file with its signify signature', () => {
  it('is good for the files that it names', async () => {
    assert.equal(signatureKind(GOOD), 'signify')
    assert.ok(isInOnePiece(GOOD) && accepts(GOOD))
    const { outcome, detail } = await judge(GOOD)
    assert.equal(outcome, 'good')
    assert.match(detail, /, over a list of checksums$/)
    assert.equal((await judge(GOOD, 'other.tgz')).outcome, 'good')
  })

  it('attack: is bad with one byte of the list changed', async () => {
    for (const [index, byte] of [...GOOD.entries()].filter(([index]) => index > GOOD.length - LIST.length)) {
      const changed = Buffer.from(GOOD)
      changed[index] = byte ^ 1
      if (index % 20 === 0) assert.equal(accepts(changed), false)
      const judged = judge(changed)
      // If it is no longer a list, it is a signature with trailing data.
      await judged.then(
        ({ outcome }) => assert.equal(outcome, 'bad-signature'),
        error => assert.match(String(error), /the signed message is in this file/),
      )
    }
  })

  it('attack: is bad with an additional or a missing line', async () => {
    const more = Buffer.concat([GOOD, Buffer.from(`SHA256 (evil.tgz) = ${'0'.repeat(64)}\n`)])
    const less = GOOD.subarray(0, GOOD.lastIndexOf('SHA256 ('))
    for (const list of [more, less]) {
      assert.equal(accepts(list), false)
      assert.equal((await judge(list)).outcome, 'bad-signature')
    }
  })

  it('attack: is bad if the file differs from the list', async () => {
    const list = signedList(LIST.toString('latin1').replace('base', 'swap').replace('other', 'base'))
    assert.equal(accepts(list), false)
    const { outcome, detail } = await judge(list)
    assert.equal(outcome, 'bad-signature')
    assert.match(detail, /the signed list has another sha256 for base\.tgz/)
  })

  it('proves nothing about a file that it does not list', async () => {
    const list = signedList(LIST.toString('latin1').replace('base', 'swap'))
    const { outcome, detail } = await judge(list)
    assert.equal(outcome, 'other-file')
    assert.match(detail, /does not name base\.tgz, but has its checksum for swap\.tgz/)
  })

  it('attack: is not a signature over the file of the same name', async () => {
    writeFileSync(at('SHA256'), LIST)
    const judged = await judge(GOOD, 'SHA256')
    assert.equal(judged.outcome, 'other-file')
  })

  it('is not accepted with another message: then the signature is not detached', async () => {
    for (const text of ['#!/bin/sh\necho evil\n', 'SHA256 (base.tgz) = 00\n']) {
      const message = signedList(text)
      assert.equal(isInOnePiece(message), false)
      await assert.rejects(judge(message), /the signed message is in this file \(signify -e\)/)
    }
  })

  it('is not accepted if it is blank, nor as a signature over another file', async () => {
    assert.equal((await judge(signedList('\n'))).outcome, 'bad-signature')
  })

  it('is not accepted with another list, nor for a git tag', async () => {
    const question = { file: at('base.tgz'), signature: GOOD, keys: [alice] }
    await assert.rejects(verifyDetached({ ...question, checksums: LIST }), /not over the list beside it/)
    await assert.rejects(verifyDetached({ ...question, use: 'git' }), /cannot approve tags and commits/)
  })
})
