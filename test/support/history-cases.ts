/** Keys, certificates and files for histories under the semantics of Guix and sequoia-git. */
import type { Introduction } from '../../src/git/authenticate/semantics.ts'
import {
  binding,
  certificate,
  direct,
  FLAGS,
  flags,
  keyOfSeed,
  lifetimeOfKey,
  type MadeKey,
  subkeyPacket,
  subpacket,
  userId,
} from './openpgp-maker.ts'
import { armour, SIGNED_AT, type SignedHistory } from './signed-history.ts'

export const DAY = 86400
export const MADE_AT = SIGNED_AT - 365 * DAY

/** The same keys in every run. */
export const KEYS = {
  alice: keyOfSeed(MADE_AT, 'history alice'),
  bob: keyOfSeed(MADE_AT, 'history bob'),
  carol: keyOfSeed(MADE_AT, 'history carol'),
  mallory: keyOfSeed(MADE_AT, 'history mallory'),
  subkey: keyOfSeed(MADE_AT, 'history subkey'),
} as const

const MAY_SIGN = flags(FLAGS.certify | FLAGS.sign)

/** The certificate of a key; `more` comes after the key itself: revocations. */
export function certificateOf(key: MadeKey, more: readonly Buffer[] = [], lifetime?: number): Buffer {
  const ends = lifetime === undefined ? [] : [lifetimeOfKey(lifetime)]
  return certificate(key, ...more, userId(key, 'dev', { created: MADE_AT, subpackets: [MAY_SIGN, ...ends] }))
}

/** The same with a subkey that signs; without `back`, the subkey never agreed to belong there. */
export function withSubkey(key: MadeKey, subkey: MadeKey, back = true): Buffer {
  const bound = binding(key, subkey, { created: MADE_AT, subpackets: [flags(FLAGS.sign)] }, back)
  return Buffer.concat([certificateOf(key), subkeyPacket(subkey), bound])
}

/** A revocation of a key by itself; reasons: 1 superseded, 2 compromised, 3 retired. */
export function revocation(key: MadeKey, reason: number, created: number): Buffer {
  return direct(key, { created, subpackets: [subpacket(29, Buffer.of(reason))] }, 0x20)
}

/** A `.guix-authorizations` of these keys. */
export function guixFile(...keys: readonly Pick<MadeKey, 'fingerprint'>[]): string {
  const entries = keys.map(({ fingerprint }) => {
    const spaced = fingerprint.replace(/(.{4})(?!$)/g, '$1 ')
    return `  ;; somebody\n  ("${spaced}"\n   (name "dev"))`
  })
  return `;; Who may sign here.\n(authorizations\n (version 0)\n (\n${entries.join('\n')}\n ))\n`
}

export interface PolicyEntry {
  readonly certificates: readonly Buffer[]
  readonly rights?: readonly string[]
}

export const ALL_RIGHTS = ['sign_commit', 'sign_tag', 'sign_archive', 'add_user', 'retire_user', 'audit']

/** An `openpgp-policy.toml`. */
export function policyFile(
  entries: Readonly<Record<string, PolicyEntry>>,
  goodlist: readonly string[] = [],
): string {
  const tables = Object.entries(entries).map(([name, { certificates, rights = ['sign_commit'] }]) => {
    const lines = rights.map(right => `${right} = true`)
    const keyring = armour('PUBLIC KEY BLOCK', Buffer.concat(certificates))
    return `[authorization.${name}]\n${lines.join('\n')}\nkeyring = """\n${keyring}"""\n`
  })
  return `version = 0\ncommit_goodlist = ${JSON.stringify(goodlist)}\n${tables.join('\n')}`
}

/** What a case is about. */
export interface HistoryCase {
  readonly what: string
  /** Makes the history; the tip is what is asked about. */
  readonly make: (history: SignedHistory) => Made
  /** The code of the refusal, `authentic`, or `error` where nothing can be judged. */
  readonly verdict: string
  /** What the refusal has to say. */
  readonly says?: RegExp
  /** What the field's own tool says where that differs: we are stricter. */
  readonly tool?: 'authentic'
}

export interface Made {
  readonly introduction: string
  readonly tip: string
  /** The commit that is refused. */
  readonly refused?: string
  readonly signer?: MadeKey
  /** Guix: the certificates on the branch with the keys. */
  readonly keyring?: readonly Buffer[]
}

/** Writes a case into a repository: the tip as `main`, the keys as `keyring`. */
export function writeCase(history: SignedHistory, made: Made): void {
  const certificates = made.keyring ?? Object.values(KEYS).map(key => certificateOf(key))
  const files = certificates.map((bytes, index) => [`k${index}.key`, armour('PUBLIC KEY BLOCK', bytes)])
  const keyring = history.commit({ files: Object.fromEntries(files) })
  history.write({ 'refs/heads/main': made.tip, 'refs/heads/keyring': keyring })
}

export function guixIntroduction({ introduction, signer = KEYS.alice }: Made): Introduction {
  return { semantics: 'guix', commit: introduction, signer: signer.fingerprint }
}
