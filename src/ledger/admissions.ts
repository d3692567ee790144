/**
 * What this machine admitted: one small file for each store path, found by the path's hash part
 * alone. docs/ledger.md describes the format for the other programs that read it.
 *
 *     nixsig4 <store path> sha256:<NAR hash> <policy> <until>       see first-line.ts
 *     stamp <inode>:<birth>:<size>:<mtime>:<ctime>, or none     times in nanoseconds: see stamp.ts
 *     kind <fetched-source | local-source | derivation | output | signature>
 *     built <here | elsewhere>
 *     derivation <store path, or none>
 *     time <seconds since 1970>
 *     build <number of inputs> <number of outputs>, or build unknown
 *     closure <SHA-256>                         if known: of it and of all that it refers to
 *     from <SHA-256>                            if built here, and known: of what it was built from
 *     rule <title>
 *     claim <role> <key> <graph or -> <seen> <trace> <origin>   for each signature that counted
 *     input <stamp> <store path>                   of a derivation: as many as `build` says
 *     output <any | judged> <name> <store path>    likewise
 *
 * An entry that became stale because the policy changed still tells what this machine verified
 * itself: who signed these exact bytes, when it saw that and how they were signed, and whether they
 * were built here. The verifier judges such claims again under the new policy.
 *
 * Entries of the earlier formats are stale under every policy. The first, `nixsig1`, kept less than
 * had been judged. Only this machine's own facts are used from it: the contents, the kind, and
 * whether they were built here. The second, `nixsig2`, did not say which contents its derivation's
 * outputs may have; its claims still count as those of any stale entry do. So do those of the
 * third, `nixsig3`. These three have `policy` and `until` in lines of their own.
 */
import { type WriteOptions, writeDurably } from '../files/durable-file.ts'
import {
  readOwnedFile,
  readOwnedFileAndStatus,
  readOwnedPresentFile,
  wholeRecord,
} from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import type { Role, SubjectKind } from '../policy/policy.ts'
import { BY_ROOT } from '../primitives/next-step.ts'
import { printable } from '../primitives/printable.ts'
import { type AdmissionLine, admissionLine, parseAdmissionLine } from './first-line.ts'
import { versionIn } from './stamp.ts'

/** The most bytes of one entry, and the most inputs and outputs together. */
export const ENTRY_LIMIT = 256 * 1024
const BUILD_LIMIT = 512
/** The most claims in an entry. */
export const CLAIM_LIMIT = 64

/** The first lines of the older formats. */
const OLD_START = /^nixsig([123]) (\S+) sha256:([0-9a-f]{64})\npolicy [0-9a-f]{64}\nuntil (never|\d{1,15})\n/

const HEAD = new RegExp(
  [
    // Older entries have stamps of two numbers only, which match nothing on the disk any more.
    '^stamp (none|\\d+:\\d+(?::\\d+:\\d+:\\d+)?)',
    'kind (fetched-source|local-source|derivation|output|signature)',
    'built (here|elsewhere)',
    'derivation (none|/\\S+)',
    'time (\\d{1,15})',
    'build (unknown|\\d{1,3} \\d{1,3})',
    '(?:closure ([0-9a-f]{64})\n)?(?:from ([0-9a-f]{64})\n)?rule (.*)\n',
  ].join('\n'),
)

const CLAIM = /^claim (developer|packager|reviewer|builder) (\S+) (\S+) (\d{1,15}) ([\x21-\x7e]+) (.*)$/

const INPUT = /^input (\S+) (\/\S+)$/
const OUTPUT = /^output (?<word>any|judged) (?<name>\S+) (?<path>\/\S+)$/
/** The line in the second format. */
const OUTPUT_BEFORE = /^output (?<name>\S+) (?<path>\/\S+)$/

/** The policy digest of entries that are stale under every policy: no policy has this digest. */
export const NO_POLICY = '0'.repeat(64)

/** The rule in entries about what was refused, and let in because the policy only warned. */
export const WARNED = 'let in with a warning'

/** A claim that counted when the path was admitted. */
export interface AdmittedClaim {
  readonly key: string
  readonly role: Role
  /**
   * The derivation whose signed build graph covered the path, if that is how the claim reached it.
   */
  readonly graph: string | undefined
  /** When this machine verified the signature, in seconds since 1970. */
  readonly seen: number
  /** How it was signed: one word of printable ASCII, see src/crypto/trace.ts. */
  readonly trace: string
  readonly origin: string
}

/**
 * The kind that a path was admitted as. A signature meets no requirement of a policy: it may be
 * used by a derivation that names it as a signature, and is not a source for anything else.
 */
export type AdmittedKind = SubjectKind | 'signature'

