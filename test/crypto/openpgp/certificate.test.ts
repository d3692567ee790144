// Files with more in them than one certificate in order, judged by the tools of this system.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { type OpenedFile, withOpenedFile } from '../../../src/crypto/detached/opened-file.ts'
import { findCertificate } from '../../../src/crypto/openpgp/certificate.ts'
import type { Tool } from '../../../src/crypto/openpgp/tools.ts'
import { verifyOpenPgp } from '../../../src/crypto/openpgp/verify.ts'
import { CERTIFICATE_CASES, COPIES_IN_ANY_ORDER, SIGNED } from '../../support/certificate-cases.ts'

const dir = mkdtempSync('/tmp/nixsig-certificates-')
after(() => rmSync(dir, { recursive: true, force: true }))
const released = join(dir, 'released')
writeFileSync(released, SIGNED)

const GPGV: Tool = { name: 'gpgv', program: '/usr/bin/gpgv' }
const SQV: Tool = { name: 'sqv', program: '/usr/bin/sqv' }

describe('a certificate file with', () => {
  for (const { what, file, fingerprint, signature, kind, detail, isNew, gpgv } of CERTIFICATE_CASES) {
    it(`${what}: ${kind}, whichever tool is asked`, async () => {
      const certificate = join(dir, 'certificate.pgp')
      writeFileSync(certificate, file)
      for (const tools of [[GPGV], [SQV], [GPGV, SQV]]) {
        const question = { signature, certificate, fingerprint, tools }
        const ask = (opened: OpenedFile) => verifyOpenPgp({ ...question, file: opened })
        const [result] = await withOpenedFile(released, ask)
        assert.ok(result)
        const says = `${tools.map(({ name }) => name)}: ${JSON.stringify(result)}`
        const expected = tools.length === 1 && tools[0] === GPGV ? (gpgv ?? kind) : kind
        if (isNew) assert.ok([kind, 'unreadable'].includes(result.kind), says)
        else assert.equal(result.kind, expected, says)
        if (detail !== undefined && 'detail' in result) assert.match(result.detail, detail)
      }
    })
  }
})

it('both tools get the same bytes of a certificate, whatever the order of its copies and parts is', () => {
  const { fingerprint, files } = COPIES_IN_ANY_ORDER
  const [first, ...others] = files.map(file => findCertificate(file, fingerprint)?.verified().bytes)
  assert.ok(first && others.length > 2)
  for (const other of others) assert.deepEqual(other, first)
  assert.deepEqual(findCertificate(first, fingerprint)?.verified().bytes, first)
})
