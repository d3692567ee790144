import { parseCertificates } from '../../formats/openpgp/certificate.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import type { CertificateFile } from '../digest.ts'
import {
  type Instant,
  ITS_DEVELOPERS,
  type Key,
  type KeyIdentity,
  type Policy,
  type Principal,
  SELF,
} from '../policy.ts'
import { readCertifying } from './certifying.ts'
import {
  ALONE,
  complain,
  entriesOf,
  fieldsOf,
  isTable,
  listOf,
  type Node,
  plainProblem,
  plainStringOf,
  stringOf,
} from './fields.ts'
import { instantOf } from './instant.ts'
import { ownershipOf, parseFingerprint, parseKey, type TextKey } from './keys.ts'
import { checkOwnName } from './listed-names.ts'
import { readNamespaces } from './namespaces.ts'
import { holdsSecretKey, notAKey } from './not-a-key.ts'
import { type KeysOfCertificate, keysOfCertificates } from './openpgp-keys.ts'
import { type Owners, owners } from './owners.ts'
import { readSigstoreIdentity, trustedRootOf } from './sigstore-key.ts'

const PRINCIPAL_LIMIT = 10_000
const KEY_LIMIT = 64
const NAME_LIMIT = 100
const PATH_LIMIT = 1024

/** Reserved names: this machine, and what names nobody in particular. */
const RESERVED: readonly string[] = [SELF, 'nothing', 'refuse', 'approved', ITS_DEVELOPERS]

/** Reads certificate files by their paths in the policy, each once. */
export type CertificateReader = (path: string) => CertificateFile

interface Reading {
  readonly certificate: CertificateReader
  readonly keysOf: KeysOfCertificate
  readonly owners: Owners
}

/** Reads `[principals]`. Records problems, in particular a key that two entries share. */
export function readPrincipals(
  node: Node | undefined,
  certificate: CertificateReader,
  lists: Policy['lists'],
): ReadonlyMap<string, Principal> {
  const principals = new Map<string, Principal>()
  const reading: Reading = { certificate, keysOf: keysOfCertificates(), owners: owners() }
  const entries = (node && entriesOf(node)) ?? []
  if (node !== undefined && entries.length > PRINCIPAL_LIMIT)
    complain(node, `more than ${PRINCIPAL_LIMIT} principals`)
  for (const [name, entry] of entries.slice(0, PRINCIPAL_LIMIT)) {
    checkName(name, entry)
    checkOwnName(name, entry, lists)
    const listed = fieldsOf(entry, ['keys'], [])?.keys
    const keys: Key[] = []
    for (const item of listOf(listed, KEY_LIMIT)) {
      const key = readKey(item, name, reading)
      if (key === undefined) continue
      reading.owners.list(ownershipOf(key), name, item)
      keys.push(key)
    }
    if (Array.isArray(listed?.value) && listed.value.length === 0)
      complain(listed, 'a principal needs at least one key')
    principals.set(name, { name, keys })
  }
  return principals
}

/**
 * Records a problem for a principal's or group's name that is reserved or has characters that do
 * not show.
 */
export function checkName(name: string, node: Node): void {
  const problem = name === '' ? 'a name must not be empty' : plainProblem(name, NAME_LIMIT)
  if (problem !== undefined) complain(node, problem)
  if (RESERVED.includes(name)) complain(node, `the name "${name}" is reserved`)
}

/**
 * The identity of a key that is written as text or, with `openpgp`, as a fingerprint. Anything else
 * is recorded and undefined.
 */
export function identityOf(node: Node, kind: 'key' | 'openpgp'): KeyIdentity | undefined {
  const text = stringOf(node)
  if (text === undefined) return undefined
  if (kind === 'key') return keyOf(node, text)?.identity
  return noting(node, () => `openpgp:${parseFingerprint(text)}`)
}

function readKey(node: Node, principal: string, reading: Reading): Key | undefined {
  if (!isTable(node.value)) return readTextKey(node)
  if ('openpgp' in node.value || 'certificate' in node.value) return readOpenPgp(node, principal, reading)
  if ('sigstore' in node.value || 'trusted-root' in node.value) return readSigstore(node, reading.certificate)
  const powers = ['certifies', 'for-at-most', 'rotates'] as const
  const fields = fieldsOf(node, ['key'], ['valid-from', 'valid-until', 'namespaces', ...powers])
  const key = fields?.key && readTextKey(fields.key)
  const validity = readValidity(node, fields?.['valid-from'], fields?.['valid-until'])
  const namespaces = fields?.namespaces && readNamespaces(fields.namespaces, key)
  const power = fields && readCertifying(fields, { ...key, ...(namespaces && { namespaces }) })
  return key && { ...key, ...validity, ...(namespaces && { namespaces }), ...power }
}

