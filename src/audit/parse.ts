/**
 * Reads what `nixsig audit --json` prints, here or on another machine, whoever wrote the file: of a
 * bounded size, with every place in a list in range. It says nothing of whether the audit is true.
 */
import { OBJECT_ID } from '../formats/git-object-id.ts'
import {
  flag,
  formed,
  integer,
  list,
  oneOf,
  orNull,
  type Read,
  readDocument,
  record,
  sha256Hex,
  text,
  unfit,
} from '../formats/json/reader.ts'
import { decodeUtf8, type JsonValue, parseStrictJson } from '../formats/json/strict.ts'
import { isStorePath } from '../formats/nix/store-path.ts'
import type { ExitCode } from '../policy/exit-code.ts'
import type { Instant, Role, StorePathKind, SubjectKind } from '../policy/policy.ts'
import type { GroundKind } from '../policy/verdict.ts'
import { FormatError } from '../primitives/format-error.ts'
import { GROUP_CODES, type GroupCode } from '../status/groups.ts'
import type {
  Audit,
  AuditedClaim,
  AuditedExemption,
  AuditedExpression,
  AuditedKey,
  AuditedPath,
  AuditedPrincipal,
  AuditGroup,
  DiskFindings,
  Ending,
  Share,
} from './audit.ts'
import { AUDIT_FORMAT } from './json.ts'

/** The most that is read of one audit. */
export const AUDIT_LIMITS = {
  /** Bytes of the file. */
  bytes: 64 * 1024 * 1024,
  paths: 200_000,
  /** Keys, principals, expressions, groups, exemptions and ends, of each. */
  others: 20_000,
  /** Values of JSON. */
  values: 20_000_000,
  /** Objects and lists of JSON: some for each path. */
  containers: 2_000_000,
} as const

const FORMAT = 'audit'

/** Objects and lists in each other; what later versions may add included. */
const DEPTH = 16

/** Nothing that nixsig prints is as long. */
const words = text(65_536)
/** To the end of the year 9999, which every calendar knows. */
const instant: Read<Instant> = integer(0, 253_402_300_799)
const count = integer(0, 2 ** 53 - 1)
const places = list(count, AUDIT_LIMITS.paths)
const identity = formed(/^[a-z0-9-]{1,40}:[0-9A-Fa-f]{2,1000}$/, "a key's identity")
const objectId = formed(OBJECT_ID, "git's id of a commit")

const role: Read<Role> = oneOf(
  keysOf<Role>({ developer: 0, packager: 0, reviewer: 0, builder: 0, committer: 0, approver: 0 }),
)
const STORE_PATH_KINDS = keysOf<StorePathKind>({
  'fetched-source': 0,
  'local-source': 0,
  derivation: 0,
  output: 0,
})
const subjectKind: Read<SubjectKind> = oneOf([...STORE_PATH_KINDS, 'expression'])
const ground: Read<GroundKind> = oneOf(
  keysOf<GroundKind>({
    rule: 0,
    inputs: 0,
    making: 0,
    references: 0,
    derivation: 0,
    caches: 0,
    store: 0,
    policy: 0,
    evidence: 0,
    time: 0,
    log: 0,
    fault: 0,
  }),
)
const status: Read<ExitCode> = oneOf([0, 10, 11, 12, 13, 14, 20])
const groupCode: Read<GroupCode> = oneOf(GROUP_CODES)

const claim: Read<AuditedClaim> = record<AuditedClaim>({
  key: count,
  role,
  graph: orNull(words),
  origin: words,
})
const claims = list(claim, AUDIT_LIMITS.others)

const path: Read<AuditedPath> = record<AuditedPath>({
  path: storePath,
  kind: oneOf(STORE_PATH_KINDS),
  part: oneOf(['closure', 'making']),
  narHash: orNull(sha256Hex),
  narSize: count,
  references: places,
  derivation: orNull(count),
  inputs: places,
  outcome: oneOf(['trusted', 'untrusted', 'indeterminate']),
  status,
  ground,
  rule: orNull(words),
  basis: orNull(oneOf(['claims', 'exemption', 'no-requirement'])),
  exemption: orNull(count),
  group: orNull(count),
  because: orNull(words),
  message: orNull(words),
  claims,
  builtHere: flag,
  until: orNull(instant),
  letIn: flag,
  registered: orNull(instant),
})

const expression: Read<AuditedExpression> = record<AuditedExpression>({
  url: words,
  revision: objectId,
  signers: list(words, AUDIT_LIMITS.others),
  committers: list(words, AUDIT_LIMITS.others),
  reviewers: list(words, AUDIT_LIMITS.others),
  claims,
  covers: places,
})

const key: Read<AuditedKey> = record<AuditedKey>({
  identity,
  label: words,
  principal: orNull(count),
  until: orNull(instant),
  isRevoked: flag,
  falls: places,
})

const principal: Read<AuditedPrincipal> = record<AuditedPrincipal>({
  name: words,
  list: orNull(words),
  roles: list(role, 6),
  keys: list(count, AUDIT_LIMITS.others),
  falls: places,
})

const group: Read<AuditGroup> = record<AuditGroup>({
  code: groupCode,
  title: words,
  next: words,
  paths: places,
})

