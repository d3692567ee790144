/**
 * One file, signed in every way that a policy distinguishes, and every way in which a policy can
 * list the keys.
 */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { DetachedResult } from '../../src/crypto/detached/kind.ts'
import { verifyOpenPgp } from '../../src/crypto/openpgp/verify.ts'
import { attestationFile } from '../../src/evidence/attestation-file.ts'
import { attestationEvidence } from '../../src/evidence/attestations.ts'
import { PROBLEMS } from '../../src/evidence/detached-results.ts'
import { evidenceOfSignature } from '../../src/evidence/developer-signatures.ts'
import { storeSignatureEvidence } from '../../src/evidence/store-signatures.ts'
import { sigstoreIdentity } from '../../src/policy/language/sigstore-key.ts'
import type { Instant, Key, OpenPgpKey, Policy } from '../../src/policy/policy.ts'
import type { Evidence } from '../../src/policy/verdict.ts'
import { NOW, SOURCE } from '../policy/policies.ts'
import { ed25519Listings, ed25519Signatures } from './ed25519-everywhere.ts'
import { openPgpCertificates, openPgpSignatures } from './openpgp-over-time.ts'
import {
  ALICE,
  ecdsaPair,
  ISSUER,
  loggedBundle,
  makeInstance,
  messageSignature,
  trustedRoot,
} from './sigstore.ts'

/** The signed file; its NAR hash is in the subjects of these tests. */
export const CONTENT = Buffer.from('what was released\n')

/** The instants of recording and judging again. */
export const TIMES = [NOW, NOW + 100 * 86400, NOW + 200 * 86400] as const

/** A signature, and how it is verified. */
export interface MadeSignature {
  /** Unique; the origin of its claims. */
  readonly name: string
  /** The owner: everything listed under this name has one identity. */
  readonly of: string
  /** When the signature itself ends, in seconds since 1970. */
  readonly ends?: Instant
  verify(key: Key, now: Instant): Promise<Evidence>
}

/** One way in which a policy may list a key. */
export interface Listing {
  readonly name: string
  readonly of: string
  readonly key: Key
}

export interface AllKinds {
  readonly signatures: readonly MadeSignature[]
  readonly listings: readonly Listing[]
  remove(): void
}

const SIGSTORE = 'a name'

/** Makes all signatures and listings, in a directory of their own. */
export function signaturesOfAllKinds(): AllKinds {
  const dir = mkdtempSync('/tmp/nixsig-all-kinds-')
  const file = join(dir, 'release')
  writeFileSync(file, CONTENT)
  chmodSync(file, 0o644)
  const detached = (of: string, name: string, signature: Uint8Array): MadeSignature => ({
    name,
    of,
    verify: key =>
      evidenceOfSignature(trusting(key), SOURCE, file, { origin: name, signature, fileNames: [] }),
  })
  const raw = ['first', 'second'].flatMap(of => {
    const { files, envelopes, nix } = ed25519Signatures(of, CONTENT)
    return [
      ...files.map(({ name, signature }) => detached(of, `${of} ${name}`, signature)),
      ...envelopes.map(({ name, line }) => inEnvelope(dir, of, `${of} ${name}`, line)),
      {
        name: `${of} nix`,
        of,
        verify: async (key: Key) => storeSignatureEvidence(trusting(key), nix, `${of} nix`),
      },
    ]
  })
  const byName = sigstoreSignature(dir)
  return {
    signatures: [
      ...raw,
      ...openPgpSignatures(CONTENT).map(made => overTime(dir, file, made)),
      detached(SIGSTORE, 'sigstore', byName.signature),
    ],
    listings: [
      ...['first', 'second'].flatMap(of => ed25519Listings(of).map(({ name, key }) => ({ name, of, key }))),
      ...openPgpCertificates(dir),
      ...byName.listings,
    ],
    remove: () => rmSync(dir, { recursive: true }),
  }
}

function trusting(key: Key, attestations: readonly string[] = []): Policy {
  const principals = new Map([['one', { name: 'one', keys: [key] }]])
  const partial: Partial<Policy> = { principals, attestations, lists: new Map(), developers: [] }
  return partial as Policy
}

