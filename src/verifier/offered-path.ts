/** What an offered path is, as far as that is known without trusting anybody. */
import { developerSignatureFiles } from '../evidence/signature-files.ts'
import type { Offer } from '../evidence/upstreams/upstream.ts'
import type { ContentAddress } from '../formats/nix/content-address.ts'
import { isDerivationPath, type StorePath } from '../formats/nix/store-path.ts'
import { FormatError } from '../primitives/format-error.ts'
import { declaredFor, haveHash } from './declared-contents.ts'
import type { Input } from './derivation-parts.ts'
import { addressByName, type Identified, identify } from './identify.ts'
import type { Inquiry } from './inquiry.ts'
import type { Coming } from './judge-elsewhere.ts'
import { vouchedFor } from './makers.ts'
import type { Word } from './words-of-caches.ts'

/** What is known about an offered path without trusting anybody. */
export interface Offered extends Coming, Pick<Input, 'unlike'> {
  /**
   * Whether what would vouch for it can only be checked over the file itself: a developer's own
   * signature that is named by a derivation or kept here, or the hash that a derivation declares.
   */
  readonly isForItsBytes: boolean
  /**
   * Whether only a cache says that the contents have the hash that their name is made of. Nix
   * compares them when they are here; until then the ledger must not know them, unless the people
   * whom the policy asks for signed these very contents.
   */
  readonly isPromised: boolean
  /** Whether its name is made of the hash of its contents, which is the one that is offered. */
  readonly isProven: boolean
  /** The content address that a cache states, whichever of them. */
  readonly contentAddress?: ContentAddress | undefined
}

/**
 * Identifies a path. Its content address counts whichever cache states it: it was checked against
 * the path's name, and the other caches only left it out. Throws FormatError for a derivation that
 * is not named by its contents.
 */
export async function whatItIs(
  inquiry: Inquiry,
  path: StorePath,
  { word, offers }: { readonly word: Word; readonly offers: readonly Offer[] },
): Promise<Offered> {
  const said = offers
    .filter(({ narinfo }) => narinfo.path === path.path)
    .map(({ narinfo }) => narinfo.contentAddress)
    .find(address => address !== undefined)
  const [{ narinfo }] = word.offers
  const { narHash } = narinfo
  const contentAddress = said ?? addressByName(path, narinfo)
  const nothing = { isForItsBytes: false, isPromised: false, isProven: false }
  if (isDerivationPath(path)) {
    if (said !== undefined) return { path, kind: 'derivation', ...nothing, contentAddress: said }
    const reason = 'it is named as a derivation and not by its contents, as derivations are'
    throw new FormatError('narinfo', reason, path.path)
  }
  const coming = await identify(inquiry, path, { from: 'caches', narHash, contentAddress })
  const bytes = { narHash, fsPath: undefined }
  if (coming.kind === 'fetched-source') {
    const isProven = contentAddress !== undefined && (await haveHash(contentAddress, bytes)) === true
    const isPromised = contentAddress !== undefined && !isProven
    const isForItsBytes = await isSignedByDeveloper(inquiry, coming)
    return { ...coming, isForItsBytes, isPromised, isProven, contentAddress: said }
  }
  const [maker] = coming.unlike === undefined ? [] : coming.makers
  const declared = maker && declaredFor(maker)
  const isOpen = declared !== undefined && (await haveHash(declared, bytes)) === undefined
  return { ...coming, ...nothing, isForItsBytes: isOpen, contentAddress: said }
}

/**
 * Whether a developer's signature is kept here, or is named by a derivation that somebody vouches
 * for.
 */
async function isSignedByDeveloper(inquiry: Inquiry, { path, makers }: Identified): Promise<boolean> {
  const { attestations } = await inquiry.policy()
  if (developerSignatureFiles(attestations, path.path).length > 0) return true
  const vouched = await vouchedFor(inquiry, makers)
  return vouched.some(({ declared = [] }) => declared.some(({ signatures }) => signatures.length > 0))
}
