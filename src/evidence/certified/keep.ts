/**
 * Certificates that counted here, kept in `<state>/certified`, laid out as in a directory of
 * attestations. What the ledger remembers of certified keys can be judged again by them after a
 * publisher withdrew them: each is verified again whenever it is read.
 */
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { writeDurably } from '../../files/durable-file.ts'
import { fromHex } from '../../primitives/hex.ts'
import { CERTIFICATES_LIMIT, certificateFile, type ReadCertificate } from './read.ts'

/** The most certificates of one key that are kept, those that end last. */
const KEPT_LIMIT = 128

/** The directory of kept certificates. */
export function keptCertificates(state: string): string {
  return join(state, 'certified')
}

/** Keeps those of these certificates that are not kept yet. `all`: everything that was read. */
export function keepCertificates(
  state: string,
  accepted: readonly ReadCertificate[],
  all: readonly ReadCertificate[],
): void {
  const directory = keptCertificates(state)
  const isKept = ({ origin }: ReadCertificate) => origin.startsWith(`${directory}/`)
  for (const issuer of new Set(accepted.map(one => one.issuer))) {
    const kept = all.filter(one => one.issuer === issuer && isKept(one))
    const lines = new Set(kept.map(({ line }) => line))
    const fresh = accepted.filter(one => one.issuer === issuer && !lines.has(one.line))
    if (fresh.length === 0) continue
    const newest = [...kept, ...fresh].sort((a, b) => b.until - a.until)
    const chosen: string[] = []
    let size = 0
    for (const line of new Set(newest.map(one => one.line))) {
      size += line.length + 1
      if (chosen.length >= KEPT_LIMIT || size > CERTIFICATES_LIMIT) break
      chosen.push(`${line}\n`)
    }
    const text = chosen.join('')
    if (chosen.every(line => lines.has(line.slice(0, -1)))) continue
    const file = certificateFile(directory, { publicKey: fromHex(issuer.slice('ed25519:'.length)) })
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 })
    writeDurably(file, text, { flush: true, mode: 0o644 })
  }
}
