// Certificate files that others appended to, judged by nixsig, by current OpenPGP tools and by some
// older ones. Where one of these tools refuses, so does nixsig, and what is appended never turns a
// refusal into trust.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import { withOpenedFile } from '../../src/crypto/detached/opened-file.ts'
import type { Tool } from '../../src/crypto/openpgp/tools.ts'
import { type OpenPgpResult, verifyOpenPgp } from '../../src/crypto/openpgp/verify.ts'
import { FormatError } from '../../src/primitives/format-error.ts'
import { appendedTo, BASES, SIGNED } from '../support/appended-packets.ts'
import { CERTIFICATE_CASES } from '../support/certificate-cases.ts'
import { askOracles } from '../support/openpgp-oracles.ts'
import { sidTool } from '../support/sid-tools.ts'

const dir = mkdtempSync('/tmp/nixsig-certificates-')
after(() => rmSync(dir, { recursive: true, force: true }))

const OLD = {
  gpgv: { name: 'gpgv', program: '/usr/bin/gpgv' },
  sqv: { name: 'sqv', program: '/usr/bin/sqv' },
} as const
const NEW = { gpgv: sidTool('gpgv', dir), sqv: sidTool('sqv', dir) }

const file = join(dir, 'released')
writeFileSync(file, SIGNED)
let count = 0

/** Each takes some twenty runs of programs. */
const SAMPLES = { seed: 20, numRuns: 8 }

interface Given {
  readonly certificate: Uint8Array
  readonly signature: Buffer
  readonly fingerprint: string
}

/** What we say with these tools alone; undefined if the certificate file cannot be read. */
async function ours(tools: readonly Tool[], given: Given): Promise<OpenPgpResult['kind'] | undefined> {
  const certificate = join(dir, 'certificate.pgp')
  writeFileSync(certificate, given.certificate)
  try {
    const question = { ...given, certificate, tools }
    const [result] = await withOpenedFile(file, opened => verifyOpenPgp({ ...question, file: opened }))
    return result?.kind
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

/**
 * What the tools themselves say of the same files. Each time the keyring has another name, because
 * results are cached by name.
 */
async function theirs(tools: typeof NEW, given: Given) {
  const certificate = join(dir, `ring-${count++}.pgp`)
  const signature = join(dir, 'signature.pgp')
  writeFileSync(certificate, given.certificate)
  writeFileSync(signature, given.signature)
  return askOracles(tools, { certificate, signature, file }, dir)
}

describe('to each tool of today and of some years ago, a certificate file with', () => {
  for (const { what, fingerprint, signature, kind, ...more } of CERTIFICATE_CASES) {
    it(`${what} is ${kind}`, async () => {
      const given = { certificate: more.file, signature, fingerprint }
      for (const tool of [OLD.gpgv, OLD.sqv, NEW.gpgv, NEW.sqv]) {
        const found = await ours([tool], given)
        const mayDiffer = more.isNew ? tool !== NEW.sqv : tool.name === 'gpgv' && more.gpgv !== undefined
        const isRefused = found === 'unreadable' || (found === 'bad-signature' && !more.isNew)
        assert.ok(found === kind || (mayDiffer && isRefused), `${tool.program}: ${found}`)
      }
    })
  }
})

type Kinds = readonly (OpenPgpResult['kind'] | undefined)[]

/** What we say with each tool alone, and with both of today. */
async function allOfOurs(given: Given): Promise<Kinds> {
  const kinds: (OpenPgpResult['kind'] | undefined)[] = []
  for (const tools of [[OLD.gpgv], [OLD.sqv], [NEW.gpgv], [NEW.sqv], [NEW.gpgv, NEW.sqv]]) {
    kinds.push(await ours(tools, given))
  }
  return kinds
}

function assertNoGain(before: Kinds, found: Kinds, told: string): void {
  for (const [which, kind] of found.entries()) {
    const was = before[which]
    if (kind === 'good') assert.equal(was, 'good', told)
    if (kind === 'expired-since') assert.ok(was === 'good' || was === 'expired-since', `${was}: ${told}`)
  }
}

describe('whatever others put behind a certificate', () => {
  for (const { what, key, file: certificate, ...base } of BASES) {
    it(`${what}, no tool of any age lets us trust more than before, or than any tool does`, async () => {
      const { fingerprint } = key
      for (const signature of base.signatures) {
        const before = await allOfOurs({ certificate, signature, fingerprint })
        for (const appended of fc.sample(appendedTo({ key, file: certificate, ...base, what }), SAMPLES)) {
          const given = { certificate: Buffer.concat([certificate, appended]), signature, fingerprint }
          const found = await allOfOurs(given)
          assertNoGain(before, found, appended.toString('hex'))
          if (!found.includes('good')) continue
          const tools = [await theirs(OLD, given), await theirs(NEW, given)]
          const told = JSON.stringify({ tools, appended: appended.toString('hex') })
          assert.ok(
            tools.some(({ gpgv, sqv }) => gpgv === 'GOODSIG' || sqv.good),
            told,
          )
          assert.ok(
            tools.every(({ gpgv, sqv }) => gpgv !== 'REVKEYSIG' && !sqv.says.includes('is revoked')),
            told,
          )
        }
      }
    })
  }
})
