import { hashingCost } from '../crypto/work.ts'
import { narFingerprint } from '../formats/nix/narinfo.ts'
import { parseNixSignature } from '../formats/nix/nix-key.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import { covers, listedKeys } from '../policy/key-standing.ts'
import type { Ed25519Key, Policy } from '../policy/policy.ts'
import type { Claim, Evidence, Stray } from '../policy/verdict.ts'
import { FormatError } from '../primitives/format-error.ts'
import { verifyEd25519 } from '../primitives/sodium.ts'

/** The most signatures that one path may carry; Nix's own caches give one or two. */
const SIGNATURE_LIMIT = 256

/**
 * Units of work (see crypto/work.ts) that may be spent on them: a fifth of a second, without a
 * pause. Each verification hashes all references, and a stranger can name as many as a narinfo has
 * room for.
 */
const WORK_LIMIT = 4000

/**
 * What the store or a narinfo says about a path: everything that its signatures cover, and where it
 * was read.
 */
export interface SignedPath {
  readonly path: string
  /** SHA-256 of the NAR, lower-case hex. */
  readonly narHash: string
  readonly narSize: number
  /** Full store paths. */
  readonly references: readonly string[]
  readonly signatures: readonly string[]
  /** How many more there were that could not be kept. */
  readonly crowdedOut?: number
}

/**
 * Builders' claims from the Nix signatures on a path. Anyone may have put them there: each counts
 * only if it verifies with a key that the trusted list has in Nix's own form. The name in a
 * signature is only a hint. Also returns which of the signatures these are.
 */
export function storeSignatureEvidence(
  policy: Policy,
  signed: SignedPath,
  origin: string,
): Evidence & Pick<SignedPath, 'signatures'> {
  const message = Buffer.from(narFingerprint(signed), 'utf8')
  const keys = nixKeys(policy).filter(key => mayHaveBuilt(key, signed.path))
  const texts = likelyFirst(signed.signatures, keys).slice(0, SIGNATURE_LIMIT)
  const parsed = texts.map(text => ({ text, signature: readSignature(text) }))
  const signers = signersOf(message, parsed, keys)

  const references = [...new Set(signed.references)].sort()
  const claims: Claim[] = []
  const signatures: string[] = []
  const strays: Stray[] = []
  for (const { text, signature } of parsed) {
    const signer = signers.found.get(text)
    if (signature === undefined) {
      const detail = `"${text}" is not in the form of a Nix signature`
      strays.push({ problem: 'bad-signature', origin, detail })
    } else if (signer !== undefined) {
      const { path, narHash } = signed
      signatures.push(text)
      claims.push({ key: signer.identity, role: 'builder', path, narHash, references, trace: 'nix', origin })
    } else if (keys.some(key => key.name === signature.name)) {
      strays.push({ problem: 'bad-signature', origin, detail: signature.name })
    } else {
      strays.push({ problem: 'unknown-signer', origin, detail: signature.name })
    }
  }
  const count = signed.signatures.length + (signed.crowdedOut ?? 0)
  if (count > SIGNATURE_LIMIT) {
    const detail = `only ${SIGNATURE_LIMIT} of ${count} signatures were looked at, those with the names of listed keys first`
    strays.push({ problem: 'unused', origin, detail })
  }
  if (signers.isCut) {
    const detail = 'not every signature was tried with every key: it would take too long'
    strays.push({ problem: 'unused', origin, detail })
  }
  return { claims, strays, troubles: [], signatures }
}

interface ReadSignature {
  readonly text: string
  readonly signature: ReturnType<typeof parseNixSignature> | undefined
}

/**
 * The keys that made these signatures. The name hints at the most likely key: every signature is
 * tried with the keys of its name before any is tried with the others, while the work lasts.
 */
function signersOf(message: Uint8Array, parsed: readonly ReadSignature[], keys: readonly Ed25519Key[]) {
  const found = new Map<string, Ed25519Key>()
  let left = Math.floor(WORK_LIMIT / (1 + hashingCost(message.byteLength)))
  let isCut = false
  for (const isNamed of [true, false]) {
    for (const { text, signature } of parsed) {
      if (signature === undefined || found.has(text)) continue
      const likely = keys.filter(key => (key.name === signature.name) === isNamed)
      const tried = likely.slice(0, left)
      if (tried.length < likely.length) isCut = true
      const signer = tried.find(key => {
        left--
        return verifyEd25519(message, signature.signature, key.publicKey)
      })
      if (signer !== undefined) found.set(text, signer)
    }
  }
  return { found, isCut }
}

/**
 * Signatures that name a listed key come first: anyone may add others, which must not crowd these
 * out.
 */
function likelyFirst(signatures: readonly string[], keys: readonly Ed25519Key[]): readonly string[] {
  const names = new Set(keys.map(key => key.name))
  const isLikely = (text: string) => names.has(text.slice(0, text.indexOf(':')))
  const distinct = [...new Set(signatures)]
  return [...distinct.filter(isLikely), ...distinct.filter(text => !isLikely(text))]
}

/** A signature and a listed key of the name that it has, which may have made it. */
export interface NamedSignature {
  readonly signature: Uint8Array
  readonly publicKey: Uint8Array
}

/** Those of these signatures that name a listed key, once for each key of that name. */
export function signaturesByName(policy: Policy, texts: readonly string[]): readonly NamedSignature[] {
  const keys = nixKeys(policy)
  return [...new Set(texts)].flatMap(text => {
    const parsed = readSignature(text)
    if (parsed === undefined) return []
    const { name, signature } = parsed
    return keys.filter(key => key.name === name).map(({ publicKey }) => ({ signature, publicKey }))
  })
}

/** The names under which a policy lists keys in Nix's own form. */
export function namesOfNixKeys(policy: Policy): ReadonlySet<string> {
  return new Set(nixKeys(policy).flatMap(key => key.name ?? []))
}

/** The keys that a policy lists in Nix's own form. */
export function nixKeys(policy: Policy): readonly Ed25519Key[] {
  return listedKeys(policy).filter((key): key is Ed25519Key => key.kind === 'ed25519' && key.form === 'nix')
}

/**
 * Whether a certified key is one for what this path is called, and for builders; a listed one is.
 */
function mayHaveBuilt({ grants }: Ed25519Key, path: string): boolean {
  if (grants === undefined) return true
  const { name } = parseStorePath(path)
  return grants.some(granted => covers(granted, { role: 'builder', name }))
}

/** Undefined if a text is not in the form of a Nix signature. */
export function readSignature(text: string): ReturnType<typeof parseNixSignature> | undefined {
  try {
    return parseNixSignature(text)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}
