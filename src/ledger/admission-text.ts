/**
 * The text of an entry of the ledger. docs/ledger.md describes the format for the other programs
 * that read it.
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
import { FileError } from '../files/regular-file.ts'
import { STORE_DIR } from '../formats/nix/store-path.ts'
import type { Role } from '../policy/policy.ts'
import { BY_ROOT } from '../primitives/next-step.ts'
import { printable } from '../primitives/printable.ts'
import {
  type Admission,
  type AdmittedBuild,
  type AdmittedClaim,
  type AdmittedKind,
  type AdmittedOutcome,
  NO_POLICY,
} from './admission.ts'
import { type AdmissionLine, admissionLine, parseAdmissionLine } from './first-line.ts'

/** The most inputs and outputs together. */
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
 * Parses the text of an entry about a path; `file` is for messages. Throws FileError like
 * `readAdmission`.
 */
export function parseAdmission(text: string, path: string, file: string): Admission {
  const malformed = (what: string, step = judgeAgain(file)) =>
    new FileError(`ledger entry ${printable(file)} ${what}; next: ${step}`)
  const start = startOf(text)
  const body = text.slice(start?.length)
  const head = HEAD.exec(body)
  if (start === undefined || head === null) throw malformed('does not have the form of one')
  const [whole, stamp, kind, built, derivation, time, counts, closure, from, rule = ''] = head
  const { version, narHash, policy, until } = start
  if (start.path !== path)
    throw malformed(`is not about ${printable(path)}, but about ${printable(start.path)}`, nameIt(path, file))
  const lines = version === '1' ? [''] : body.slice(whole.length).split('\n')
  if (lines.pop() !== '') throw malformed('breaks off in the middle of a line')
  const isCounted = counts !== 'unknown' && version !== '1'
  const outputs = version === '2' ? OUTPUT_BEFORE : OUTPUT
  const build = counts === undefined || !isCounted ? undefined : takeBuild(lines, counts, outputs)
  if (build === undefined && isCounted) throw malformed('lacks some of its inputs or outputs')
  const admission: Admission = {
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
  }
  // To copy an object takes as long as to parse the rest.
  if (closure === undefined && from === undefined) return admission
  return {
    ...admission,
    ...(closure === undefined ? {} : { closure }),
    ...(from === undefined ? {} : { from }),
  }
}

/** A name with the hash part of another path is mistyped, or made up, more often than an entry is misplaced. */
function nameIt(path: string, file: string): string {
  return `give the name that "ls ${STORE_DIR}" shows; if it shows ${printable(path)}, ${judgeAgain(file)}`
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
