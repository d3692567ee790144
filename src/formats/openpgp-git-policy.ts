/**
 * `openpgp-policy.toml`, version 0: who may do what in a repository (sequoia-git,
 * draft-nhw-openpgp-supply-chain-security-vcs-00, section "Policy"). Stricter than the draft: keys
 * that it does not know are errors here, because they could take a right away.
 */
import { parse, TomlError } from 'smol-toml'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import { OBJECT_ID } from './git-object-id.ts'
import { decodeUtf8 } from './json/strict.ts'

/** The name of the file at the top of a commit's tree. */
export const OPENPGP_POLICY = 'openpgp-policy.toml'

const SIZE_LIMIT = 4 * 1024 * 1024
const GOODLIST_LIMIT = 100_000
const ENTRY_LIMIT = 10_000

/** What an entry may do, as the file writes it. */
export const RIGHTS = ['sign_commit', 'sign_tag', 'sign_archive', 'add_user', 'retire_user', 'audit'] as const

export type Right = (typeof RIGHTS)[number]

/** One `[authorization.NAME]`. */
export interface GitAuthorization {
  readonly name: string
  readonly rights: ReadonlySet<Right>
  /** Armoured certificates. */
  readonly keyring: string
}

export interface OpenPgpGitPolicy {
  readonly authorizations: ReadonlyMap<string, GitAuthorization>
  /** Ids of commits, in lower-case hex. */
  readonly goodlist: ReadonlySet<string>
}

/** The policy of a commit without the file: it authorizes nobody. */
export const VOID_POLICY: OpenPgpGitPolicy = { authorizations: new Map(), goodlist: new Set() }

/** Parses a file of at most 4 MiB. Its keyrings are not read. Throws FormatError. */
export function parseOpenPgpGitPolicy(bytes: Uint8Array): OpenPgpGitPolicy {
  if (bytes.length > SIZE_LIMIT) throw malformed(`larger than ${SIZE_LIMIT} bytes`, 'the whole file')
  const file = fieldsOf(readToml(decodeUtf8(bytes, OPENPGP_POLICY)), 'the whole file')
  assertKnown(file, ['version', 'commit_goodlist', 'authorization'], 'the whole file')
  const version = file.get('version') ?? 0n
  if (version !== 0n) throw malformed('only version 0 is read', 'version')
  const entries = file.get('authorization')
  const named = entries === undefined ? [] : [...fieldsOf(entries, 'authorization')]
  if (named.length > ENTRY_LIMIT) throw malformed(`more than ${ENTRY_LIMIT} entries`, 'authorization')
  return {
    authorizations: new Map(named.map(([name, entry]) => [name, authorizationOf(name, entry)])),
    goodlist: new Set(goodlistOf(file.get('commit_goodlist') ?? [])),
  }
}

function readToml(text: string): unknown {
  try {
    return parse(text, { integersAsBigInt: true, maxDepth: 8 })
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const [problem = ''] = error.message.split('\n', 1)
    throw malformed(`not TOML: ${printable(problem)}`, `line ${error.line}`)
  }
}

function authorizationOf(name: string, entry: unknown): GitAuthorization {
  const where = `authorization.${printable(name, 80)}`
  const fields = fieldsOf(entry, where)
  assertKnown(fields, [...RIGHTS, 'keyring'], where)
  const keyring = fields.get('keyring')
  if (typeof keyring !== 'string') throw malformed('keyring is not a text', where)
  const rights = RIGHTS.filter(right => {
    const value = fields.get(right) ?? false
    if (typeof value !== 'boolean') throw malformed(`${right} is neither true nor false`, where)
    return value
  })
  return { name, rights: new Set(rights), keyring }
}

function goodlistOf(list: unknown): readonly string[] {
  if (!Array.isArray(list) || list.length > GOODLIST_LIMIT) {
    throw malformed(`not a list of at most ${GOODLIST_LIMIT} commits`, 'commit_goodlist')
  }
  return list.map((id, index) => {
    if (typeof id === 'string' && OBJECT_ID.test(id)) return id
    throw malformed('not the whole id of a commit', `commit_goodlist[${index}]`)
  })
}

function fieldsOf(value: unknown, where: string): ReadonlyMap<string, unknown> {
  const isTable = typeof value === 'object' && value !== null && !Array.isArray(value)
  if (isTable && !(value instanceof Date)) return new Map(Object.entries(value))
  throw malformed('not a table', where)
}

function assertKnown(fields: ReadonlyMap<string, unknown>, known: readonly string[], where: string): void {
  const unknown = [...fields.keys()].find(name => !known.includes(name))
  if (unknown !== undefined) throw malformed(`an unknown key ${printable(unknown, 80)}`, where)
}

function malformed(problem: string, where: string): FormatError {
  return new FormatError(OPENPGP_POLICY, problem, where)
}
