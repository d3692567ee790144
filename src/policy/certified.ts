/**
 * Applies certificates of keys to a policy: docs/semantics.md, K1 to K10. A certificate is evidence.
 * It adds a key to the principal whose listed key certified it, within what the policy lets that
 * key say; a rotation can also end the key that it replaces. Signatures are verified by the caller.
 */
import { type Findings, withCertifiedKeys } from './certified-keys.ts'
import { earliest, standingOf } from './key-standing.ts'
import type {
  CertifyingPower,
  Ed25519Key,
  Grant,
  Instant,
  Key,
  KeyIdentity,
  Policy,
  Principal,
  Role,
} from './policy.ts'

/** How many keys may follow each other after a listed one. */
const SUCCESSION_LIMIT = 8

/** A certificate whose signature by `issuer` was verified. */
export interface KeyCertificate {
  readonly issuer: KeyIdentity
  readonly key: Ed25519Key
  readonly from: Instant
  readonly until: Instant
  /** For messages: where it was found. */
  readonly origin: string
  readonly says:
    | { readonly purpose: 'delegate'; readonly roles: readonly Role[]; readonly names: readonly string[] }
    | { readonly purpose: 'successor'; readonly oldEnds?: Instant }
}

/** A key that may certify others: a listed one, or one in its line of successors. */
interface Issuer {
  readonly principal: string
  /** The listed key at the beginning of the line. */
  readonly root: Ed25519Key
  /** The keys from the listed one to this one. */
  readonly line: readonly KeyIdentity[]
  /** Within what it counts; of a listed key, as the policy says. */
  readonly from: Instant
  readonly until: Instant
}

interface Application extends Findings {
  readonly policy: Policy
  readonly now: Instant
  readonly listed: ReadonlySet<KeyIdentity>
  readonly issuers: Map<KeyIdentity, Issuer>
  readonly accepted: KeyCertificate[]
}

/** Keys of the policy by which certificates may count: Ed25519 keys that certify or rotate. */
export function certifyingKeys({ principals }: Pick<Policy, 'principals'>): readonly Ed25519Key[] {
  return [...principals.values()].flatMap(({ keys }) => keys.filter(isCertifying))
}

/**
 * A policy in which certified keys are keys of the principals whose listed keys certified them, and
 * the certificates that count. Never throws. Neither order nor duplicates matter. A key that is
 * revoked at `now`, or whose certificates are over, takes nothing from another.
 */
export function applyCertificates(
  policy: Policy,
  certificates: readonly KeyCertificate[],
  now: Instant,
): { readonly policy: Policy; readonly accepted: readonly KeyCertificate[] } {
  if (certificates.length === 0) return { policy, accepted: [] }
  const listed = new Set([...policy.principals.values()].flatMap(({ keys }) => keys.map(key => key.identity)))
  const state: Application = {
    policy,
    now,
    listed,
    issuers: new Map(),
    found: new Map(),
    ends: new Map(),
    accepted: [],
    refused: [],
  }
  const roots = [...policy.principals.values()].flatMap(principal =>
    principal.keys.filter(isCertifying).map(root => ({ principal, root })),
  )
  // Those that stand come first: what they say is not taken from them by others.
  const stands = ({ principal, root }: (typeof roots)[number]) =>
    standingOf(policy, { principal, key: root }, now).code === 'valid'
  for (const { principal, root } of [...roots.filter(stands), ...roots.filter(one => !stands(one))])
    followLine(state, principal, root, certificates)
  for (const certificate of certificates) {
    if (certificate.says.purpose === 'delegate') delegate(state, certificate, certificate.says)
  }
  return { policy: withCertifiedKeys(policy, state), accepted: state.accepted }
}

/** Finds the successors of a listed key, one after the other. */
function followLine(
  state: Application,
  principal: Principal,
  root: Ed25519Key,
  certificates: readonly KeyCertificate[],
): void {
  const { validFrom: from = 0, validUntil: until = Number.MAX_SAFE_INTEGER } = root
  let issuer: Issuer = { principal: principal.name, root, line: [root.identity], from, until }
  for (let last: KeyIdentity = root.identity; ; ) {
    state.issuers.set(last, issuer)
    const next = certificates.filter(one => one.issuer === last && one.says.purpose === 'successor')
    const named = next.filter(one => {
      const problem = whyNoSuccessor(state, issuer, one)
      if (problem !== undefined) refuse(state, one, problem)
      return problem === undefined
    })
    const [first] = named
    // A key says itself when it ends, whoever follows.
    const ends = earliest(next.map(({ says }) => (says.purpose === 'successor' ? says.oldEnds : undefined)))
    if (ends !== undefined && root.rotates === true) state.ends.set(last, ends)
    if (first === undefined) return
    if (named.some(({ key }) => key.identity !== first.key.identity)) {
      for (const one of named) refuse(state, one, 'the key that signed it names two successors')
      return
    }
    const line = [...issuer.line, first.key.identity]
    const windows = named.flatMap(one => grant(state, issuer, one, { names: [] }) ?? [])
    if (windows.length === 0) return
    issuer = {
      ...issuer,
      line,
      from: Math.min(...windows.map(window => window.from)),
      until: Math.max(...windows.map(window => window.until)),
    }
    last = first.key.identity
  }
}