/** An entry of the ledger. */
export interface Admission extends AdmissionLine {
  /** The stamp of the path when it was last found to have these contents: see stamp.ts. */
  readonly stamp: string | undefined
  readonly kind: AdmittedKind
  /** Whether it was built here, under nixsig's own hooks. */
  readonly builtHere: boolean
  readonly derivation: string | undefined
  /** When it was admitted, in seconds since 1970. */
  readonly time: number
  readonly rule: string
  readonly claims: readonly AdmittedClaim[]
  /**
   * For a derivation that may be built: its inputs and outputs. Undefined if they were not
   * recorded.
   */
  readonly build: AdmittedBuild | undefined
  /**
   * Digests of the path with all that it refers to and, if it was built here, of what it was built
   * from: see verifier/made-from.ts. SHA-256, lower-case hex; absent if not known.
   */
  readonly closure?: string | undefined
  readonly from?: string | undefined
}

/** The direct inputs of a derivation, all admitted when the entry was written, and its outputs. */
export interface AdmittedBuild {
  readonly inputs: readonly { readonly stamp: string; readonly path: string }[]
  readonly outputs: readonly AdmittedOutcome[]
}

/** An output of a derivation that may be built. */
export interface AdmittedOutcome {
  readonly name: string
  readonly path: string
  /**
   * Whether any contents of it were acceptable when it was judged, until the entry's end; otherwise
   * it has to be judged.
   */
  readonly takesAny: boolean
}

/** Returns the file of a path's entry. `digest` is the 32-character hash part of the store path. */
export function entryFile(state: string, digest: string): string {
  // Called for each path of an audit, and join() takes longer than to look at the file.
  return `${state}/ledger/${digest.slice(0, 2)}/${digest}`
}

/** Writes or replaces the entry of a path. By default it is flushed to disk when this returns. */
export function writeAdmission(
  state: string,
  digest: string,
  admission: Admission,
  options: Pick<WriteOptions, 'flush'> = { flush: true },
): void {
  writeDurably(entryFile(state, digest), printAdmission(admission), options)
}

/** Returns the text of an entry. */
export function printAdmission(admission: Admission): string {
  const { inputs = [], outputs = [] } = admission.build ?? {}
  const isKept = admission.build !== undefined && inputs.length + outputs.length <= BUILD_LIMIT
  const lines = [
    `stamp ${admission.stamp ?? 'none'}`,
    `kind ${admission.kind}`,
    `built ${admission.builtHere ? 'here' : 'elsewhere'}`,
    `derivation ${admission.derivation ?? 'none'}`,
    `time ${admission.time}`,
    `build ${isKept ? `${inputs.length} ${outputs.length}` : 'unknown'}`,
    ...(admission.closure === undefined ? [] : [`closure ${admission.closure}`]),
    ...(admission.from === undefined ? [] : [`from ${admission.from}`]),
    `rule ${printable(admission.rule)}`,
    ...admission.claims.slice(0, CLAIM_LIMIT).map(claimLine),
    ...(isKept ? inputs.map(({ stamp, path }) => `input ${stamp} ${path}`) : []),
    ...(isKept ? outputs.map(outputLine) : []),
  ]
  return `${admissionLine(admission)}${lines.join('\n')}\n`
}

function outputLine({ name, path, takesAny }: AdmittedOutcome): string {
  return `output ${takesAny ? 'any' : 'judged'} ${name} ${path}`
}

function claimLine({ role, key, graph, seen, trace, origin }: AdmittedClaim): string {
  return `claim ${role} ${key} ${graph ?? '-'} ${seen} ${trace} ${printable(origin)}`
}

/**
 * Reads the entry of a path, current or stale; undefined if there is none, or if it was lost in a
 * power failure. Throws FileError if others could have written the file, or if it is not an entry
 * of this path.
 */
export function readAdmission(state: string, digest: string, path: string): Admission | undefined {
  return admissionIn(entryFile(state, digest), path, readOwnedFile)
}

/** Reads an entry as `readAdmission` does; faster if the entry exists. */
export function readKnownAdmission(state: string, digest: string, path: string): Admission | undefined {
  return admissionIn(entryFile(state, digest), path, readOwnedPresentFile)
}

/**
 * Reads an entry as `readKnownAdmission` does, with the version of its file (versionOf in stamp.ts):
 * while the file has that, it says the same. Undefined if there is no file; `entry` is undefined if
 * it was lost in a power failure.
 */
export function readVersionedAdmission(
  state: string,
  digest: string,
  path: string,
): { readonly version: string; readonly entry: Admission | undefined } | undefined {
  const file = entryFile(state, digest)
  const read = readOwnedFileAndStatus(file, ENTRY_LIMIT)
  if (read === undefined) return undefined
  const text = wholeRecord(read.bytes)
  return {
    version: versionIn(read.status),
    entry: text === undefined ? undefined : parseAdmission(text, path, file),
  }
}

