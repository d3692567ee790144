import type { Random } from '../../../fuzz/random.ts'
import type { AuditedPath } from '../../../src/audit/audit.ts'
import type { Role } from '../../../src/policy/policy.ts'
import type { GroundKind } from '../../../src/policy/verdict.ts'
import { GROUP_CODES, type GroupCode } from '../../../src/status/groups.ts'
import { AUDITED_AT, hash, hex, type Say, times } from './draw.ts'
import type { People } from './random-people.ts'

/** Paths, and the codes of the groups that they name. */
export interface Drawn {
  readonly paths: readonly AuditedPath[]
  readonly groups: readonly GroupCode[]
}

interface Plan {
  readonly count: number
  readonly people: People
  /** How many exemptions there are. */
  readonly exemptions: number
  readonly say: Say
  readonly sayPath: Say
}

const NAMES = ['glibc', 'openssl', 'bash', 'linux-headers', 'python3', 'firefox', 'systemd', 'zlib', 'perl']
const STATUS: Readonly<Partial<Record<GroupCode, AuditedPath['status']>>> = {
  altered: 13,
  conflict: 13,
  'bad-signature': 13,
  'refused-by-rule': 12,
  'key-ended': 14,
  'unlisted-signer': 11,
  unapproved: 12,
  'no-derivation': 20,
  unsupported: 20,
  undecided: 20,
}
const ROLE_OF: Readonly<Record<AuditedPath['kind'], Role>> = {
  output: 'builder',
  derivation: 'packager',
  'local-source': 'packager',
  'fetched-source': 'developer',
}

/**
 * A closure whose first path is its root, and behind it the derivations and sources that it was
 * made of. Without circles: a path refers to later ones only.
 */
export function randomPaths(random: Random, plan: Plan): Drawn {
  const closure = Math.ceil(plan.count * 0.6)
  const groups = GROUP_CODES.filter(() => random.oneIn(2))
  const paths = times(plan.count, index => {
    const part = index < closure ? 'closure' : 'making'
    const kind = kindOf(random, part)
    const path = plan.sayPath(`/nix/store/${hash(random)}-${nameOf(random, kind)}`)
    const isHere = !random.oneIn(50)
    return {
      path,
      kind,
      part,
      narHash: isHere ? hex(random, 64) : undefined,
      narSize: isHere ? Math.floor(2 ** (7 + random.below(1_700) / 100)) : 0,
      references: part === 'closure' ? laterOf(random, index, closure) : [],
      derivation:
        kind === 'output' && plan.count > closure ? closure + (index % (plan.count - closure)) : undefined,
      inputs: kind === 'derivation' ? laterOf(random, index, plan.count) : [],
      ...randomVerdict(random, kind, plan, groups),
      builtHere: kind === 'output' && random.oneIn(6),
      until: random.oneIn(4) ? AUDITED_AT + random.below(9_000_000) : undefined,
      registered: isHere ? AUDITED_AT - random.below(90_000_000) : undefined,
    } as const
  })
  // Whatever nothing refers to is referred to by the root, and only a derivation is one.
  const named = new Set(paths.flatMap(({ references }) => references))
  const whole = paths.map((path, index) => ({
    ...path,
    references:
      index === 0
        ? times(closure, at => at).filter(at => at > 0 && (!named.has(at) || path.references.includes(at)))
        : path.references,
    derivation: isDerivation(paths[path.derivation ?? -1]) ? path.derivation : undefined,
  }))
  return { paths: whole, groups }
}

function isDerivation(path: { readonly kind: string } | undefined): boolean {
  return path?.kind === 'derivation'
}

function kindOf(random: Random, part: AuditedPath['part']): AuditedPath['kind'] {
  if (part === 'closure') return random.oneIn(12) ? 'fetched-source' : 'output'
  return random.pick(['derivation', 'derivation', 'derivation', 'fetched-source', 'local-source'])
}

function nameOf(random: Random, kind: AuditedPath['kind']): string {
  const name = `${random.pick(NAMES)}-${random.below(20)}.${random.below(30)}`
  if (kind === 'derivation') return `${name}.drv`
  if (kind === 'fetched-source') return `${name}.tar.xz`
  if (kind === 'local-source') return 'source'
  return random.oneIn(4) ? `${name}-${random.pick(['bin', 'dev', 'lib', 'man'])}` : name
}

/** A few places after `index` and before `end`, mostly near ones. */
function laterOf(random: Random, index: number, end: number): readonly number[] {
  const room = end - index - 1
  if (room <= 0) return []
  const near = Math.min(room, 50)
  const all = times(random.below(14), () => index + 1 + random.below(random.oneIn(4) ? room : near))
  return [...new Set(all)].sort((a, b) => a - b)
}

type Judged = Pick<
  AuditedPath,
  | 'outcome'
  | 'status'
  | 'ground'
  | 'rule'
  | 'basis'
  | 'exemption'
  | 'group'
  | 'because'
  | 'message'
  | 'claims'
  | 'letIn'
>

function randomVerdict(
  random: Random,
  kind: AuditedPath['kind'],
  { people, exemptions, say, sayPath }: Plan,
  groups: readonly GroupCode[],
): Judged {
  const claims = random.oneIn(10) ? [] : people.claim(random, ROLE_OF[kind])
  const isRefused = groups.length > 0 && random.oneIn(9)
  if (isRefused) {
    const group = random.below(groups.length)
    const status = STATUS[groups[group] ?? 'undecided'] ?? 10
    const ground = random.pick<GroundKind>(status === 20 ? ['store', 'fault', 'making'] : ['rule', 'inputs'])
    const because = random.oneIn(3) ? sayPath(`/nix/store/${hash(random)}-${random.pick(NAMES)}`) : undefined
    return {
      outcome: status === 20 ? 'indeterminate' : 'untrusted',
      status,
      ground,
      rule: ground === 'rule' ? say('default') : undefined,
      basis: undefined,
      exemption: undefined,
      group,
      because,
      message: `needs 1 signature in the role ${ROLE_OF[kind]}, found none`,
      claims: random.oneIn(2) ? claims : [],
      letIn: random.oneIn(3),
    }
  }
  const basis =
    claims.length > 0 ? 'claims' : exemptions > 0 && random.oneIn(2) ? 'exemption' : 'no-requirement'
  return {
    outcome: 'trusted',
    status: 0,
    ground: 'rule',
    rule: say(random.pick(['default', 'what we build ourselves', 'rule 3'])),
    basis,
    exemption: basis === 'exemption' ? random.below(exemptions) : undefined,
    group: undefined,
    because: undefined,
    message: undefined,
    claims: basis === 'claims' ? claims : [],
    letIn: false,
  }
}