function readTextKey(node: Node): TextKey | undefined {
  const text = stringOf(node)
  return text === undefined ? undefined : keyOf(node, text)
}

/** The key that a text is, or else what it is instead. */
function keyOf(node: Node, text: string): TextKey | undefined {
  try {
    return parseKey(text)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    const other = notAKey(text)
    if (other === undefined) return complain(node, error.message, ALONE)
    return complain(node, other.problem, {
      ...ALONE,
      ...(other.code === 'secret-key' && { secretIn: 'policy' }),
    })
  }
}

function readOpenPgp(node: Node, principal: string, reading: Reading): Key | undefined {
  const fields = fieldsOf(node, ['certificate'], ['openpgp', 'valid-from', 'valid-until'])
  const identity = fields?.openpgp && identityOf(fields.openpgp, 'openpgp')
  const file = fields?.certificate && readFile(fields.certificate, 'certificate', reading.certificate)
  if (fields !== undefined && fields.openpgp === undefined)
    complain(node, `field "openpgp" is missing: the fingerprint of the certificate${foundIn(file)}`)
  const validity = readValidity(node, fields?.['valid-from'], fields?.['valid-until'])
  const where = fields?.certificate ?? node
  if (file !== undefined && holdsSecretKey(file.bytes))
    return complain(where, SECRET_CERTIFICATE, { secretIn: file.path })
  if (identity === undefined || file === undefined) return undefined
  const fingerprint = identity.slice('openpgp:'.length)
  const held = noting(where, () => {
    const keys = reading.keysOf(file, fingerprint)
    return keys ?? complain(where, `has no certificate with the fingerprint ${fingerprint}${foundIn(file)}`)
  })
  for (const key of held ?? []) reading.owners.hold(key, principal, where)
  const holds = [...new Set((held ?? []).map(({ ownership }) => ownership))]
  const certificate = file.path
  return { kind: 'openpgp', identity, label: fingerprint, fingerprint, certificate, holds, ...validity }
}

const SECRET_CERTIFICATE =
  'this is a SECRET key: the file holds a secret key, and must hold public ones alone: "gpg --export" writes them'

/** How many fingerprints are told. */
const TOLD = 4

/** Which certificates a file has: to be compared with what their owners say. */
function foundIn(file: CertificateFile | undefined): string {
  if (file === undefined) return ''
  try {
    const found = [...new Set(parseCertificates(file.bytes).map(({ primary }) => primary.fingerprint))]
    const more = found.length > TOLD ? ` and ${found.length - TOLD} more` : ''
    return `; the file has ${found.slice(0, TOLD).join(', ')}${more}: compare that with what its owner says`
  } catch (error) {
    if (error instanceof FormatError) return ''
    throw error
  }
}

function readSigstore(node: Node, certificate: CertificateReader): Key | undefined {
  const fields = fieldsOf(node, ['sigstore', 'trusted-root'], ['valid-from', 'valid-until'])
  const identity = fields?.sigstore && readSigstoreIdentity(fields.sigstore)
  const root = fields?.['trusted-root']
  const file = root && readFile(root, 'trusted root', certificate)
  const trustedRoot = root && file && trustedRootOf(root, file)
  const validity = readValidity(node, fields?.['valid-from'], fields?.['valid-until'])
  if (identity === undefined || trustedRoot === undefined) return undefined
  return { kind: 'sigstore', ...identity, trustedRoot, ...validity }
}

function readFile(
  node: Node,
  what: 'certificate' | 'trusted root',
  certificate: CertificateReader,
): CertificateFile | undefined {
  const path = plainStringOf(node, PATH_LIMIT)
  if (path === undefined) return undefined
  try {
    return certificate(path)
  } catch (error) {
    return complain(node, `cannot read the ${what}: ${printable((error as Error).message)}`)
  }
}

function readValidity(node: Node, from: Node | undefined, until: Node | undefined) {
  const validFrom = instantOf(from)
  const validUntil = instantOf(until)
  if (validFrom !== undefined && validUntil !== undefined && validFrom >= validUntil) {
    complain(until ?? node, 'valid-until must be later than valid-from')
  }
  const validity: { validFrom?: Instant; validUntil?: Instant } = {}
  if (validFrom !== undefined) validity.validFrom = validFrom
  if (validUntil !== undefined) validity.validUntil = validUntil
  return validity
}

function noting<T>(node: Node, parse: () => T): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    return complain(node, error.message)
  }
}
