/** What a door decided, as lines of the decision log, and the log that they go to. */
import { createHash } from 'node:crypto'
import { type Decision, type Door, LEDGER } from '../decisions/line.ts'
import { type DecisionLog, recordDecisions } from '../decisions/record.ts'
import { isStorePath, parseStorePath } from '../formats/nix/store-path.ts'
import { type AdmittedClaim, readAdmission } from '../ledger/admissions.ts'
import { DEFAULT_DECISIONS } from '../policy/language/decisions.ts'
import type { Policy } from '../policy/policy.ts'
import type { Claim, Refusal, Trust } from '../policy/verdict.ts'
import { sentence } from '../policy/wording.ts'
import { printable } from '../primitives/printable.ts'
import type { LetIn } from './let-in.ts'
import { machineKey, readMachineIdentity } from './machine-key.ts'
import type { Places } from './places.ts'

/** Who asked, at which door, and under which policy; undefined: it could not be read. */
export interface Asked {
  readonly places: Places
  readonly door: Door
  readonly asker: string
  readonly policy: Pick<Policy, 'digest' | 'mode' | 'decisions'> | undefined
}

/** What a door decided. */
export interface Decided {
  readonly admitted?: readonly LetIn[]
  readonly refusals?: readonly Refusal[]
  /** The path that was refused, where that is another than the refusals are about: what it is made of. */
  readonly about?: string
}

/** The most lines of refusals about one question; the first tell most. */
const REFUSALS = 16

/**
 * Writes what was decided. Resolves to why it could not be written, or undefined. Never rejects: the
 * caller answers, and `mustBeWritten` says whether that may be a yes.
 */
export async function record(
  asked: Asked,
  { admitted = [], refusals = [], about }: Decided,
): Promise<string | undefined> {
  if (asked.policy?.decisions.log === 'off') return undefined
  try {
    const refused = refusals.slice(0, REFUSALS).map(refusal => refusedAs(asked, refusal, about))
    return await recordDecisions(logIn(asked.places.state, asked.policy?.decisions), [
      ...refused,
      ...admitted.map(one => admittedAs(asked, one)),
    ])
  } catch (error) {
    return printable((error as Error).message)
  }
}

/**
 * Writes what is about to be let in. Returns the refusal of its first path if it cannot be written
 * and has to be; `warn` is told if it need not be.
 */
export async function letIn(
  asked: Asked,
  admitted: readonly [LetIn, ...LetIn[]],
  warn: (notice: string) => void,
): Promise<Refusal | undefined> {
  const problem = await record(asked, { admitted })
  if (problem === undefined) return undefined
  if (mustBeWritten(asked.policy)) return unwritten(admitted[0].path, problem)
  warn(notWritten(problem))
  return undefined
}

/** Whether what cannot be written has to be refused. */
export function mustBeWritten(policy: Asked['policy']): boolean {
  return policy?.decisions.log === 'required'
}

/** The refusal of what cannot be written into the log. `why` is escaped. */
export function unwritten(path: string, why: string): Refusal {
  const detail = `${why}; the policy says that nothing is let in that is not written there ([decisions] required)`
  const finding = { code: 'unreadable', trouble: { origin: 'the decision log', detail } } as const
  return { outcome: 'indeterminate', path, kind: 'output', ground: { kind: 'log' }, findings: [finding] }
}

/** What is told where it need not be written. `why` is escaped. */
export function notWritten(why: string): string {
  return `warning: a decision is not in the log: ${why}; next: nixsig log verify`
}

/** The log in a state directory; without settings, as a policy has it that says nothing of it. */
export function logIn(state: string, settings: Policy['decisions'] = DEFAULT_DECISIONS): DecisionLog {
  return {
    state,
    settings,
    key: () => machineKey(state),
    machine: () => readMachineIdentity(state),
  }
}

function refusedAs({ door, asker, policy }: Asked, refusal: Refusal, about = refusal.path): Decision {
  const { outcome, ground } = refusal
  return {
    door,
    asker,
    path: about,
    outcome,
    letIn: policy?.mode === 'warn',
    ground: ground.kind === 'rule' ? ground.title : ground.kind,
    policy: policy?.digest,
    mode: policy?.mode,
    message: sentence(refusal, policy?.mode),
  }
}

function admittedAs({ places, door, asker, policy }: Asked, { path, narHash, trust }: LetIn): Decision {
  const known = trust === undefined ? byLedger(places.state, path) : ofTrust(trust)
  return {
    door,
    asker,
    path,
    ...known,
    narHash: known.narHash ?? narHash,
    outcome: 'trusted',
    letIn: true,
    policy: policy?.digest,
    mode: policy?.mode,
  }
}

function ofTrust({ subject: { path, narHash }, rule, basis }: Trust) {
  const claims = basis.kind === 'claims' ? basis.claims : []
  return { narHash, ground: rule, evidence: claims.map(claim => evidenceDigest(path, narHash, claim)) }
}

function byLedger(state: string, path: string) {
  const entry = isStorePath(path) ? readAdmission(state, parseStorePath(path).digest, path) : undefined
  if (entry === undefined) return { narHash: undefined, ground: LEDGER, evidence: [] }
  const { narHash, claims } = entry
  return { narHash, ground: LEDGER, evidence: claims.map(claim => evidenceDigest(path, narHash, claim)) }
}

/**
 * The digest of a claim that counted: SHA-256 over role, key, path, NAR hash and how it was signed,
 * each with a line break.
 */
function evidenceDigest(
  path: string,
  narHash: string,
  { role, key, trace = '' }: Pick<Claim, 'role' | 'key' | 'trace'> | AdmittedClaim,
): string {
  const text = [role, key, path, narHash, trace].map(word => `${word}\n`).join('')
  return createHash('sha256').update(text).digest('hex')
}