const share: Read<Share> = record<Share>({ kind: subjectKind, role, signed: count, total: count })

const exemption: Read<AuditedExemption> = record<AuditedExemption>({
  line: integer(1, 2 ** 31),
  reason: words,
  author: orNull(words),
  until: instant,
  paths: places,
})

const ending: Read<Ending> = record<Ending>({
  kind: oneOf(['key', 'list', 'exemption', 'respite']),
  what: words,
  who: orNull(words),
  at: instant,
  falls: places,
})

const disk: Read<DiskFindings> = record<DiskFindings>({
  unregistered: list(record({ name: words, size: orNull(count) }), AUDIT_LIMITS.paths),
  differing: list(
    record({ path: count, registered: sha256Hex, found: orNull(sha256Hex) }),
    AUDIT_LIMITS.paths,
  ),
  missing: places,
  isCut: flag,
})

const audit: Read<Audit> = record<Audit>({
  time: instant,
  machine: record<Audit['machine']>({ name: words, key: orNull(identity) }),
  version: words,
  policy: record<Audit['policy']>({
    file: words,
    digest: sha256Hex,
    mode: oneOf(['enforce', 'warn']),
  }),
  asked: record<Audit['asked']>({
    kind: oneOf(['paths', 'store', 'system']),
    roots: list(words, AUDIT_LIMITS.paths),
    contents: flag,
  }),
  respite: orNull(record({ until: instant, reason: words })),
  paths: list(path, AUDIT_LIMITS.paths),
  expressions: list(expression, AUDIT_LIMITS.others),
  keys: list(key, AUDIT_LIMITS.others),
  principals: list(principal, AUDIT_LIMITS.others),
  groups: list(group, AUDIT_LIMITS.others),
  // A kind of thing and a role, once each.
  shares: list(share, 30),
  weakest: orNull(record({ key: count, falls: count })),
  exemptions: list(exemption, AUDIT_LIMITS.others),
  ends: list(ending, AUDIT_LIMITS.others),
  disk,
  unjudged: count,
})

/**
 * Reads an audit. Fields that it does not know are ignored, as later versions may add some. Throws
 * FormatError, which names the field, if the bytes are no audit or go beyond AUDIT_LIMITS, if a
 * place in a list is out of range, or if two audited paths or keys are one.
 */
export function parseAudit(bytes: Uint8Array): Audit {
  if (bytes.byteLength > AUDIT_LIMITS.bytes) {
    throw new FormatError(FORMAT, `larger than ${AUDIT_LIMITS.bytes} bytes`, `${bytes.byteLength} bytes`)
  }
  const { bytes: length, values, containers } = AUDIT_LIMITS
  const limits = { length, depth: DEPTH, values, containers }
  const json = parseStrictJson(decodeUtf8(bytes, FORMAT), limits)
  return readDocument(FORMAT, json, value => {
    assertFormat(value)
    const read = audit(value)
    assertPlaces(read)
    return read
  })
}

function assertFormat(value: JsonValue): void {
  const [first] = value instanceof Map ? value : []
  if (first?.[0] === 'format' && first[1] === AUDIT_FORMAT) return
  throw unfit(`must begin with {"format":"${AUDIT_FORMAT}"`)
}

function storePath(value: JsonValue): string {
  if (typeof value !== 'string' || !isStorePath(value)) throw unfit('must be a store path')
  return value
}

/** Throws Unfit for a place out of range, or a path that is listed twice. */
function assertPlaces(read: Audit): void {
  const { paths, expressions, keys, principals, groups, exemptions } = read
  const check = (what: string, limit: number) => (place: number | undefined) => {
    if (place !== undefined && place >= limit) throw unfit(`${what} is out of range: ${place} of ${limit}`)
  }
  const isPath = check('place of a path', paths.length)
  const isKey = check('place of a key', keys.length)
  const isGroup = check('place of a group', groups.length)
  const isExemption = check('place of an exemption', exemptions.length)
  if (new Set(paths.map(({ path }) => path)).size < paths.length) throw unfit('a path is listed twice')
  if (new Set(keys.map(({ identity }) => identity)).size < keys.length) throw unfit('a key is listed twice')
  for (const { references, derivation, inputs, claims, group, exemption } of paths) {
    references.forEach(isPath)
    inputs.forEach(isPath)
    isPath(derivation)
    isGroup(group)
    isExemption(exemption)
    for (const { key } of claims) isKey(key)
  }
  for (const { claims, covers } of expressions) {
    covers.forEach(isPath)
    for (const { key } of claims) isKey(key)
  }
  keys.map(({ principal }) => principal).forEach(check('place of a principal', principals.length))
  for (const { keys } of principals) keys.forEach(isKey)
  for (const { falls } of [...keys, ...principals, ...read.ends]) falls.forEach(isPath)
  for (const { paths } of [...groups, ...exemptions]) paths.forEach(isPath)
  isKey(read.weakest?.key)
  read.disk.missing.forEach(isPath)
  for (const { path } of read.disk.differing) isPath(path)
  for (const { signed, total } of read.shares) if (signed > total) throw unfit('a share is more than all')
}

/** The names of a union, each of which has to be there. */
function keysOf<Name extends string>(names: Readonly<Record<Name, 0>>): readonly Name[] {
  return Object.keys(names) as Name[]
}