function whyNoSuccessor(state: Application, issuer: Issuer, one: KeyCertificate): string | undefined {
  if (issuer.root.rotates !== true) return 'the policy does not let the key that signed it name a successor'
  if (issuer.line.length > SUCCESSION_LIMIT) return `more than ${SUCCESSION_LIMIT} successors in a line`
  const other = state.issuers.get(one.key.identity)
  if (other === undefined || !isStanding(state, other)) {
    const isCircle = issuer.line.includes(one.key.identity)
    return isCircle ? 'it names a key before it as its successor' : whyUnfit(state, issuer, one)
  }
  // The successor of two principals is nobody's.
  if (other.principal !== issuer.principal && standsNow(state, issuer, one.until))
    state.found.get(one.key.identity)?.standing.add(issuer.principal)
  return 'it certifies a key that certifies others itself'
}

function delegate(
  state: Application,
  one: KeyCertificate,
  says: Extract<KeyCertificate['says'], { purpose: 'delegate' }>,
): void {
  const issuer = state.issuers.get(one.issuer)
  const other = state.issuers.get(one.key.identity)
  const isTaken = other !== undefined && (isStanding(state, other) || other.principal === issuer?.principal)
  const problem =
    issuer === undefined
      ? 'a key signed it that is neither listed with "certifies" nor the successor of one that is'
      : (whyBeyond(issuer.root.certifies, one, says.roles) ?? whyUnfit(state, issuer, one))
  if (problem !== undefined) refuse(state, one, problem)
  else if (isTaken) refuse(state, one, 'it certifies a key that certifies others itself')
  else if (issuer !== undefined) grant(state, issuer, one, { roles: says.roles, names: says.names })
}

function whyBeyond(
  power: CertifyingPower | undefined,
  { from, until }: KeyCertificate,
  roles: readonly Role[],
): string | undefined {
  if (power === undefined) return 'the policy does not let the key that signed it certify others'
  const beyond = roles.find(role => !power.roles.includes(role))
  if (beyond !== undefined) return `the policy does not let the key that signed it certify a ${beyond}`
  return until - from > power.forAtMost
    ? `it lasts longer than the ${power.forAtMost / 86_400} days that the policy allows`
    : undefined
}

function whyUnfit({ listed }: Application, { root }: Issuer, { key }: KeyCertificate): string | undefined {
  if (listed.has(key.identity)) return 'the policy lists the key that it certifies'
  return key.form === root.form && key.application === undefined
    ? undefined
    : `it certifies a key in the form of ${key.form}, and the listed key is in that of ${root.form}`
}

/** Adds what a certificate grants, within the dates of its issuer. Undefined if nothing is left. */
function grant(
  state: Application,
  issuer: Issuer,
  one: KeyCertificate,
  scope: Pick<Grant, 'roles' | 'names'>,
): Grant | undefined {
  // A successor outlives the key that it replaces, but never what the policy says of the listed one.
  const isSuccessor = one.says.purpose === 'successor'
  const ends = isSuccessor ? undefined : state.ends.get(one.issuer)
  const { validFrom = 0, validUntil = Number.MAX_SAFE_INTEGER } = isSuccessor ? issuer.root : {}
  const from = Math.max(one.from, isSuccessor ? validFrom : issuer.from)
  const until = Math.min(one.until, isSuccessor ? validUntil : issuer.until, ends ?? one.until)
  if (until <= from) {
    refuse(state, one, 'its dates are outside of those of the key that signed it')
    return undefined
  }
  const entry = state.found.get(one.key.identity) ?? { key: one.key, standing: new Set(), grants: [] }
  state.found.set(one.key.identity, entry)
  const { principal } = issuer
  const stands = standsNow(state, issuer, until)
  if (stands) entry.standing.add(principal)
  const granted: Grant = { ...scope, from, until, by: issuer.line }
  entry.grants.push({ principal, stands, grant: granted })
  state.accepted.push(one)
  return granted
}

/** Whether what this key certifies until then counts now, or may count later. */
function standsNow({ policy, now }: Application, { principal, root, line }: Issuer, until: Instant): boolean {
  const holder = policy.principals.get(principal)
  if (holder === undefined || until <= now) return false
  const key = { ...root, validFrom: 0, validUntil: Number.MAX_SAFE_INTEGER, certifiedBy: line }
  return standingOf(policy, { principal: holder, key }, now).code !== 'revoked'
}

/** Whether a key in a line may certify others now, or later. */
function isStanding(state: Application, issuer: Issuer): boolean {
  return standsNow(state, issuer, issuer.until)
}

function refuse({ refused }: Application, { origin, key }: KeyCertificate, why: string): void {
  refused.push({ origin, detail: `the certificate of ${key.label}: ${why}` })
}

function isCertifying(key: Key): key is Ed25519Key {
  return key.kind === 'ed25519' && (key.certifies !== undefined || key.rotates === true)
}
