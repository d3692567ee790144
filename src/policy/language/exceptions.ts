import { parseStorePath } from '../../formats/nix/store-path.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import type { Exemption, Key, Policy, Revocation } from '../policy.ts'
import { complain, fieldsOf, lineOf, listOf, type Node, plainStringOf, stringOf } from './fields.ts'
import { instantOf } from './instant.ts'
import { isListedName } from './listed-names.ts'
import { globOf, KINDS, kindsOf } from './match.ts'
import { identityOf } from './principals.ts'
import { readSigstoreIdentity } from './sigstore-key.ts'

const REVOCATION_LIMIT = 10_000
const EXEMPTION_LIMIT = 10_000
const REASON_LIMIT = 500
const AUTHOR_LIMIT = 200

/**
 * Reads `[[revocations]]`. Records a problem for a key or principal that neither the policy nor any
 * list can have: it would revoke nothing.
 */
export function readRevocations(
  node: Node | undefined,
  { principals, lists }: Pick<Policy, 'principals' | 'lists'>,
): readonly Revocation[] {
  const keys = new Set([...principals.values()].flatMap(principal => principal.keys.map(key => key.identity)))
  const mayBeCertified = [...principals.values()].some(one => one.keys.some(maySpeakForOthers))
  const known: Known = {
    isPrincipal: name => principals.has(name) || isListedName(name, lists),
    // Lists may have it, today or after their next update. Where keys certify others, those can be
    // revoked, and none of them is listed.
    isKey: identity => keys.has(identity) || lists.size > 0 || mayBeCertified,
  }
  const revocations: Revocation[] = []
  for (const item of listOf(node, REVOCATION_LIMIT)) {
    const fields = fieldsOf(item, ['date'], ['key', 'openpgp', 'sigstore', 'principal', 'reason'])
    if (fields === undefined) continue
    const target = readTarget(item, fields, known)
    const from = instantOf(fields.date)
    const reason = plainStringOf(fields.reason, REASON_LIMIT)
    if (target === undefined || from === undefined) continue
    revocations.push({ line: lineOf(item), target, from, ...(reason === undefined ? {} : { reason }) })
  }
  return revocations
}

/** Reads `[[exemptions]]`. Records a problem for one without a reason or an end. */
export function readExemptions(node: Node | undefined): readonly Exemption[] {
  const exemptions: Exemption[] = []
  for (const item of listOf(node, EXEMPTION_LIMIT)) {
    const fields = fieldsOf(item, ['reason', 'until'], ['path', 'name', 'kind', 'author'])
    if (fields === undefined) continue
    const match = readMatch(item, fields)
    const reason = plainStringOf(fields.reason, REASON_LIMIT)
    const author = plainStringOf(fields.author, AUTHOR_LIMIT)
    const until = instantOf(fields.until)
    if (match === undefined || reason === undefined || until === undefined) continue
    const by = author === undefined ? {} : { author }
    exemptions.push({ line: lineOf(item), match, reason, ...by, until })
  }
  return exemptions
}

/** What a revocation can name without being in vain. */
interface Known {
  readonly isPrincipal: (name: string) => boolean
  readonly isKey: (identity: string) => boolean
}

type Fields<Name extends string> = Partial<Record<Name, Node>>

function readTarget(
  node: Node,
  { key, openpgp, sigstore, principal }: Fields<'key' | 'openpgp' | 'sigstore' | 'principal'>,
  { isPrincipal, isKey }: Known,
): Revocation['target'] | undefined {
  const given = [key, openpgp, sigstore, principal].filter(field => field !== undefined)
  if (given.length !== 1) return complain(node, 'must have one of key, openpgp, sigstore and principal')
  if (principal !== undefined) {
    const name = stringOf(principal)
    if (name === undefined || isPrincipal(name)) return name === undefined ? undefined : { principal: name }
    return complain(principal, `"${printable(name)}" is not a principal`)
  }
  const field = key ?? openpgp ?? sigstore
  const identity =
    field &&
    (field === sigstore
      ? readSigstoreIdentity(field)?.identity
      : identityOf(field, field === key ? 'key' : 'openpgp'))
  if (field === undefined || identity === undefined) return undefined
  return isKey(identity) ? { key: identity } : complain(field, 'no principal has this key')
}

function readMatch(
  node: Node,
  { path, name, kind }: Fields<'path' | 'name' | 'kind'>,
): Exemption['match'] | undefined {
  if ((path === undefined) === (name === undefined)) return complain(node, 'must have either path or name')
  if (path === undefined) {
    const [glob, kinds] = [globOf(name), kindsOf(kind) ?? KINDS]
    return glob === undefined ? undefined : { name: glob, kinds }
  }
  if (kind !== undefined) complain(kind, 'goes with name, not with path')
  const text = stringOf(path)
  if (text === undefined) return undefined
  try {
    return { path: parseStorePath(text).path }
  } catch (error) {
    if (error instanceof FormatError) return complain(path, error.message)
    throw error
  }
}

function maySpeakForOthers({ certifies, rotates }: Key): boolean {
  return certifies !== undefined || rotates === true
}
