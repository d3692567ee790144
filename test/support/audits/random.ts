/**
 * Audits made from a seed: whole in themselves (each number is a place in its list, groups and
 * exemptions list those who name them), and much like real ones in their proportions.
 */
import { type Random, randomFor } from '../../../fuzz/random.ts'
import type {
  Audit,
  AuditedClaim,
  AuditedExemption,
  AuditedExpression,
  AuditedPath,
  AuditGroup,
  Share,
} from '../../../src/audit/audit.ts'
import { AUDITED_AT, hash, hex, type Say, times } from './draw.ts'
import { hostileText } from './hostile.ts'
import { type Drawn, randomPaths } from './random-paths.ts'
import { type People, randomPeople } from './random-people.ts'

export interface RandomAuditOptions {
  /** How many paths; 40 without it. */
  readonly paths?: number
  /**
   * `texts`: whatever people, caches and files of evidence may say is at times made to break
   * reports. `paths`: the names of paths as well, as no store has them.
   */
  readonly hostile?: 'texts' | 'paths'
}

/** The same for the same seed and options. `seed`: an integer of up to 32 bits. */
export function randomAudit(seed: number, { paths: count = 40, hostile }: RandomAuditOptions = {}): Audit {
  const random = randomFor(seed, 'audit')
  const say: Say = usual => (hostile !== undefined && random.oneIn(3) ? hostileText(random, usual) : usual)
  const people = randomPeople(random, say)
  const exemptions = randomExemptions(random, say)
  const drawn = randomPaths(random, {
    count,
    people,
    exemptions: exemptions.length,
    say,
    sayPath: hostile === 'paths' ? say : usual => usual,
  })
  const { paths } = drawn
  const isOfClosure = (index: number) => paths[index]?.part === 'closure'
  const falls = fallsOf(paths, people)
  const keys = people.keys.map((key, index) => ({ ...key, falls: falls.keys[index] ?? [] }))
  const [weakest] = keys
    .map((key, index) => ({ key: index, falls: key.falls.length }))
    .sort((a, b) => b.falls - a.falls)
  const expressions = randomExpressions(random, drawn, people, say)
  return {
    time: AUDITED_AT,
    machine: {
      name: say('web-1'),
      key: random.oneIn(3) ? undefined : `ed25519:${hex(random, 64)}`,
    },
    version: '0.1.0',
    policy: {
      file: say('/etc/nixsig/policy.toml'),
      digest: hex(random, 64),
      mode: random.pick(['enforce', 'warn']),
    },
    asked: {
      kind: 'system',
      roots: paths.slice(0, 1).map(({ path }) => path),
      contents: random.oneIn(2),
    },
    respite: random.oneIn(2) ? undefined : { until: AUDITED_AT + 3_600, reason: say('moving to new keys') },
    paths,
    expressions,
    keys,
    principals: people.principals.map((principal, index) => ({
      ...principal,
      falls: falls.principals[index] ?? [],
    })),
    groups: groupsOf(drawn, say),
    shares: sharesOf(paths, expressions),
    weakest: weakest !== undefined && weakest.falls > 0 ? weakest : undefined,
    exemptions: exemptions.map((exemption, index) => ({
      ...exemption,
      paths: placesOf(paths, path => path.exemption === index),
    })),
    ends: keys.flatMap(({ identity, principal, until, falls }) =>
      until !== undefined && until < AUDITED_AT + 30 * 86_400
        ? [
            {
              kind: 'key' as const,
              what: identity,
              who: principal === undefined ? undefined : people.principals[principal]?.name,
              at: until,
              falls,
            },
          ]
        : [],
    ),
    disk: {
      unregistered: times(random.below(4), () => ({
        name: say(`${hash(random)}-left`),
        size: random.oneIn(2) ? undefined : random.below(1_000_000),
      })),
      differing: times(paths.length === 0 ? 0 : random.below(3), () => ({
        path: random.below(paths.length),
        registered: hex(random, 64),
        found: hex(random, 64),
      })),
      missing: paths.length > 1 && random.oneIn(3) ? [1].filter(isOfClosure) : [],
      isCut: random.oneIn(9),
    },
    unjudged: random.oneIn(5) ? random.below(100) : 0,
  }
}

function randomExemptions(random: Random, say: Say): readonly Omit<AuditedExemption, 'paths'>[] {
  return times(random.below(4), index => ({
    line: 40 + 5 * index,
    reason: say('no signature until the next release'),
    author: random.oneIn(2) ? undefined : say('alice'),
    until: AUDITED_AT + 86_400 * (1 + random.below(90)),
  }))
}

function randomSigners(random: Random, say: Say) {
  const signers = times(random.below(3), () => say('carl'))
  const some = () => signers.filter(() => random.oneIn(2))
  return { signers, committers: some(), reviewers: some() }
}

function randomExpressions(
  random: Random,
  { paths }: Drawn,
  people: People,
  say: Say,
): readonly AuditedExpression[] {
  const makings = placesOf(paths, ({ kind }) => kind === 'derivation' || kind === 'local-source')
  return times(random.below(4), () => ({
    url: say('https://git.example.org/packages'),
    revision: hex(random, 40),
    ...randomSigners(random, say),
    claims: people.claim(random, 'approver'),
    covers: makings.filter(() => random.oneIn(2)),
  }))
}

function groupsOf({ paths, groups }: Drawn, say: Say): readonly AuditGroup[] {
  return groups.map((code, index) => ({
    code,
    // What titles and next steps quote is escaped where they are made.
    title: `what is ${code}`,
    next: `nixsig explain ${JSON.stringify(say('it'))
      .replace(/[^\x20-\x7e]/g, '.')
      .slice(0, 400)}`,
    paths: placesOf(paths, path => path.group === index),
  }))
}

/** Those who fall are taken to be those whose only claim is by one key, or by one principal's. */
function fallsOf(paths: readonly AuditedPath[], people: People) {
  const keys = people.keys.map((): number[] => [])
  const principals = people.principals.map((): number[] => [])
  for (const [index, { claims, part, outcome }] of paths.entries()) {
    if (part !== 'closure' || outcome !== 'trusted') continue
    const ofKeys = only(claims.map(({ key }) => key))
    if (ofKeys !== undefined) keys[ofKeys]?.push(index)
    const ofPrincipals = only(claims.map(({ key }) => people.keys[key]?.principal))
    if (ofPrincipals !== undefined) principals[ofPrincipals]?.push(index)
  }
  return { keys, principals }
}

function only(list: readonly (number | undefined)[]): number | undefined {
  const all = new Set(list)
  return all.size === 1 ? [...all][0] : undefined
}

function sharesOf(
  paths: readonly AuditedPath[],
  expressions: readonly AuditedExpression[],
): readonly Share[] {
  const all: readonly { kind: Share['kind']; claims: readonly AuditedClaim[] }[] = [
    ...paths,
    ...expressions.map(({ claims }) => ({ kind: 'expression' as const, claims })),
  ]
  const shares = new Map<string, Share>()
  for (const { kind, claims } of all) {
    for (const role of new Set(claims.map(({ role }) => role))) {
      const name = `${kind} ${role}`
      const share = shares.get(name) ?? {
        kind,
        role,
        signed: 0,
        total: all.filter(other => other.kind === kind).length,
      }
      shares.set(name, { ...share, signed: share.signed + 1 })
    }
  }
  return [...shares.values()]
}

function placesOf(paths: readonly AuditedPath[], is: (path: AuditedPath) => boolean): readonly number[] {
  return paths.flatMap((path, index) => (is(path) ? [index] : []))
}
