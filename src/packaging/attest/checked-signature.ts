import { lstatSync } from 'node:fs'
import { basename } from 'node:path'
import { SIGNED_LIST_LIMIT, verifyDetached } from '../../crypto/detached/verify.ts'
import { readNamedFile } from '../../files/named-file.ts'
import { CHECKSUM_LIST_LIMIT } from '../../formats/checksum-list.ts'
import type { CheckedSignature } from '../../formats/in-toto/predicates/verification-summary.ts'
import { printMinisignPublicKey } from '../../formats/minisign.ts'
import { parseStorePath } from '../../formats/nix/store-path.ts'
import { versionOf } from '../../ledger/stamp.ts'
import { standingOf } from '../../policy/key-standing.ts'
import { silenceOf } from '../../policy/lists/scope.ts'
import type { Key, KeyIdentity, Policy } from '../../policy/policy.ts'
import { toHex } from '../../primitives/hex.ts'
import { printable } from '../../primitives/printable.ts'
import { sha256 } from '../../primitives/sodium.ts'
import type { Contents } from '../contents.ts'
import { detachedSummary, detachedWords, goodResults } from '../detached-words.ts'
import { BadSignatureError, PackagingError } from '../packaging-error.ts'

/**
 * Files that the caller named: a signature and, where it is over one beside it, the list of
 * checksums.
 */
export interface SignatureFiles {
  readonly signature: string
  readonly checksums: string | undefined
}

/** A developer's detached signature that was checked, and good. */
export interface GoodSignature {
  readonly signature: Uint8Array
  readonly checksums?: Uint8Array
  /** The keys that made it, as an attestation names them. */
  readonly inputs: readonly CheckedSignature[]
  /** These keys in words, fit for a terminal. */
  readonly signers: readonly string[]
}

/** Measures contents that must not change until a signature over them has been checked. */
export type Measure = () => Promise<Contents>

/**
 * Checks a signature file over one file and gives both. Throws BadSignatureError unless one of the
 * keys made it and none made another over something else, PackagingError if the contents are not a
 * plain file or changed meanwhile, and FormatError if the signature cannot be read.
 */
export async function checkDeveloperSignature(
  measure: Measure,
  files: SignatureFiles,
  keys: readonly Key[],
): Promise<{ readonly contents: Contents; readonly signature: GoodSignature }> {
  const signature = readNamedFile(files.signature, SIGNED_LIST_LIMIT).bytes
  const given = { signature, ...readList(files.checksums) }
  const before = await measure()
  const stamp = versionOf(before.file)
  assertPlainFile(before)
  const results = await verifyDetached({ file: before.file, keys, fileNames: namesOf(before), ...given })
  const good = goodResults(results)
  if (good.length === 0) {
    throw new BadSignatureError(
      `nothing attested: ${printable(files.signature)} is not good: ${detachedSummary(results)}`,
      results,
    )
  }
  // The signature was checked over these very bytes, and not over what lay there for a moment in
  // between.
  const after = await measure()
  if (after.narHash !== before.narHash || versionOf(before.file) !== stamp) {
    throw new PackagingError('altered', `${printable(before.file)} changed while it was verified`)
  }
  const inputs = checkedInputs(
    good.map(({ key }) => key),
    signature,
  )
  return { contents: before, signature: { ...given, inputs, signers: good.map(detachedWords) } }
}

/** The list of checksums in a file, as verifyDetached takes it. Throws FileError. */
export function readList(file: string | undefined): { readonly checksums?: Uint8Array } {
  return file === undefined ? {} : { checksums: readNamedFile(file, CHECKSUM_LIST_LIMIT).bytes }
}

/** How a list of checksums may call a file: as it is called now, or as it will be in the store. */
function namesOf({ path, file }: Contents): readonly string[] {
  return [...new Set([basename(file), parseStorePath(path).name])]
}

/**
 * The keys of a policy that are in force now, each once, the user's own first; of a policy about
 * one source also those of people whom lists name for it, as far as they may speak as developers.
 */
export function keysInForce(policy: Policy, now: number): readonly Key[] {
  const found = new Map<KeyIdentity, Key>()
  for (const principal of policy.principals.values()) {
    if (silenceOf(policy, principal.name, 'developer', now) !== undefined) continue
    for (const key of principal.keys) {
      const isInForce = standingOf(policy, { principal, key }, now).code === 'valid'
      if (isInForce && !found.has(key.identity)) found.set(key.identity, key)
    }
  }
  return [...found.values()]
}

/** Others' hooks accept a detached signature only over a file whose every bit it covers. */
function assertPlainFile({ path, file }: Contents): void {
  const status = lstatSync(file)
  if (!status.isFile())
    throw new PackagingError('wrong-kind', `${path} is not a file: no detached signature covers it`)
  if (path === file && (status.mode & 0o111) !== 0) {
    throw new PackagingError('wrong-kind', `${path} is executable, which a detached signature does not cover`)
  }
}

/** A developer's signature as an attestation names it: once for each key that made it. */
export function checkedInputs(keys: readonly Key[], signature: Uint8Array): readonly CheckedSignature[] {
  const digest = toHex(sha256(signature))
  return keys.map(key => ({ uri: uriOf(key), sha256: digest }))
}

function uriOf(key: Key): string {
  if (key.kind === 'openpgp') return `openpgp4fpr:${key.fingerprint}`
  if (key.kind !== 'ed25519' || key.form !== 'minisign' || key.keyNumber === undefined) {
    return `nixsig:key:${key.identity}`
  }
  const { keyNumber, publicKey } = key
  return `minisign:${printMinisignPublicKey({ keyNumber, publicKey })}`
}
