// Files that contain more than one well-ordered certificate, judged by the installed tools.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { type OpenedFile, withOpenedFile } from '../../../src/crypto/detached/opened-file.ts'
import { findCertificate } from '../../../src/crypto/openpgp/certificate.ts'
import { findObjection, suspectOf } from '../../../src/crypto/openpgp/standing.ts'
import type { Tool } from '../../../src/crypto/openpgp/tools.ts'
import { verifyOpenPgp } from '../../../src/crypto/openpgp/verify.ts'
import { parseKeyPacket } from '../../../src/formats/openpgp/key-packet.ts'
import { parseDetachedSignatures } from '../../../src/formats/openpgp/signature.ts'
import { CERTIFICATE_CASES, COPIES_IN_ANY_ORDER, SIGNED } from '../../support/certificate-cases.ts'
import {
  binding,
  certificate,
  FLAGS,
  flags,
  keyOfSeed,
  signaturePacket,
  subkeyPacket,
  TYPE,
  userId,
} from '../../support/openpgp-maker.ts'

const dir = mkdtempSync('/tmp/nixsig-certificates-')
after(() => rmSync(dir, { recursive: true, force: true }))
const released = join(dir, 'released')
writeFileSync(released, SIGNED)

const GPGV: Tool = { name: 'gpgv', program: '/usr/bin/gpgv' }
const SQV: Tool = { name: 'sqv', program: '/usr/bin/sqv' }

describe('a certificate file with', () => {
  for (const { what, file, fingerprint, signature, kind, detail, isNew, gpgv } of CERTIFICATE_CASES) {
    it(`${what}: ${kind}, whichever tool is asked`, async () => {
      const path = join(dir, 'certificate.pgp')
      writeFileSync(path, file)
      for (const tools of [[GPGV], [SQV], [GPGV, SQV]]) {
        const question = { signature, certificate: path, fingerprint, tools }
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

it('both tools get the same bytes of a certificate, whatever the order of its copies and parts', () => {
  const { fingerprint, files } = COPIES_IN_ANY_ORDER
  const [first, ...others] = files.map(file => findCertificate(file, fingerprint)?.verified().bytes)
  assert.ok(first && others.length > 2)
  for (const other of others) assert.deepEqual(other, first)
  assert.deepEqual(findCertificate(first, fingerprint)?.verified().bytes, first)
})

it('attack: a key that only encrypts, or of an unsupported algorithm, cannot sign, whatever flags it has', () => {
  const created = Date.UTC(2020, 0) / 1000
  const may = { created, subpackets: [flags(FLAGS.certify | FLAGS.sign)] }
  const key = keyOfSeed(created, 'key')
  const made = keyOfSeed(created, 'subkey')
  for (const algorithm of [16, 20, 25, 26, 30, 99]) {
    const body = Buffer.concat([made.body.subarray(0, 5), Buffer.of(algorithm), Buffer.alloc(64, 9)])
    const { fingerprint, keyId } = parseKeyPacket(body)
    const subkey = { ...made, body, fingerprint, keyId }
    const parts = [userId(key, 'a', may), subkeyPacket(subkey), binding(key, subkey, may)]
    const found = findCertificate(certificate(key, ...parts), key.fingerprint)?.verified()
    const [signature] = parseDetachedSignatures(signaturePacket(subkey, TYPE.file, SIGNED, { created }))
    assert.ok(found && signature)
    const objection = findObjection(suspectOf(signature, found, 'bytes'), created + 1)
    assert.equal(objection?.kind, 'unacceptable')
    assert.match(
      objection.detail,
      new RegExp(`^key ${fingerprint} is of algorithm ${algorithm}, whose keys cannot sign`),
    )
  }
})
