/**
 * All kinds of detached signatures, in the order in which their files are looked for. A new kind
 * needs a file here and its verifier in src/crypto/detached. nix/lib.nix repeats the extensions,
 * which test/formats/detached.test.ts compares.
 */
import type { DetachedForm, OwnKeys, SignaturePlaces } from './form.ts'
import { MINISIGN_FORM } from './minisign.ts'
import { OPENPGP_FORM } from './openpgp.ts'
import { SIGNIFY_FORM } from './signify.ts'
import { SIGSTORE_FORM } from './sigstore.ts'
import { SSHSIG_FORM } from './sshsig.ts'

const ALL = [OPENPGP_FORM, MINISIGN_FORM, SIGNIFY_FORM, SSHSIG_FORM, SIGSTORE_FORM] as const

/** The name of a kind of detached signature. */
export type SignatureKind = (typeof ALL)[number]['kind']

/** The kinds whose keys have a form of their own. */
export type OwnKeyForm = Extract<(typeof ALL)[number], { readonly keys: OwnKeys }>['kind']

/** The extension under which a signature over the file itself is stored next to attestations. */
export type DirectExtension = (typeof ALL)[number]['kept'][number]

/** The conventions of all kinds, in the order in which their files are looked for. */
export const DETACHED_FORMS: readonly DetachedForm[] = ALL

/** The extensions of developers' signatures over the file itself. */
export const DIRECT_SIGNATURES: readonly DirectExtension[] = ALL.flatMap(
  (form): readonly DirectExtension[] => form.kept,
)

/** The extension under which a signature of this kind is stored. */
export function keptAs(kind: SignatureKind, { isText }: { readonly isText: boolean }): DirectExtension {
  const kept: readonly DirectExtension[] = ALL.find(form => form.kind === kind)?.kept ?? []
  const extension = kept.at(isText ? 0 : -1)
  if (extension === undefined) throw new TypeError(`no extension for ${kind}`)
  return extension
}

/** The usual extensions or names at one of the places, of all kinds. */
export function usual(place: keyof SignaturePlaces): readonly string[] {
  return ALL.flatMap(({ beside }): readonly string[] => beside[place])
}

/** The kinds that have a key form of their own, with that form. */
export const OWN_KEYS: readonly { readonly kind: OwnKeyForm; readonly keys: OwnKeys }[] = ALL.flatMap(form =>
  'keys' in form ? [{ kind: form.kind, keys: form.keys }] : [],
)

/**
 * The prefix that a key has in a policy, if its public key file begins with this line; undefined
 * for keys without a prefix.
 */
export function prefixOfKeyFile(line: string): string | undefined {
  return OWN_KEYS.find(({ keys }) => keys.begins(line))?.keys.prefix
}