function admissionIn(file: string, path: string, read: typeof readOwnedFile): Admission | undefined {
  const text = wholeRecord(read(file, ENTRY_LIMIT))
  return text === undefined ? undefined : parseAdmission(text, path, file)
}

/**
 * Parses the text of an entry about a path; `file` is for messages. Throws FileError like
 * `readAdmission`.
 */
export function parseAdmission(text: string, path: string, file: string): Admission {
  const malformed = (what: string) =>
    new FileError(`ledger entry ${printable(file)} ${what}; next: ${judgeAgain(file)}`)
  const start = startOf(text)
  const body = text.slice(start?.length)
  const head = HEAD.exec(body)
  if (start === undefined || head === null) throw malformed('does not have the form of one')
  const [whole, stamp, kind, built, derivation, time, counts, closure, from, rule = ''] = head
  const { version, narHash, policy, until } = start
  if (start.path !== path) throw malformed(`is not about ${printable(path)}`)
  const lines = version === '1' ? [''] : body.slice(whole.length).split('\n')
  if (lines.pop() !== '') throw malformed('breaks off in the middle of a line')
  const isCounted = counts !== 'unknown' && version !== '1'
  const outputs = version === '2' ? OUTPUT_BEFORE : OUTPUT
  const build = counts === undefined || !isCounted ? undefined : takeBuild(lines, counts, outputs)
  if (build === undefined && isCounted) throw malformed('lacks some of its inputs or outputs')
  return {
    path,
    narHash,
    policy,
    until,
    stamp: stamp === 'none' ? undefined : stamp,
    kind: kind as AdmittedKind,
    builtHere: built === 'here',
    derivation: derivation === 'none' ? undefined : derivation,
    time: Number(time),
    rule,
    claims: lines.map(line => readClaim(line) ?? fail(malformed('has a bad claim'))),
    build,
    ...(closure === undefined ? {} : { closure }),
    ...(from === undefined ? {} : { from }),
  }
}

/** An entry can be made again, so the step is to remove it. */
function judgeAgain(file: string): string {
  return `have the path judged again, ${BY_ROOT}: rm ${printable(file)}`
}

/**
 * Reads what an entry begins with, in the present or an older format; undefined if it is in neither.
 * Entries of older formats are of no policy.
 */
function startOf(text: string): (AdmissionLine & { version: string; length: number }) | undefined {
  const line = parseAdmissionLine(text)
  if (line !== undefined) return { ...line, version: '4' }
  const [whole, version = '', path = '', narHash = '', end] = OLD_START.exec(text) ?? []
  if (whole === undefined) return undefined
  const until = end === 'never' ? undefined : Number(end)
  return { path, narHash, policy: NO_POLICY, until, version, length: whole.length }
}

/**
 * Takes the last lines, which must be `counts` inputs and then outputs, outputs in the given
 * format; undefined if they are not.
 */
function takeBuild(lines: string[], counts: string, form: RegExp): AdmittedBuild | undefined {
  const [inputs = 0, outputs = 0] = counts.split(' ').map(Number)
  if (inputs + outputs > lines.length) return undefined
  const taken = lines.splice(lines.length - inputs - outputs)
  const build = {
    inputs: taken.slice(0, inputs).flatMap(line => readInput(line) ?? []),
    outputs: taken.slice(inputs).flatMap(line => readOutput(line, form) ?? []),
  }
  return build.inputs.length === inputs && build.outputs.length === outputs ? build : undefined
}

function readInput(line: string): AdmittedBuild['inputs'][number] | undefined {
  const [, stamp, path] = INPUT.exec(line) ?? []
  return stamp === undefined || path === undefined ? undefined : { stamp, path }
}

function readOutput(line: string, form: RegExp): AdmittedOutcome | undefined {
  const { word, name, path } = form.exec(line)?.groups ?? {}
  return name === undefined || path === undefined ? undefined : { name, path, takesAny: word === 'any' }
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

/**
 * Whether an entry has nothing but claims about a path that was refused in warn mode, perhaps about
 * contents that never came. It does not say who made the path: src/verifier/record-seen.ts.
 */
export function isOnlySeen({
  policy,
  rule,
  builtHere,
  stamp,
}: Pick<Admission, 'policy' | 'rule' | 'builtHere' | 'stamp'>): boolean {
  return policy === NO_POLICY && rule === WARNED && !builtHere && stamp === undefined
}

/** Whether an entry is in force: same policy, and not past its end. */
export function isCurrent(
  admission: Pick<Admission, 'policy' | 'until'>,
  policy: string,
  now: number,
): boolean {
  if (admission.policy === NO_POLICY || admission.policy !== policy) return false
  return admission.until === undefined || now < admission.until
}
