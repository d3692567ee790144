import { parseStorePath } from '../../formats/nix/store-path.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import type { Exemption, Key, Policy, Revocation } from '../policy.ts'
import { complain, fieldsOf, lineOf, listOf, type Node, plainStringOf, stringOf } from './fields.ts'
import { instantOf } from './instant.ts'
import { globOf, KINDS, kindsOf } from './match.ts'
import { identityOf } from './principals.ts'
import { readSigstoreIdentity } from './sigstore-key.ts'

const REVOCATION_LIMIT = 10_000
const EXEMPTION_LIMIT = 10_000
const REASON_LIMIT = 500
const AUTHOR_LIMIT = 200

/**
 * Reads `[[revocations]]`. Records a problem for a key or principal that is not in the policy: it
 * would revoke nothing.
 */
export function readRevocations(
  node: Node | undefined,
  principals: Policy['principals'],
): readonly Revocation[] {
  const keys = new Set([...principals.values()].flatMap(principal => principal.keys.map(key => key.identity)))
  const revocations: Revocation[] = []
  for (const item of listOf(node, REVOCATION_LIMIT)) {
    const fields = fieldsOf(item, ['date'], ['key', 'openpgp', 'sigstore', 'principal', 'reason'])
    if (fields === undefined) continue
    const target = readTarget(item, fields, principals, keys)
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

type Fields<Name extends string> = Partial<Record<Name, Node>>

function readTarget(
  node: Node,
  { key, openpgp, sigstore, principal }: Fields<'key' | 'openpgp' | 'sigstore' | 'principal'>,
  principals: Policy['principals'],
  keys: ReadonlySet<string>,
): Revocation['target'] | undefined {
  const given = [key, openpgp, sigstore, principal].filter(field => field !== undefined)
  if (given.length !== 1) return complain(node, 'must have one of key, openpgp, sigstore and principal')
  if (principal !== undefined) {
    const name = stringOf(principal)
    if (name === undefined || principals.has(name))
      return name === undefined ? undefined : { principal: name }
    return complain(principal, `"${printable(name)}" is not a principal`)
  }
  const field = key ?? openpgp ?? sigstore
  const identity =
    field &&
    (field === sigstore
      ? readSigstoreIdentity(field)?.identity
      : identityOf(field, field === key ? 'key' : 'openpgp'))
  if (field === undefined || identity === undefined) return undefined
  // Where keys certify others, those can be revoked, and none of them is listed.
  const mayBeCertified = [...principals.values()].some(({ keys }) => keys.some(maySpeakForOthers))
  if (keys.has(identity) || mayBeCertified) return { key: identity }
  return complain(field, 'no principal has this key')
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
