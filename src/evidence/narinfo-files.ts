/**
 * Nix signatures kept beside attestations: `<dir>/<xx>/<digest>.narinfo`, a binary cache's narinfo
 * of the path with all signatures that have been collected. Only the fields that a signature covers
 * are read; where the NAR is does not matter here.
 */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { writeDurably } from '../files/durable-file.ts'
import { FileError, readRegularFile } from '../files/regular-file.ts'
import {
  NARINFO_LIMIT,
  type Narinfo,
  narFingerprint,
  parseNarinfo,
  printNarinfo,
} from '../formats/nix/narinfo.ts'
import type { Policy } from '../policy/policy.ts'
import type { Evidence } from '../policy/verdict.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import { narinfoFile } from './attestation-file.ts'
import { mergeEvidence } from './merge.ts'
import { storeSignatureEvidence } from './store-signatures.ts'

/**
 * Builders' claims from the Nix signatures that directories keep of a path. A file that cannot be
 * read or is about another path is a trouble. Throws FormatError if it is not a store path.
 */
export function narinfoEvidence(policy: Policy, directories: readonly string[], path: string): Evidence {
  return mergeEvidence(
    directories.map(directory => {
      const origin = narinfoFile(directory, path)
      try {
        const narinfo = readNarinfo(origin, path)
        return narinfo === undefined ? NOTHING : storeSignatureEvidence(policy, narinfo, origin)
      } catch (error) {
        if (!(error instanceof FormatError || error instanceof FileError)) throw error
        return { ...NOTHING, troubles: [{ origin, detail: error.message }] }
      }
    }),
  )
}

/**
 * Keeps a narinfo, adding the signatures of the one that is kept already; returns whether anything
 * was new. Throws FileError if the two contradict each other: if a builder signed both, both have
 * to be seen, so each needs a separate directory.
 */
export function storeNarinfo(dir: string, narinfo: Narinfo): boolean {
  const file = narinfoFile(dir, narinfo.path)
  const kept = readNarinfo(file, narinfo.path)
  if (kept !== undefined && narFingerprint(kept) !== narFingerprint(narinfo)) {
    throw new FileError(
      `${printable(file)} is about other contents of ${printable(narinfo.path)}: use another directory`,
    )
  }
  const signatures = [...new Set([...(kept?.signatures ?? []), ...narinfo.signatures])].sort()
  if (kept !== undefined && signatures.length === kept.signatures.length) return false
  const text = printNarinfo({ ...(kept ?? narinfo), signatures })
  parseNarinfo(text)
  mkdirSync(dirname(file), { recursive: true, mode: 0o755 })
  writeDurably(file, text, { flush: true, mode: 0o644 })
  return true
}

const NOTHING: Evidence = { claims: [], strays: [], troubles: [] }

function readNarinfo(file: string, path: string): Narinfo | undefined {
  const bytes = readRegularFile(file, NARINFO_LIMIT, status => {
    if ((status.mode & 0o002) !== 0) throw new FileError(`${printable(file)} is writable by everybody`)
  })
  if (bytes === undefined) return undefined
  const narinfo = parseNarinfo(bytes.toString('latin1'))
  if (narinfo.path !== path)
    throw new FormatError('narinfo', 'it is about another path', printable(narinfo.path))
  return narinfo
}
