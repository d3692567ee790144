import { narFingerprint } from '../formats/nix/narinfo.ts'
import { parseNixSignature } from '../formats/nix/nix-key.ts'
import type { Ed25519Key, Policy } from '../policy/policy.ts'
import type { Claim, Evidence, Stray } from '../policy/verdict.ts'
import { FormatError } from '../primitives/format-error.ts'
import { verifyEd25519 } from '../primitives/sodium.ts'

/** Signatures that one path may carry; Nix's own caches give one or two. */
const SIGNATURE_LIMIT = 256

/** What the store or a narinfo says of a path: all that its signatures are over, and where they were read. */
export interface SignedPath {
  readonly path: string
  /** SHA-256 of the NAR, lower-case hex. */
  readonly narHash: string
  readonly narSize: number
  /** Full store paths. */
  readonly references: readonly string[]
  readonly signatures: readonly string[]
}

/**
 * Builders' claims from the Nix signatures on a path. Anybody may have put them there: each counts only once it
 * verifies with a key that the trusted list has in Nix's own form, whose name is a hint and nothing more. Also says which
 * of the signatures these are.
 */
export function storeSignatureEvidence(
  policy: Policy,
  signed: SignedPath,
  origin: string,
): Evidence & Pick<SignedPath, 'signatures'> {
  const claims: Claim[] = []
  const signatures: string[] = []
  const strays: Stray[] = []
  const message = Buffer.from(narFingerprint(signed), 'utf8')
  const references = [...new Set(signed.references)].sort()
  const keys = nixKeys(policy)
  for (const text of likelyFirst(signed.signatures, keys).slice(0, SIGNATURE_LIMIT)) {
    const signature = readSignature(text)
    if (signature === undefined) {
      strays.push({
        problem: 'bad-signature',
        origin,
        detail: `"${text}" has not the form of a Nix signature`,
      })
      continue
    }
    const signer = namedFirst(keys, signature.name).find(key =>
      verifyEd25519(message, signature.signature, key.publicKey),
    )
    if (signer !== undefined) {
      signatures.push(text)
      claims.push({
        key: signer.identity,
        role: 'builder',
        path: signed.path,
        narHash: signed.narHash,
        references,
        trace: 'nix',
        origin,
      })
    } else if (keys.some(key => key.name === signature.name)) {
      strays.push({ problem: 'bad-signature', origin, detail: signature.name })
    } else {
      strays.push({ problem: 'unknown-signer', origin, detail: signature.name })
    }
  }
  if (signed.signatures.length > SIGNATURE_LIMIT) {
    const detail = `only the first ${SIGNATURE_LIMIT} of ${signed.signatures.length} signatures were looked at`
    strays.push({ problem: 'unused', origin, detail })
  }
  return { claims, strays, troubles: [], signatures }
}

/** The name is a hint to the key that it most likely is. */
function namedFirst(keys: readonly Ed25519Key[], name: string): readonly Ed25519Key[] {
  return [...keys.filter(key => key.name === name), ...keys.filter(key => key.name !== name)]
}

/** The signatures that name a listed key come first: anybody may add others, and they must not crowd those out. */
function likelyFirst(signatures: readonly string[], keys: readonly Ed25519Key[]): readonly string[] {
  const names = new Set(keys.map(key => key.name))
  const isLikely = (text: string) => names.has(text.slice(0, text.indexOf(':')))
  const distinct = [...new Set(signatures)]
  return [...distinct.filter(isLikely), ...distinct.filter(text => !isLikely(text))]
}

function nixKeys(policy: Policy): readonly Ed25519Key[] {
  return [...policy.principals.values()]
    .flatMap(principal => principal.keys)
    .filter((key): key is Ed25519Key => key.kind === 'ed25519' && key.form === 'nix')
}

function readSignature(text: string): ReturnType<typeof parseNixSignature> | undefined {
  try {
    return parseNixSignature(text)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}
