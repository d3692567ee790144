/**
 * All kinds of detached signatures, in the order in which their files are looked for. Whoever adds one writes a file
 * here, and its verifier in src/crypto/detached; nix/lib.nix has the same extensions, which
 * test/formats/detached.test.ts holds.
 */
import type { DetachedForm, OwnKeys, SignaturePlaces } from './form.ts'
import { MINISIGN_FORM } from './minisign.ts'
import { OPENPGP_FORM } from './openpgp.ts'
import { SIGNIFY_FORM } from './signify.ts'
import { SIGSTORE_FORM } from './sigstore.ts'
import { SSHSIG_FORM } from './sshsig.ts'

const ALL = [OPENPGP_FORM, MINISIGN_FORM, SIGNIFY_FORM, SSHSIG_FORM, SIGSTORE_FORM] as const

export type SignatureKind = (typeof ALL)[number]['kind']

/** The kinds whose keys have a form of their own. */
export type OwnKeyForm = Extract<(typeof ALL)[number], { readonly keys: OwnKeys }>['kind']

/** An extension of a signature over the file itself, as it is kept beside attestations. */
export type DirectExtension = (typeof ALL)[number]['kept'][number]

export const DETACHED_FORMS: readonly DetachedForm[] = ALL

/** Extensions of developers' signatures over the file itself. */
export const DIRECT_SIGNATURES: readonly DirectExtension[] = ALL.flatMap(
  (form): readonly DirectExtension[] => form.kept,
)

/** Under which extension a signature of a kind is kept. */
export function keptAs(kind: SignatureKind, { isText }: { readonly isText: boolean }): DirectExtension {
  const kept: readonly DirectExtension[] = ALL.find(form => form.kind === kind)?.kept ?? []
  const extension = kept.at(isText ? 0 : -1)
  if (extension === undefined) throw new TypeError(`no extension for ${kind}`)
  return extension
}

/** All that is usual at one of the places, of all kinds. */
export function usual(place: keyof SignaturePlaces): readonly string[] {
  return ALL.flatMap(({ beside }): readonly string[] => beside[place])
}

/** The kinds that have keys of their own, with those. */
export const OWN_KEYS: readonly { readonly kind: OwnKeyForm; readonly keys: OwnKeys }[] = ALL.flatMap(form =>
  'keys' in form ? [{ kind: form.kind, keys: form.keys }] : [],
)

/** What stands before a key in a policy's text, where the file of a public key begins with this line. */
export function prefixOfKeyFile(line: string): string | undefined {
  return OWN_KEYS.find(({ keys }) => keys.begins(line))?.keys.prefix
}
