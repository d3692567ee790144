// Real releases with their developers' real signatures, judged by nixsig, by current tools and by
// some older ones. The tools' results are not written down here. Only the ways in which nixsig may
// differ from them are, each with its row in docs/semantics.md.
// needs: debian-sources
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { withOpenedFile } from '../../src/crypto/detached/opened-file.ts'
import { type DetachedResult, verifyDetached } from '../../src/crypto/detached/verify.ts'
import { certificateFingerprints } from '../../src/crypto/openpgp/certificate.ts'
import type { Tool } from '../../src/crypto/openpgp/tools.ts'
import { verifyOpenPgp } from '../../src/crypto/openpgp/verify.ts'
import { parseDetachedSignatures } from '../../src/formats/openpgp/signature.ts'
import type { OpenPgpKey } from '../../src/policy/policy.ts'
import { type DebianSource, debianSource, fetchDebianSources, RELEASES } from '../support/debian-source.ts'
import { OPENPGP_CASES, SIGNED } from '../support/openpgp-cases.ts'
import { askOracles, type Files, type Oracles } from '../support/openpgp-oracles.ts'
import { sidTool } from '../support/sid-tools.ts'

/** Why sqv does not look at signatures that gpgv and we accept. */
const SQV_ALONE = [
  /because: SHA1 is not considered secure/, // what binds the certificate together
  /Malformed certificate in keyring/, // another certificate of the same file
  /Invalid ASCII Armor footer/,
]

/** What gpgv takes and we do not. */
const STRICTER = [/^a signature of version 3/, /^made with (MD5|SHA-1|RIPEMD-160)/, /has only \d+ bits$/]

const dir = mkdtempSync('/tmp/nixsig-upstream-')
after(() => rmSync(dir, { recursive: true, force: true }))

const OLD = {
  gpgv: { name: 'gpgv', program: '/usr/bin/gpgv' },
  sqv: { name: 'sqv', program: '/usr/bin/sqv' },
} as const
const NEW = { gpgv: sidTool('gpgv', dir), sqv: sidTool('sqv', dir) }

/** All that can be had; which that is, depends on the machine's Debian. */
function findReleases(): readonly (DebianSource & { readonly name: string })[] {
  try {
    fetchDebianSources(RELEASES)
  } catch (error) {
    missing.push((error as Error).message)
  }
  return RELEASES.flatMap(name => {
    try {
      return [{ name, ...debianSource(name) }]
    } catch (error) {
      missing.push((error as Error).message)
      return []
    }
  })
}

const missing: string[] = []
const releases = findReleases()
const outcomes = new Set<DetachedResult['outcome']>()
const algorithms = new Set<number>()

function keysOf(certificate: string): readonly OpenPgpKey[] {
  return certificateFingerprints(readFileSync(certificate)).map(fingerprint => ({
    kind: 'openpgp',
    identity: `openpgp:${fingerprint}`,
    label: fingerprint,
    fingerprint,
    certificate,
  }))
}

/**
 * What we say with all keys of the certificate file listed: that of the one key that has to do with
 * it, if any.
 */
async function ourResult({ file, signature, certificate }: Files): Promise<DetachedResult> {
  const keys = keysOf(certificate)
  const results = await verifyDetached({ file, signature: readFileSync(signature), keys })
  const concerned = results.filter(({ outcome }) => outcome !== 'unknown-signer')
  assert.ok(concerned.length <= 1, JSON.stringify(concerned))
  const [result = results[0]] = concerned
  assert.ok(result)
  return result
}

function isAmong(text: string, patterns: readonly RegExp[]): boolean {
  return patterns.some(pattern => pattern.test(text))
}

/** Whether what we say is what a tool's answers come to, but for the ways named above. */
function assertAgrees(ours: DetachedResult, { gpgv, sqv, signedAt, keyEnd }: Oracles): void {
  const told = JSON.stringify({ ours: [ours.outcome, ours.detail], gpgv, sqv })
  if (gpgv === 'ERRSIG' || gpgv === 'BADSIG') {
    assert.equal(ours.outcome, gpgv === 'BADSIG' ? 'bad-signature' : 'unknown-signer', told)
    assert.equal(sqv.good, false, told)
    return
  }
  if (ours.outcome === 'unacceptable') {
    assert.ok(!sqv.good && isAmong(ours.detail, STRICTER), told)
    return
  }
  if (gpgv === 'GOODSIG') {
    assert.equal(ours.outcome, 'good', told)
    assert.ok(sqv.good || isAmong(sqv.says, SQV_ALONE), told)
    return
  }
  assert.equal(gpgv, 'EXPKEYSIG', told)
  const wasInForce = signedAt < keyEnd
  assert.equal(ours.outcome, wasInForce ? 'expired-since' : 'expired-key', told)
  assert.ok(sqv.good === wasInForce || isAmong(sqv.says, SQV_ALONE), told)
}

async function assertAllAgree(files: Files): Promise<DetachedResult> {
  const ours = await ourResult(files)
  assertAgrees(ours, await askOracles(OLD, files, dir))
  assertAgrees(ours, await askOracles(NEW, files, dir))
  return ours
}

