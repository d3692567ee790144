/**
 * Developers' own signatures of a source: each that verifies becomes a claim, all others become
 * strays and troubles.
 */
import { lstatSync, type Stats } from 'node:fs'
import { verifyDetached } from '../crypto/detached/verify.ts'
import { FileError } from '../files/regular-file.ts'
import { listedKeys } from '../policy/key-standing.ts'
import { policyFor } from '../policy/lists/policy-for.ts'
import type { Policy } from '../policy/policy.ts'
import type { Evidence, Subject } from '../policy/verdict.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import { evidenceOfResults } from './detached-results.ts'
import { mergeEvidence } from './merge.ts'
import { keptSignatures, readSignature } from './signature-files.ts'

/** A signature, and where it was found. */
export interface GivenSignature {
  /** Where it was found, for messages. */
  readonly origin: string
  readonly signature: Uint8Array
  /** The separate list of checksums that it signs, if it signs one. */
  readonly checksums?: Uint8Array
  /** Names that a list may give the file. */
  readonly fileNames: readonly string[]
}

/**
 * Checks the developers' signatures that the policy's directories hold for a source whose files are
 * at `fsPath`. `fileNames`: the names that a list of checksums may give it; by default its name in
 * the store. Signature files that cannot be read are troubles. Never throws because of a file on
 * disk.
 */
export async function developerEvidence(
  policy: Policy,
  subject: Subject,
  fsPath: string,
  fileNames: readonly string[] = [subject.name],
): Promise<Evidence> {
  const found: Evidence[] = []
  for (const directory of policy.attestations) {
    const kept = await orTrouble(directory, async () => {
      const { signatures, strays } = keptSignatures(directory, subject.path)
      const evidence: Evidence[] = [{ claims: [], strays, troubles: [] }]
      for (const { origin, checksums } of signatures) {
        evidence.push(
          await orTrouble(origin, () => {
            const list = checksums === undefined ? {} : { checksums: readSignature(checksums) }
            const given = { origin, signature: readSignature(origin), ...list, fileNames }
            return evidenceOfSignature(policy, subject, fsPath, given)
          }),
        )
      }
      return mergeEvidence(evidence)
    })
    found.push(kept)
  }
  return mergeEvidence(found)
}

/**
 * Checks one signature of a source whose files are at `fsPath`; that they have the NAR hash in
 * `subject` is the caller's responsibility. All keys of the policy that may count for the source are
 * tried, those of people of lists as well, and a claim is made for each that signed. Only the bytes
 * of a plain file can be signed: for a tree, a link or an executable (its mode is part of the NAR
 * hash but not of what was signed) the signature is unused. Keys' dates and revocations in the
 * policy are left to the judge. A signature, list or certificate that cannot be read is a trouble.
 */
export function evidenceOfSignature(
  policy: Policy,
  subject: Subject,
  fsPath: string,
  given: GivenSignature,
): Promise<Evidence> {
  const { origin, ...question } = given
  return orTrouble(origin, async () => {
    const unfit = whyUnfit(fsPath)
    if (unfit !== undefined) {
      return { claims: [], strays: [{ problem: 'unused', origin, detail: unfit }], troubles: [] }
    }
    const keys = listedKeys(policyFor(policy, subject))
    const results = await verifyDetached({ file: fsPath, keys, ...question })
    const { path, narHash } = subject
    return evidenceOfResults(results, { role: 'developer', path, narHash, origin })
  })
}

/** Runs a step. What it cannot read becomes a trouble with this origin. */
async function orTrouble(origin: string, step: () => Promise<Evidence>): Promise<Evidence> {
  try {
    return await step()
  } catch (error) {
    if (!(error instanceof FormatError) && !(error instanceof FileError)) throw error
    return { claims: [], strays: [], troubles: [{ origin, detail: error.message }] }
  }
}

/**
 * Why a detached signature cannot vouch for what is at a path; undefined if it can. Throws
 * FileError.
 */
function whyUnfit(fsPath: string): string | undefined {
  let status: Stats
  try {
    status = lstatSync(fsPath)
  } catch (error) {
    throw new FileError(`cannot read ${printable(fsPath)}: ${printable((error as Error).message)}`)
  }
  if (!status.isFile()) return 'a detached signature covers one file, and this source is not one'
  if ((status.mode & 0o111) !== 0) return 'a detached signature does not cover that this file is executable'
  return undefined
}
