import {
  BUILD_DIRECTORY_CLOSED,
  FIXED_OUTPUTS_COPIED,
  isMended,
  parseNixVersion,
} from '../formats/nix/nix-version.ts'
import { toNix32 } from '../formats/nix/nix32.ts'
import { STORE_DIR } from '../formats/nix/store-path.ts'
import { readAdmission } from '../ledger/admissions.ts'
import { isSameInode, stampOf, tellsOfChanges } from '../ledger/stamp.ts'
import type { Refusal } from '../policy/verdict.ts'
import { randomBytes } from '../primitives/sodium.ts'
import type { PathInfo } from '../store/store-client.ts'
import type { Input } from './derivation-parts.ts'
import type { Inquiry } from './inquiry.ts'
import { LeftToTheHook } from './left-to-the-hook.ts'
import { assertSameMaking } from './same-making.ts'

/** Of the hash part of a store path. */
const DIGEST_BYTES = 20

/** A valid path has the contents that are registered: with this stamp, if it is there. Or it has others. */
export type Settled = { readonly stamp: string | undefined } | { readonly refusal: Refusal }

/**
 * Finds out, before a path is admitted, whether the bytes on the disk are those that the store registered, wherever that
 * is in doubt. Where the stamp in the ledger is another, they are hashed. Where the builder of a path that was made here
 * may still have a descriptor of it, they are copied to fresh inodes as well. Throws FileError, also where the path is not of
 * this making any longer, and LeftToTheHook where this process may not write to the store.
 */
export async function settleContents(
  inquiry: Inquiry,
  { path, kind }: Pick<Input, 'path' | 'kind'>,
  info: PathInfo,
): Promise<Settled> {
  const settled = await settle(inquiry, { path, kind }, info)
  // Asked after all was read: an entry of the ledger must not tie what was judged to what was made since.
  await assertSameMaking(inquiry, info)
  return settled
}

async function settle(
  inquiry: Inquiry,
  { path, kind }: Pick<Input, 'path' | 'kind'>,
  { narHash: registered, ultimate }: PathInfo,
): Promise<Settled> {
  const entry = readAdmission(inquiry.places.state, path.digest, path.path)
  const stamp = stampOf(path.path)
  if (stamp === undefined || (entry?.stamp === stamp && entry.narHash === registered)) return { stamp }
  const known = entry?.stamp !== undefined && tellsOfChanges(entry.stamp) ? entry.stamp : undefined
  // What has such a stamp has had fresh inodes since before it, if it needed any.
  const isRenewed = known !== undefined && isSameInode(known, stamp)
  if (inquiry.records && ultimate && !isRenewed && (await mayBeHeld(inquiry, kind))) {
    if (!inquiry.takesOut) throw new LeftToTheHook()
    const { renewInodes } = await import('../store/fresh-inodes.ts')
    const altered = await renewInodes(path.path, registered, await placeAside(inquiry))
    if (altered !== undefined) return { refusal: alteredRefusal({ path, kind }, altered) }
    return { stamp: stampOf(path.path) }
  }
  if (known === undefined) return { stamp }
  const { narHashOfTree } = await import('../store/tree-nar.ts')
  const { narHash: found } = await narHashOfTree(path.path)
  return found === registered ? { stamp } : { refusal: alteredRefusal({ path, kind }, { registered, found }) }
}

/** The refusal of a path whose contents are not those that the store registered: NAR hashes, hex. */
export function alteredRefusal(
  { path, kind }: { readonly path: { readonly path: string }; readonly kind: Refusal['kind'] },
  { registered, found }: { readonly registered: string; readonly found: string },
): Refusal {
  const finding = { code: 'altered', registered, found, path: path.path } as const
  return { outcome: 'untrusted', path: path.path, kind, ground: { kind: 'store' }, findings: [finding] }
}

/** Where nothing is, in the store, and where no collection of garbage takes what is put there. */
async function placeAside(inquiry: Inquiry): Promise<string> {
  const aside = `${STORE_DIR}/${toNix32(randomBytes(DIGEST_BYTES))}-nixsig`
  await (await inquiry.store()).addTempRoot(aside)
  return aside
}

/** Whether the Nix that makes outputs here lets their builders keep a descriptor: a version that is unknown does. */
async function mayBeHeld(inquiry: Inquiry, kind: Input['kind']): Promise<boolean> {
  const version = parseNixVersion(await (await inquiry.store()).version())
  return !isMended(version, kind === 'output' ? BUILD_DIRECTORY_CLOSED : FIXED_OUTPUTS_COPIED)
}
