// Every state of keys and signatures, judged by the installed tools.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { withOpenedFile } from '../../../src/crypto/detached/opened-file.ts'
import type { Tool } from '../../../src/crypto/openpgp/tools.ts'
import { type OpenPgpResult, verifyOpenPgp } from '../../../src/crypto/openpgp/verify.ts'
import { ENDING, OPENPGP_CASES, type OpenPgpCase, SIGNED } from '../../support/openpgp-cases.ts'

const dir = mkdtempSync('/tmp/nixsig-standing-')
after(() => rmSync(dir, { recursive: true, force: true }))
const released = join(dir, 'released')
writeFileSync(released, SIGNED)
const changed = join(dir, 'changed')
writeFileSync(changed, 'what was changed\n')
const certificate = join(dir, 'certificate.pgp')

const GPGV: Tool = { name: 'gpgv', program: '/usr/bin/gpgv' }
const SQV: Tool = { name: 'sqv', program: '/usr/bin/sqv' }

async function judge(each: OpenPgpCase, path: string, tools: readonly Tool[]): Promise<OpenPgpResult> {
  writeFileSync(certificate, each.certificate)
  const { signature, fingerprint } = each
  const [result] = await withOpenedFile(path, file =>
    verifyOpenPgp({ file, signature, certificate, fingerprint, tools }),
  )
  assert.ok(result !== undefined)
  return result
}

describe('a signature by', () => {
  for (const each of OPENPGP_CASES.filter(({ isNew }) => !isNew)) {
    it(`${each.what} is ${each.kind}, whichever tool is asked`, async () => {
      for (const tools of [[GPGV], [SQV], [GPGV, SQV]]) {
        const result = await judge(each, released, tools)
        const [only, another] = tools
        const alone = another === undefined && only !== undefined ? each[only.name] : undefined
        assert.equal(result.kind, alone ?? each.kind, JSON.stringify(result))
        if (each.detail !== undefined && 'detail' in result) assert.match(result.detail, each.detail)
      }
    })

    it(`${each.what} is never acceptable to a policy if the file was changed`, async () => {
      for (const tools of [[GPGV], [SQV]]) {
        const { kind } = await judge(each, changed, tools)
        assert.ok(kind !== 'good' && kind !== 'expired-since', kind)
      }
      if (each.kind !== 'good' && each.kind !== 'expired-since') return
      assert.equal((await judge(each, changed, [GPGV, SQV])).kind, 'bad-signature')
    })
  }

  for (const each of OPENPGP_CASES.filter(({ isNew }) => isNew)) {
    it(`${each.what} is undecided with GnuPG, never bad, and ${each.kind} or undecided with both`, async () => {
      const result = await judge(each, released, [GPGV])
      assert.ok(result.kind === 'unreadable', JSON.stringify(result))
      assert.match(result.detail, /^keys and signatures of RFC 9580 need sqv 1\.5 or later: gpgv/)
      const both = await judge(each, released, [GPGV, SQV])
      assert.ok(both.kind === each.kind || both.kind === 'unreadable', JSON.stringify(both))
    })
  }
})

it('a good signature says until when it is good: until it, its key or the primary key expires', async () => {
  const { key, signed, ends } = ENDING
  for (const tools of [[GPGV], [SQV]]) {
    for (const each of ends) {
      writeFileSync(certificate, each.certificate)
      const question = { signature: each.signature, certificate, fingerprint: key.fingerprint, tools }
      const [result] = await withOpenedFile(released, file => verifyOpenPgp({ ...question, file }))
      assert.ok(result?.kind === 'good', JSON.stringify(result))
      assert.deepEqual([result.signedAt, result.keyEnds], [signed, each.end], each.what)
    }
  }
})

it('a signature by an expired key is never acceptable to a policy if any byte of it was changed', async () => {
  const each = OPENPGP_CASES.find(({ kind }) => kind === 'expired-since')
  assert.ok(each)
  const { signature } = each
  // The two bytes before the numbers only let a reader fail early.
  const prefix = signature.length - 2 * 34 - 2
  for (let offset = 0; offset < signature.length; offset += 3) {
    if (offset >= prefix - 2 && offset < prefix + 2) continue
    const changed = Buffer.from(signature)
    changed.writeUInt8(changed.readUInt8(offset) ^ 0x10, offset)
    const result: OpenPgpResult | Error = await judge({ ...each, signature: changed }, released, [
      GPGV,
    ]).catch((error: Error) => error)
    if (result instanceof Error) assert.equal(result.name, 'FormatError', `offset ${offset}`)
    else
      assert.ok(result.kind !== 'good' && result.kind !== 'expired-since', `offset ${offset}: ${result.kind}`)
  }
})
