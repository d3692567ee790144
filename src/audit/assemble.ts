/** Makes the value that all reports are made of from what a survey found. Pure. */
import { withoutSecrets, withoutSecretsIn } from '../formats/without-secrets.ts'
import { exitCode } from '../policy/exit-code.ts'
import type { Instant, Policy } from '../policy/policy.ts'
import type { Reader } from '../policy/steps.ts'
import type { Refusal } from '../policy/verdict.ts'
import { eachOnce } from '../primitives/each-once.ts'
import { type Group, groupsOf } from '../status/groups.ts'
import type { Audit, AuditedExemption, AuditedExpression, AuditedPath } from './audit.ts'
import { isMissing } from './contents.ts'
import { endsSoon } from './ends.ts'
import type { FoundExpression } from './expressions.ts'
import { type KeyRegistry, noteKey } from './key-registry.ts'
import type { Member, Standing } from './member.ts'
import { type People, peopleIn } from './people.ts'
import { sharesOf } from './shares.ts'
import type { Surveyed } from './survey.ts'

/** What an audit is made of besides its paths. */
export interface Circumstances
  extends Pick<Audit, 'time' | 'machine' | 'version' | 'policy' | 'asked' | 'respite'> {
  /** With the policy in force. */
  readonly registry: KeyRegistry
  readonly reader: Reader
  /** The command that makes the same audit again. */
  readonly again: string
  /** `missing` is found in the survey. */
  readonly disk: Omit<Audit['disk'], 'missing'>
  readonly expressions: readonly FoundExpression[]
}

/** Makes the audit. */
export function auditOf(surveyed: Surveyed, circumstances: Circumstances): Audit {
  const { members, closure, madeOf, unjudged } = surveyed
  const { registry, reader, again, disk, expressions: found, ...about } = circumstances
  const { policy: inForce, now } = registry
  const isInClosure = (place: number) => place < closure
  for (const { approvers } of found) for (const { key } of approvers) noteKey(registry, inForce, key)
  const places = new Map<string, number>()
  for (const [place, { path }] of members.entries()) places.set(path, place)
  const people = peopleIn({ registry, members, places, isInClosure, madeOf })
  const refused: Refusal[] = []
  for (const { standing } of members) if (standing.outcome === 'refused') refused.push(standing.refusal)
  const groups = groupsOf(refused, reader, again)
  const exemptions = exemptionsOf(inForce, now, members)
  const [stopped, exempting] = [stoppedIn(groups), exemptingAt(inForce, now)]
  // Paths that are alike share their verdict.
  const standing = eachOnce((one: Standing) => standingOf(one, stopped, exempting))
  const known = { surveyed, people, places, standing }
  const expressions = found.map(one => expressionOf(one, people, places))
  const paths = members.map((member, place) => pathOf(known, member, place))
  const owners = { keys: people.keys, principals: people.principals, exemptions }
  return {
    ...about,
    paths,
    expressions,
    ...owners,
    weakest: people.weakest,
    groups: groups.map(({ code, title, next, stopped }) => {
      return {
        code,
        title,
        next,
        paths: placesOf(
          stopped.map(({ path }) => path),
          places,
        ),
      }
    }),
    shares: sharesOf(paths, expressions),
    ends: endsSoon({ policy: inForce, now, ...owners, paths, respite: about.respite }),
    disk: { ...disk, missing: missingAmong(members) },
    unjudged,
  }
}

function missingAmong(members: readonly Member[]): readonly number[] {
  const missing: number[] = []
  for (const [place, member] of members.entries()) if (isMissing(member)) missing.push(place)
  return missing
}

function expressionOf(
  { url, revision, signers, committers, reviewers, approvers, covers }: FoundExpression,
  people: People,
  places: ReadonlyMap<string, number>,
): AuditedExpression {
  const claims = approvers.map(({ key, origin }) => {
    return { key, role: 'approver' as const, graph: undefined, origin }
  })
  const names = { signers, committers, reviewers }
  return {
    url: withoutSecrets(url),
    revision,
    ...names,
    claims: people.told(claims),
    covers: placesOf(covers, places),
  }
}

