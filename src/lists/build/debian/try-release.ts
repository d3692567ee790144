import { writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type DetachedResult, verifyDetached } from '../../../crypto/detached/verify.ts'
import { makeScratch, removeScratch } from '../../../files/scratch.ts'
import type { Tried } from '../../../formats/lists/listed.ts'
import { copiesIn } from '../certificates.ts'
import type { Counts } from '../finding.ts'
import type { Mirror } from './mirror.ts'
import type { SourcePackage } from './sources.ts'

const TARBALL_LIMIT = 256 * 1024 * 1024
const SIGNATURE_LIMIT = 256 * 1024

const COUNTED = {
  good: 'triedGood',
  expired: 'triedExpired',
  'unknown-signer': 'triedUnknown',
  bad: 'triedBad',
} as const

/**
 * Verifies a package's own tarball, as Debian has it, with the keys that the package names. Nothing
 * if the mirror lacks one of the two files. Throws FormatError, FileError and BuildError.
 */
export async function tryRelease(
  mirror: Mirror,
  { tarball, signature }: SourcePackage,
  keyFiles: readonly Uint8Array[],
  { counts, now }: { readonly counts: Counts; readonly now: number },
): Promise<readonly Tried[]> {
  if (tarball.size > TARBALL_LIMIT) return []
  counts.add('trying')
  const signatureBytes = await mirror.readListed(signature, SIGNATURE_LIMIT)
  const bytes = signatureBytes && (await mirror.readListed(tarball, TARBALL_LIMIT))
  if (signatureBytes === undefined || bytes === undefined) return []
  const directory = makeScratch('openpgp', '/tmp')
  try {
    const file = join(directory, basename(tarball.name))
    writeFileSync(file, bytes)
    const certificate = join(directory, 'keys.pgp')
    const copies = keyFiles.map(copiesIn)
    writeFileSync(certificate, Buffer.concat(copies.flatMap(each => [...each.values()].flat())))
    const keys = [...new Set(copies.flatMap(each => [...each.keys()]))].map(
      fingerprint =>
        ({
          kind: 'openpgp',
          identity: `openpgp:${fingerprint}`,
          label: fingerprint,
          fingerprint,
          certificate,
        }) as const,
    )
    const result = worstOf(await verifyDetached({ file, signature: signatureBytes, keys }))
    if (result === undefined) {
      counts.add('triedUnclear')
      return []
    }
    counts.add(COUNTED[result])
    const date = new Date(now * 1000).toISOString().slice(0, 10)
    return [{ file: basename(file), sha256: tarball.sha256, result, date }]
  } finally {
    removeScratch(directory)
  }
}

/**
 * A signature that one of the keys made and that does not hold prevails over what others signed.
 * Undefined if nothing is said of the file: a key could not be used, or its signature proves too
 * little.
 */
function worstOf(results: readonly DetachedResult[]): Tried['result'] | undefined {
  if (results.some(({ outcome }) => outcome === 'unreadable' || outcome === 'unacceptable')) return undefined
  const outcomes = results.map(({ outcome }) => outcome).filter(outcome => outcome !== 'unknown-signer')
  if (outcomes.length === 0) return 'unknown-signer'
  if (outcomes.every(outcome => outcome === 'good')) return 'good'
  const isOver = (outcome: string) => outcome.startsWith('expired-') || outcome === 'good'
  return outcomes.every(isOver) ? 'expired' : 'bad'
}