function inEnvelope(dir: string, of: string, name: string, line: string): MadeSignature {
  const directory = join(dir, name.replaceAll(' ', '-'))
  const file = attestationFile(directory, SOURCE.path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${line}\n`)
  const renamed = <T extends { readonly origin: string }>(found: readonly T[]) =>
    found.map(one => ({ ...one, origin: name }))
  return {
    name,
    of,
    verify: async key => {
      const { claims, strays, troubles } = await attestationEvidence(trusting(key, [directory]), SOURCE.path)
      return { claims: renamed(claims), strays: renamed(strays), troubles: renamed(troubles) }
    },
  }
}

/**
 * An OpenPGP signature seen at any instant: verified by a tool that only does the arithmetic, with
 * the clock set to that instant.
 */
function overTime(
  dir: string,
  file: string,
  {
    name,
    signature,
    ends,
  }: { readonly name: string; readonly signature: Uint8Array; readonly ends?: Instant },
): MadeSignature {
  const verify = async (key: Key, now: Instant): Promise<Evidence> => {
    if (key.kind !== 'openpgp') throw new TypeError('not a certificate')
    const program = join(dir, `sqv-${key.fingerprint}`)
    writeFileSync(program, `#!/bin/sh\necho ${key.fingerprint}\n`, { mode: 0o755 })
    const realNow = Date.now
    Date.now = () => now * 1000
    try {
      return await evidenceOfOpenPgp({ file, signature, name, program }, key)
    } finally {
      Date.now = realNow
    }
  }
  return { name, of: 'a certificate', verify, ...(ends === undefined ? {} : { ends }) }
}

async function evidenceOfOpenPgp(
  made: {
    readonly file: string
    readonly signature: Uint8Array
    readonly name: string
    readonly program: string
  },
  key: OpenPgpKey,
): Promise<Evidence> {
  const { withOpenedFile } = await import('../../src/crypto/detached/opened-file.ts')
  const { certificate, fingerprint } = key
  const tools = [{ name: 'sqv', program: made.program }] as const
  const [result] = await withOpenedFile(made.file, file =>
    verifyOpenPgp({ file, signature: made.signature, certificate, fingerprint, tools }),
  )
  if (result === undefined) throw new TypeError('a signature without a result')
  const about = { key: key.identity, role: 'developer', path: SOURCE.path, narHash: SOURCE.narHash } as const
  const claim = { ...about, origin: made.name }
  const none: Evidence = { claims: [], strays: [], troubles: [] }
  if (result.kind === 'good') {
    const { keyEnds, trace } = result
    return { ...none, claims: [{ ...claim, trace, ...(keyEnds === undefined ? {} : { until: keyEnds }) }] }
  }
  if (result.kind === 'expired-since') {
    return { ...none, claims: [{ ...claim, expired: { signedAt: result.signedAt, at: result.keyExpired } }] }
  }
  const outcome: DetachedResult['outcome'] = result.kind
  const stray = { origin: made.name, detail: `${key.label}: ${result.detail}` }
  if (outcome === 'unreadable') return { ...none, troubles: [stray] }
  if (outcome === 'unknown-signer') return { ...none, strays: [{ problem: outcome, ...stray }] }
  return { ...none, strays: [{ problem: PROBLEMS[outcome as keyof typeof PROBLEMS], ...stray }] }
}

/**
 * A Sigstore signature by a name, with three trusted roots: the right one, the same with other
 * bytes, and a stranger's.
 */
function sigstoreSignature(dir: string): {
  readonly signature: Uint8Array
  readonly listings: readonly Listing[]
} {
  const instance = makeInstance()
  const { publicKey, privateKey } = ecdsaPair()
  const content = messageSignature(privateKey, CONTENT)
  const made = loggedBundle(instance, content, { publicKey })
  const roots = {
    root: trustedRoot(instance),
    reprinted: `${trustedRoot(instance)}\n`,
    other: trustedRoot(makeInstance()),
  }
  const listings = Object.entries(roots).map(([name, text]) => {
    const file = join(dir, `${name}.json`)
    writeFileSync(file, text)
    const key = { kind: 'sigstore', ...sigstoreIdentity(ALICE, ISSUER), trustedRoot: file } as const
    return { name: `sigstore ${name}`, of: SIGSTORE, key }
  })
  return { signature: Buffer.from(JSON.stringify(made)), listings }
}

/** Whether two listings of one key have equal trusted roots, if they have any. */
export function haveSameRoot(one: Key, other: Key): boolean {
  if (one.kind !== 'sigstore' || other.kind !== 'sigstore') return true
  return readFileSync(one.trustedRoot).equals(readFileSync(other.trustedRoot))
}
