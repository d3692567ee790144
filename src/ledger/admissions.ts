/**
 * What this machine admitted: one small file a store path, found by the path's hash part alone. docs/ledger.md
 * describes the form for the other programs that read it.
 *
 *     nixsig2 /nix/store/<digest>-<name> sha256:<NAR hash, hex>
 *     policy <SHA-256 of the policy, hex>
 *     until <seconds since 1970, or never>
 *     stamp <inode>:<birth>:<size>:<mtime>:<ctime>, or none           times in nanoseconds: see stamp.ts
 *     kind <fetched-source | local-source | derivation | output | signature>
 *     built <here | elsewhere>
 *     derivation <store path, or none>
 *     time <seconds since 1970>
 *     build <number of inputs> <number of outputs>, or build unknown
 *     rule <title>
 *     claim <role> <key> <graph or -> <seen> <trace> <origin>   once for each signature that counted
 *     input <stamp> <store path>                   of a derivation: so many as `build` says
 *     output <name> <store path>                   likewise
 *
 * An entry that a change of policy made stale still tells what this machine verified with its own eyes: who signed
 * these very bytes, when it saw that and how they were signed, and whether they were made here. The verifier judges
 * such claims anew under the new policy.
 *
 * Entries of the first form, `nixsig1`, kept less than they had judged. They are stale under every policy, and of
 * what they say nothing is used but the facts of this machine: which contents, as what, and whether they were made
 * here.
 */
import { join } from 'node:path'
import { writeDurably } from '../files/durable-file.ts'
import { readOwnedFile } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import type { Role, SubjectKind } from '../policy/policy.ts'
import { printable } from '../primitives/printable.ts'

/** Bytes that one entry may have, and claims, and inputs and outputs together, that it keeps. */
const ENTRY_LIMIT = 256 * 1024
const CLAIM_LIMIT = 64
const BUILD_LIMIT = 512

const HEAD = new RegExp(
  [
    '^nixsig([12]) (\\S+) sha256:([0-9a-f]{64})',
    'policy ([0-9a-f]{64})',
    'until (never|\\d{1,15})',
    // Of two numbers only, as entries once had it: a stamp that nothing on the disk has any more.
    'stamp (none|\\d+:\\d+(?::\\d+:\\d+:\\d+)?)',
    'kind (fetched-source|local-source|derivation|output|signature)',
    'built (here|elsewhere)',
    'derivation (none|/\\S+)',
    'time (\\d{1,15})',
    'build (unknown|\\d{1,3} \\d{1,3})',
    'rule (.*)\n',
  ].join('\n'),
)

const CLAIM = /^claim (developer|packager|reviewer|builder) (\S+) (\S+) (\d{1,15}) ([\x21-\x7e]+) (.*)$/

/** The policy of entries that are stale under every one: no policy has this digest. */
export const NO_POLICY = '0'.repeat(64)

export interface AdmittedClaim {
  readonly key: string
  readonly role: Role
  /** The derivation whose signed build graph covered the path, if that is how the claim reached it. */
  readonly graph: string | undefined
  /** When this machine verified the signature, in seconds since 1970. */
  readonly seen: number
  /** How it was signed: one word of printable ASCII, see src/crypto/recall.ts. */
  readonly trace: string
  readonly origin: string
}

/**
 * What a path was admitted as. A signature stands for nothing that a policy asks for: it may be there for whoever
 * names it as one, and is no source to anybody else.
 */
export type AdmittedKind = SubjectKind | 'signature'

export interface Admission {
  readonly path: string
  /** SHA-256 of the NAR, lower-case hex. */
  readonly narHash: string
  /** Digest of the policy under which it was admitted, lower-case hex. */
  readonly policy: string
  /** From this second on the entry is stale; undefined: no end. */
  readonly until: number | undefined
  /** The path on the disk when it was last found to have these contents: see stamp.ts. */
  readonly stamp: string | undefined
  readonly kind: AdmittedKind
  /** Whether it was made here, under nixsig's own hooks. */
  readonly builtHere: boolean
  readonly derivation: string | undefined
  /** When, in seconds since 1970. */
  readonly time: number
  readonly rule: string
  readonly claims: readonly AdmittedClaim[]
  /** Of a derivation that may be built: from what, and what it makes. Undefined: not written down. */
  readonly build: AdmittedBuild | undefined
}

/** The direct inputs of a derivation, all admitted when the entry was written, and its outputs. */
export interface AdmittedBuild {
  readonly inputs: readonly { readonly stamp: string; readonly path: string }[]
  readonly outputs: readonly { readonly name: string; readonly path: string }[]
}

/** The file that holds a path's entry. `digest` is the 32-character hash part of the store path. */
export function entryFile(state: string, digest: string): string {
  return join(state, 'ledger', digest.slice(0, 2), digest)
}

/** Writes or replaces the entry of a path, on the disk when it returns. */
export function writeAdmission(state: string, digest: string, admission: Admission): void {
  writeDurably(entryFile(state, digest), printAdmission(admission), { flush: true })
}