for (const [index, { name, tarball, signature, certificate }] of releases.entries()) {
  const other = releases[(index + 1) % releases.length]
  assert.ok(other)
  const changed = (end: string, change: (bytes: Buffer) => Buffer): string => {
    const file = join(dir, `${name}.${end}`)
    writeFileSync(file, change(readFileSync(tarball)))
    return file
  }

  describe(`the upstream release of ${name} is to us what it is to gpgv and sqv`, () => {
    it('as it was released', async () => {
      const { outcome } = await assertAllAgree({ file: tarball, signature, certificate })
      outcomes.add(outcome)
      for (const { publicKeyAlgorithm } of parseDetachedSignatures(readFileSync(signature))) {
        algorithms.add(publicKeyAlgorithm)
      }
    })

    it('with one bit flipped', async () => {
      const file = changed('flipped', bytes => {
        const middle = bytes.length >> 1
        bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle)
        return bytes
      })
      const { outcome } = await assertAllAgree({ file, signature, certificate })
      assert.ok(outcome === 'bad-signature' || outcome === 'unknown-signer', outcome)
      rmSync(file)
    })

    it('cut off', async () => {
      const file = changed('cut', bytes => bytes.subarray(0, -1))
      const { outcome } = await assertAllAgree({ file, signature, certificate })
      assert.ok(outcome === 'bad-signature' || outcome === 'unknown-signer', outcome)
      rmSync(file)
    })

    it(`with the signature of ${other.name}`, async () => {
      const { outcome } = await assertAllAgree({ file: tarball, signature: other.signature, certificate })
      assert.ok(outcome === 'bad-signature' || outcome === 'unknown-signer', outcome)
    })

    it(`with the keys of ${other.name}`, async () => {
      await assertAllAgree({ file: tarball, signature, certificate: other.certificate })
    })
  })
}

it('is tried on enough releases of every sort', t => {
  for (const problem of missing) t.diagnostic(problem)
  assert.ok(releases.length >= 32, missing.join('\n'))
  assert.deepEqual([...outcomes].sort(), [
    'expired-key',
    'expired-since',
    'good',
    'unacceptable',
    'unknown-signer',
  ])
  // RSA, DSA and EdDSA (RFC 9580, section 9.1).
  assert.deepEqual([...algorithms].sort(), [1, 17, 22])
})

describe('to each tool of today and of some years ago, a signature by', () => {
  const released = join(dir, 'released')
  writeFileSync(released, SIGNED)
  const judge = async (tool: Tool, { fingerprint, ...given }: (typeof OPENPGP_CASES)[number]) => {
    const certificate = join(dir, 'made.pgp')
    writeFileSync(certificate, given.certificate)
    const { signature } = given
    const [result] = await withOpenedFile(released, file =>
      verifyOpenPgp({ file, signature, certificate, fingerprint, tools: [tool] }),
    )
    assert.ok(result !== undefined)
    return result
  }

  for (const each of OPENPGP_CASES.filter(({ isNew }) => !isNew)) {
    it(`${each.what} is ${each.kind}`, async () => {
      for (const tool of [OLD.gpgv, OLD.sqv, NEW.gpgv, NEW.sqv]) {
        const { kind } = await judge(tool, each)
        const isUndecided = kind === 'unreadable' && each[tool.name] === 'unreadable'
        assert.ok(kind === each.kind || isUndecided, `${tool.program}: ${kind}`)
      }
    })
  }

  for (const each of OPENPGP_CASES.filter(({ isNew }) => isNew)) {
    it(`${each.what} is ${each.kind} to the sqv of today, and undecided to the others`, async () => {
      assert.equal((await judge(NEW.sqv, each)).kind, each.kind)
      for (const tool of [OLD.gpgv, OLD.sqv, NEW.gpgv]) {
        assert.equal((await judge(tool, each)).kind, 'unreadable', tool.program)
      }
    })
  }
})

it('is good by the key of version 6 that RFC 9580 prints, to the sqv of today', async () => {
  const vector = (name: string) => join(PROJECT_ROOT, 'test/vectors/openpgp', name)
  const question = {
    signature: readFileSync(vector('v6-signature.asc')),
    certificate: vector('v6-certificate.asc'),
    fingerprint: '145817EB0DCA42619D266FEECE5B9F25BBC89A8062043B8BF0A9CE8CEFC40C4D',
  }
  const v6 = async (tool: Tool, path: string) => {
    const results = await withOpenedFile(path, file => verifyOpenPgp({ ...question, file, tools: [tool] }))
    return results.map(({ kind }) => kind)
  }
  assert.deepEqual(await v6(NEW.sqv, vector('v6-file.txt')), ['good'])
  assert.deepEqual(await v6(NEW.sqv, vector('v6-certificate.asc')), ['bad-signature'])
  assert.deepEqual(await v6(NEW.gpgv, vector('v6-file.txt')), ['unreadable'])
})
