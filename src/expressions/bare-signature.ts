/** Verifies the signatures that git and git-sig keep: of commits, of tags and in notes. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { signatureKind, verifyDetached } from '../crypto/detached/verify.ts'
import { hashingCost, WorkLimitError } from '../crypto/work.ts'
import { evidenceOfResults } from '../evidence/detached-results.ts'
import { FileError } from '../files/regular-file.ts'
import type { SignedText } from '../formats/git-object.ts'
import { parseDetachedSignatures } from '../formats/openpgp/signature.ts'
import { sshKeyBlob } from '../formats/ssh/key.ts'
import { looksLikeSshSignature, parseSshSignature } from '../formats/ssh/sshsig.ts'
import type { Key } from '../policy/policy.ts'
import type { Stray } from '../policy/verdict.ts'
import { FormatError } from '../primitives/format-error.ts'
import { toHex } from '../primitives/hex.ts'
import { standingOf } from './openpgp-candidates.ts'
import { type Found, type Search, type SigningWay, strayOnly } from './revision.ts'

/** Units of work to read a signature, and to try one of SSH on a key. */
const READING_COST = 1
const SSH_COST = 64

/**
 * Tries the OpenPGP and SSH keys of the policy that a signature names on it and these bytes: git
 * and git-sig know no other kind. Everybody who made it is a committer. A signature that cannot be
 * read, or that no listed key made, is reported and does not count; it costs next to nothing.
 */
export async function bareSignature(
  search: Search,
  { payload, signature }: SignedText,
  { way, origin }: { readonly way: SigningWay; readonly origin: string },
): Promise<Found> {
  const { revision, scratch, work } = search
  const file = join(scratch, 'payload')
  try {
    await work.spend(READING_COST + hashingCost(signature.length))
    const { keys, strays } = looksLikeSshSignature(signature)
      ? { keys: await sshKeys(search, signature), strays: undefined }
      : await openPgpKeys(search, { payload, signature }, origin)
    if (keys.length === 0) {
      const unknown = {
        problem: 'unknown-signer',
        origin,
        detail: 'by a key that nobody listed has',
      } as const
      return { evidence: { claims: [], strays: strays ?? [unknown], troubles: [] }, signatures: [] }
    }
    writeFileSync(file, payload)
    const results = await verifyDetached({ file, signature, keys, use: 'git' })
    const { commit: path, narHash } = revision
    const evidence = evidenceOfResults(results, { role: 'committer', path, narHash, origin })
    const signatures = evidence.claims.map(({ key, role }) => ({ way, key, role, origin }))
    return { evidence, signatures }
  } catch (error) {
    if (error instanceof WorkLimitError) throw error
    if (error instanceof FormatError) return strayOnly('unreadable', origin, error.message)
    if (!(error instanceof FileError)) throw error
    return {
      evidence: { claims: [], strays: [], troubles: [{ origin, detail: error.message }] },
      signatures: [],
    }
  }
}

/** The SSH key that a signature names, however often the policy lists it. Throws FormatError. */
async function sshKeys({ keys, work }: Search, signature: Uint8Array): Promise<readonly Key[]> {
  const named = toHex(parseSshSignature(signature).keyBlob)
  const found = keys.filter(key => 'form' in key && key.form === 'ssh' && toHex(sshKeyBlob(key)) === named)
  if (found.length > 0) await work.spend(SSH_COST * found.length)
  return found
}

/**
 * The OpenPGP keys that may have made a signature. Without any, `strays` says why, if a listed key
 * is named. Throws FormatError and FileError.
 */
async function openPgpKeys(
  search: Search,
  { payload, signature }: SignedText,
  origin: string,
): Promise<{ readonly keys: readonly Key[]; readonly strays?: readonly Stray[] }> {
  signatureKind(signature)
  const parsed = parseDetachedSignatures(signature)
  const found: Key[] = []
  const strays: Stray[] = []
  let isKnown = false
  for (const key of search.keys) {
    if (key.kind !== 'openpgp') continue
    const packets = search.packetsOf(key)
    const standings: string[] = []
    for (const each of parsed) standings.push(await standingOf({ signature: each, payload }, packets, search))
    if (standings.includes('to-verify')) found.push(key)
    else if (standings.includes('bad-signature')) {
      strays.push({
        problem: 'bad-signature',
        origin,
        detail: `${key.label}: not made by the key that it names`,
      })
    }
    isKnown ||= standings.some(standing => standing !== 'unknown-signer')
  }
  return isKnown ? { keys: found, strays } : { keys: found }
}