/** The text of an entry. */
export function printAdmission(admission: Admission): string {
  const { inputs = [], outputs = [] } = admission.build ?? {}
  const isKept = admission.build !== undefined && inputs.length + outputs.length <= BUILD_LIMIT
  const lines = [
    `nixsig2 ${admission.path} sha256:${admission.narHash}`,
    `policy ${admission.policy}`,
    `until ${admission.until ?? 'never'}`,
    `stamp ${admission.stamp ?? 'none'}`,
    `kind ${admission.kind}`,
    `built ${admission.builtHere ? 'here' : 'elsewhere'}`,
    `derivation ${admission.derivation ?? 'none'}`,
    `time ${admission.time}`,
    `build ${isKept ? `${inputs.length} ${outputs.length}` : 'unknown'}`,
    `rule ${printable(admission.rule)}`,
    ...admission.claims.slice(0, CLAIM_LIMIT).map(claimLine),
    ...(isKept ? inputs.map(({ stamp, path }) => `input ${stamp} ${path}`) : []),
    ...(isKept ? outputs.map(({ name, path }) => `output ${name} ${path}`) : []),
  ]
  return `${lines.join('\n')}\n`
}

function claimLine({ role, key, graph, seen, trace, origin }: AdmittedClaim): string {
  return `claim ${role} ${key} ${graph ?? '-'} ${seen} ${trace} ${printable(origin)}`
}

/**
 * The entry of a path, current or stale; undefined if there is none. Throws FileError if the file could be somebody
 * else's work or is not an entry of this very path.
 */
export function readAdmission(state: string, digest: string, path: string): Admission | undefined {
  const file = entryFile(state, digest)
  const text = readOwnedFile(file, ENTRY_LIMIT)?.toString('utf8')
  // Nothing but its name is left of one that was not flushed when the power went.
  return text === undefined || text === '' ? undefined : parseAdmission(text, path, file)
}

/** What the text of an entry says of a path; `file` is for messages. Throws FileError like `readAdmission`. */
export function parseAdmission(text: string, path: string, file: string): Admission {
  const malformed = (what: string) => new FileError(`ledger entry ${printable(file)} ${what}`)
  const head = HEAD.exec(text)
  if (head === null) throw malformed('does not have the form of one')
  const [
    whole,
    version,
    subject,
    narHash = '',
    policy = '',
    until,
    stamp,
    kind,
    built,
    derivation,
    time,
    counts,
    rule = '',
  ] = head
  if (subject !== path) throw malformed(`is not about ${printable(path)}`)
  const isOld = version === '1'
  const lines = isOld ? [''] : text.slice(whole.length).split('\n')
  if (lines.pop() !== '') throw malformed('breaks off in the middle of a line')
  const isCounted = counts !== 'unknown' && !isOld
  const build = counts === undefined || !isCounted ? undefined : takeBuild(lines, counts)
  if (build === undefined && isCounted) throw malformed('lacks some of its inputs or outputs')
  return {
    path,
    narHash,
    policy: isOld ? NO_POLICY : policy,
    until: until === 'never' ? undefined : Number(until),
    stamp: stamp === 'none' ? undefined : stamp,
    kind: kind as AdmittedKind,
    builtHere: built === 'here',
    derivation: derivation === 'none' ? undefined : derivation,
    time: Number(time),
    rule,
    claims: lines.map(line => readClaim(line) ?? fail(malformed('has a bad claim'))),
    build,
  }
}

/** Takes the last lines, which must be so many inputs and then outputs; undefined if they are not. */
function takeBuild(lines: string[], counts: string): AdmittedBuild | undefined {
  const [inputs = 0, outputs = 0] = counts.split(' ').map(Number)
  if (inputs + outputs > lines.length) return undefined
  const taken = lines.splice(lines.length - inputs - outputs)
  const words = taken.map(line => line.split(' '))
  const isWhole = words.every(([kind, , path, more], index) => {
    return kind === (index < inputs ? 'input' : 'output') && path?.startsWith('/') && more === undefined
  })
  if (!isWhole) return undefined
  return {
    inputs: words.slice(0, inputs).map(([, stamp = '', path = '']) => ({ stamp, path })),
    outputs: words.slice(inputs).map(([, name = '', path = '']) => ({ name, path })),
  }
}

function readClaim(line: string): AdmittedClaim | undefined {
  const [, role, key = '', graph, seen, trace = '', origin] = CLAIM.exec(line) ?? []
  if (origin === undefined) return undefined
  return {
    role: role as Role,
    key,
    graph: graph === '-' ? undefined : graph,
    seen: Number(seen),
    trace,
    origin,
  }
}

function fail(error: Error): never {
  throw error
}

/** Whether an entry still speaks: same policy, and not past its end. */
export function isCurrent(admission: Admission, policy: string, now: number): boolean {
  if (admission.policy === NO_POLICY || admission.policy !== policy) return false
  return admission.until === undefined || now < admission.until
}
