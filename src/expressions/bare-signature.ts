/** Verifies the signatures that git and git-sig keep: of commits, of tags and in notes. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { verifyDetached } from '../crypto/detached/verify.ts'
import { evidenceOfResults } from '../evidence/detached-results.ts'
import { FileError } from '../files/regular-file.ts'
import type { SignedText } from '../formats/git-object.ts'
import { FormatError } from '../primitives/format-error.ts'
import { type Found, type Search, type SigningWay, strayOnly } from './revision.ts'

/** Units of work to try an OpenPGP signature, and one of another kind, on all keys. */
const OPENPGP_COST = 640
const OTHER_COST = 64

/**
 * Tries all OpenPGP and SSH keys of the policy on one signature over these bytes: git and git-sig
 * know no other kind. Everybody who made it is a committer. A signature that cannot be read is
 * reported and does not count.
 */
export async function bareSignature(
  { keys, revision, work, scratch }: Search,
  { payload, signature }: SignedText,
  { way, origin }: { readonly way: SigningWay; readonly origin: string },
): Promise<Found> {
  const isOpenPgp = !Buffer.from(signature.subarray(0, 64)).includes('-----BEGIN SSH')
  await work.spend(isOpenPgp ? OPENPGP_COST : OTHER_COST)
  const fitting = keys.filter(key => key.kind === 'openpgp' || ('form' in key && key.form === 'ssh'))
  const file = join(scratch, 'payload')
  writeFileSync(file, payload)
  try {
    const results = await verifyDetached({ file, signature, keys: fitting, use: 'git' })
    const { commit: path, narHash } = revision
    const evidence = evidenceOfResults(results, { role: 'committer', path, narHash, origin })
    const signatures = evidence.claims.map(({ key, role }) => ({ way, key, role, origin }))
    return { evidence, signatures }
  } catch (error) {
    if (error instanceof FormatError) return strayOnly('unreadable', origin, error.message)
    if (!(error instanceof FileError)) throw error
    return {
      evidence: { claims: [], strays: [], troubles: [{ origin, detail: error.message }] },
      signatures: [],
    }
  }
}
