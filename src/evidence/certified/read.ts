/**
 * Certificates of keys, in `keys/ed25519-<hex of the key that signed>.intoto.jsonl` of a directory
 * of attestations. Only the files of keys that may certify are looked at, so what others put there
 * costs nothing.
 */
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { FileError } from '../../files/regular-file.ts'
import { PAYLOAD_TYPE, pae, parseEnvelope } from '../../formats/in-toto/dsse.ts'
import { parseKeyCertificate } from '../../formats/in-toto/key-certificate.ts'
import { certificateFileName } from '../../formats/publication.ts'
import { sshFingerprint } from '../../formats/ssh/key.ts'
import { certifyingKeys, type KeyCertificate } from '../../policy/certified.ts'
import { parseKey } from '../../policy/language/keys.ts'
import type { Ed25519Key, Policy } from '../../policy/policy.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { toHex } from '../../primitives/hex.ts'
import { sha256, verifyEd25519 } from '../../primitives/sodium.ts'
import { readAttestationLines } from '../attestation-files.ts'

/** The most bytes of one file; a certificate has about one thousand. */
export const CERTIFICATES_LIMIT = 256 * 1024
const LINE_LIMIT = 32 * 1024
/** The most listed keys whose certificates are looked for. */
const ISSUER_LIMIT = 256
/** The most keys that are followed from one listed key, itself among them. */
const FOLLOWED_LIMIT = 32

/** A certificate with a good signature, and the line that holds it. */
export interface ReadCertificate extends KeyCertificate {
  readonly line: string
}

/** What was read, and what could not be. */
export interface ReadCertificates {
  readonly certificates: readonly ReadCertificate[]
  readonly problems: readonly { readonly origin: string; readonly detail: string }[]
}

/** The file with what a key certifies, in a directory of attestations. */
export function certificateFile(directory: string, { publicKey }: Pick<Ed25519Key, 'publicKey'>): string {
  return join(directory, 'keys', certificateFileName(publicKey))
}

/**
 * Reads the certificates by keys of the policy, and by the successors that these name. A file that
 * cannot be read is a problem, and its certificates do not count. Never throws because of a file.
 * `about` is told of each file before it is looked at, whether it exists or not.
 */
export function readCertificates(
  policy: Policy,
  directories: readonly string[],
  about: (file: string) => void,
): ReadCertificates {
  const found: ReadCertificate[] = []
  const problems: { origin: string; detail: string }[] = []
  const known = new Set<string>()
  const read = (issuer: Ed25519Key): readonly Ed25519Key[] => {
    const successors: Ed25519Key[] = []
    for (const directory of directories) {
      const file = certificateFile(directory, issuer)
      about(file)
      try {
        for (const one of certificatesIn(file, issuer)) {
          found.push(one)
          if (one.says.purpose === 'successor') successors.push(one.key)
        }
      } catch (error) {
        if (!(error instanceof FormatError || error instanceof FileError)) throw error
        problems.push({ origin: file, detail: `certificates of keys: ${error.message}` })
      }
    }
    return successors
  }
  for (const root of certifyingKeys(policy).slice(0, ISSUER_LIMIT)) {
    // Each root has room of its own, so that what one names does not crowd out another's.
    const line: Ed25519Key[] = [root]
    for (const issuer of line) {
      if (known.has(issuer.identity)) continue
      known.add(issuer.identity)
      const successors = read(issuer)
      if (root.rotates === true) line.push(...successors.slice(0, FOLLOWED_LIMIT - line.length))
    }
  }
  return { certificates: found, problems }
}

function certificatesIn(file: string, issuer: Ed25519Key): readonly ReadCertificate[] {
  const status = lstatSync(file, { throwIfNoEntry: false })
  if (status === undefined) return []
  if (status.size > CERTIFICATES_LIMIT) throw new FileError(`larger than ${CERTIFICATES_LIMIT} bytes`)
  const lines = new Set(readAttestationLines(file))
  return [...lines].flatMap((line, index) => {
    try {
      return certificateIn(line, issuer, `${file}:${index + 1}`) ?? []
    } catch (error) {
      // One line that anybody may have written must not take the others with it.
      if (error instanceof FormatError) return []
      throw error
    }
  })
}

/** The certificate in a line, if this key signed it; undefined if not. Throws FormatError. */
export function certificateIn(line: string, issuer: Ed25519Key, origin: string): ReadCertificate | undefined {
  if (line.length > LINE_LIMIT) return undefined
  const { payload, payloadType, signatures } = parseEnvelope(line)
  const keyid = sshFingerprint(issuer.publicKey)
  const signed = signatures.find(signature => signature.keyid === keyid)
  if (signed === undefined || payloadType !== PAYLOAD_TYPE) return undefined
  if (!verifyEd25519(pae(payloadType, payload), signed.signature, issuer.publicKey)) return undefined
  const statement = parseKeyCertificate(payload)
  const key = parseKey(statement.key)
  if (statement.issuer !== issuer.identity || key.kind !== 'ed25519') return undefined
  if (toHex(sha256(key.publicKey)) !== statement.keySha256) return undefined
  const says =
    statement.purpose === 'delegate'
      ? { purpose: statement.purpose, roles: statement.roles, names: statement.names }
      : {
          purpose: statement.purpose,
          ...(statement.oldEnds === undefined ? {} : { oldEnds: statement.oldEnds }),
        }
  const { validFrom: from, validUntil: until } = statement
  return { issuer: issuer.identity, key, from, until, origin, says, line }
}
