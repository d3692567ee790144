/** Moves refused paths out of the store. */
import { parseStorePath } from '../formats/nix/store-path.ts'
import { readExpected } from '../ledger/expected.ts'
import type { Refusal } from '../policy/verdict.ts'
import { paragraph } from '../policy/wording.ts'
import { quarantine, quarantineForOthers } from '../quarantine/quarantine.ts'
import { NOTHING_TAKEN, type TakenOut } from '../quarantine/take-all-out.ts'
import { openStore, type PathInfo } from '../store/store-client.ts'
import type { Inquiry } from './inquiry.ts'
import { LeftToTheHook } from './left-to-the-hook.ts'

/**
 * The most refusals that an entry of the quarantine lists: a build of many outputs has one for
 * each.
 */
const REASONS_TOLD = 8

/** A path that leaves the store, and the derivation that made it. */
export interface Condemned {
  readonly derivation: string
  readonly info: PathInfo
  readonly isNew: boolean
}

async function isEnforcing(inquiry: Inquiry): Promise<boolean> {
  return inquiry.policy().then(
    policy => policy.mode === 'enforce',
    () => true,
  )
}

/**
 * Whether a refused path may be taken from the store. A path that this build made may be, with
 * everything that refers to it. A path that another machine made for this build may be only if
 * nothing else refers to it. A path that was here before may be part of a running system, so it
 * stays, whoever had it built again; it is judged whenever something is built from it.
 */
async function mayLeave(
  inquiry: Inquiry,
  { derivation, info, isNew }: Condemned,
  condemned: readonly Condemned[],
) {
  if (!isNew) return false
  const expected = readExpected(inquiry.places.state, parseStorePath(info.path).digest)
  if (info.ultimate && expected?.derivation === derivation) return true
  const referrers = await (await inquiry.store()).referrers(info.path)
  return referrers.every(referrer => condemned.some(other => other.info.path === referrer))
}

/**
 * Takes refused paths out of the store, unless the policy is in warn mode. Throws LeftToTheHook if
 * this inquiry may not take paths out.
 */
export async function condemn(
  inquiry: Inquiry,
  condemned: readonly Condemned[],
  refusals: readonly Refusal[],
): Promise<TakenOut> {
  if (!(await isEnforcing(inquiry))) return NOTHING_TAKEN
  if (!inquiry.takesOut) throw new LeftToTheHook()
  const outcome = refusals.every(refusal => refusal.outcome === 'untrusted') ? 'untrusted' : 'indeterminate'
  const leaving = []
  for (const one of condemned) if (await mayLeave(inquiry, one, condemned)) leaving.push(one)
  const entries = leaving.map(
    ({ derivation, info }) =>
      ({
        path: info.path,
        narHash: info.narHash,
        narSize: info.narSize,
        references: info.references,
        derivation,
        builtHere: info.ultimate,
        registered: info.registrationTime,
        refused: inquiry.now,
        outcome,
        reason: reasonFor(info.path, refusals),
      }) as const,
  )
  return (inquiry.waits ? quarantine : quarantineForOthers)(inquiry.places.state, entries, openStore)
}

/**
 * Why a path leaves the store: its own refusal first, then some of the other refusals of its build.
 */
function reasonFor(path: string, refusals: readonly Refusal[]): string {
  const own = refusals.find(refusal => refusal.path === path)
  const others = refusals.slice(0, REASONS_TOLD).filter(refusal => refusal !== own)
  const told = [...(own === undefined ? [] : [own]), ...others].slice(0, REASONS_TOLD)
  const more = refusals.length - told.length
  const rest = more > 0 ? [`and ${more} more refusals of the same build`] : []
  return [...told.map(refusal => paragraph(refusal)), ...rest].join('\n')
}