/** What is told of a refused path, by its refusal. */
type StoppedBy = ReadonlyMap<Refusal, Pick<AuditedPath, 'group' | 'because' | 'message'>>

function stoppedIn(groups: readonly Group[]): StoppedBy {
  return new Map(
    groups.flatMap(({ stopped }, group) =>
      stopped.map(
        ({ refusal, because, message }) =>
          [refusal, { group, because, message: withoutSecretsIn(message) }] as const,
      ),
    ),
  )
}

const NOT_STOPPED = { group: undefined, because: undefined, message: undefined }

interface Known {
  readonly surveyed: Surveyed
  readonly people: People
  readonly places: ReadonlyMap<string, number>
  /** What is told of a verdict. */
  standing(standing: Standing): ToldStanding
}

function pathOf(known: Known, member: Member, place: number): AuditedPath {
  const { surveyed, people, places } = known
  const { path, kind, info, narHash, builtHere, derivation, letIn } = member
  const told = known.standing(member.standing)
  // Names each field: to copy an object takes longer than all else here.
  return {
    path,
    kind,
    part: place < surveyed.closure ? 'closure' : 'making',
    narHash: info?.narHash ?? narHash,
    narSize: info?.narSize ?? 0,
    references: placesOf(info?.references ?? [], places, place),
    derivation: derivation === undefined ? undefined : places.get(derivation),
    inputs: placesOf(surveyed.inputs.get(path) ?? [], places, place),
    outcome: told.outcome,
    status: told.status,
    ground: told.ground,
    rule: told.rule,
    basis: told.basis,
    exemption: told.exemption,
    group: told.group,
    because: told.because,
    message: told.message,
    claims: member.standing.outcome === 'trusted' ? people.told(member.standing.claims) : NONE,
    builtHere,
    until: told.until,
    letIn,
    registered: info?.registrationTime,
  }
}

const NONE: readonly [] = []

type ToldStanding = Pick<
  AuditedPath,
  'outcome' | 'status' | 'ground' | 'rule' | 'basis' | 'exemption' | 'group' | 'because' | 'message' | 'until'
>

/** What is told of a verdict. `exempting`: of each exemption that is told, its place in the policy. */
function standingOf(standing: Standing, stopped: StoppedBy, exempting: readonly number[]): ToldStanding {
  if (standing.outcome === 'trusted') {
    const { rule, basis, until } = standing
    const place = standing.exemption === undefined ? -1 : exempting.indexOf(standing.exemption)
    const exemption = place < 0 ? undefined : place
    return { outcome: 'trusted', status: 0, ground: 'rule', rule, basis, exemption, until, ...NOT_STOPPED }
  }
  const { refusal } = standing
  return {
    outcome: refusal.outcome,
    status: exitCode(refusal),
    ground: refusal.ground.kind,
    rule: refusal.ground.kind === 'rule' ? refusal.ground.title : undefined,
    basis: undefined,
    exemption: undefined,
    until: undefined,
    ...(stopped.get(refusal) ?? NOT_STOPPED),
  }
}

function placesOf(
  paths: readonly string[],
  places: ReadonlyMap<string, number>,
  own?: number,
): readonly number[] {
  const found: number[] = []
  for (const path of paths) {
    const place = places.get(path)
    if (place !== undefined && place !== own) found.push(place)
  }
  return found
}

function exemptionsOf(policy: Policy, now: Instant, members: readonly Member[]): readonly AuditedExemption[] {
  const passing = new Map<number, number[]>()
  for (const [place, { standing }] of members.entries()) {
    const exemption = standing.outcome === 'trusted' ? standing.exemption : undefined
    if (exemption === undefined) continue
    const own = passing.get(exemption)
    if (own === undefined) passing.set(exemption, [place])
    else own.push(place)
  }
  return exemptingAt(policy, now).flatMap(place => {
    const exemption = policy.exemptions[place]
    if (exemption === undefined) return []
    const { line, reason, author, until } = exemption
    return { line, reason, author, until, paths: passing.get(place) ?? [] }
  })
}

/** The places of the exemptions that have not ended. */
function exemptingAt({ exemptions }: Policy, now: Instant): readonly number[] {
  return exemptions.flatMap(({ until }, place) => (until > now ? [place] : []))
}
