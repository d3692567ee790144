import type { Random } from '../../../fuzz/random.ts'
import type { AuditedClaim, AuditedKey, AuditedPrincipal } from '../../../src/audit/audit.ts'
import type { Role } from '../../../src/policy/policy.ts'
import { AUDITED_AT, hex, type Say, times } from './draw.ts'

/** Principals and keys of a random audit, before it is known what falls without them. */
export interface People {
  readonly principals: readonly Omit<AuditedPrincipal, 'falls'>[]
  readonly keys: readonly Omit<AuditedKey, 'falls'>[]
  /** Claims in a role: mostly one, by the same few; none if nobody has the role. */
  claim(random: Random, role: Role): readonly AuditedClaim[]
}

const ROLES: readonly (readonly Role[])[] = [
  ['builder'],
  ['builder'],
  ['packager'],
  ['packager', 'reviewer'],
  ['developer'],
  ['developer'],
  ['committer', 'approver'],
]

export function randomPeople(random: Random, say: Say): People {
  const keys: Omit<AuditedKey, 'falls'>[] = []
  const principals = ROLES.map((roles, index) => {
    const mine = times(1 + random.below(2), () => keys.push(randomKey(random, index, say)) - 1)
    const list = random.oneIn(3) ? say('community') : undefined
    const name = say(`${roles[0]}-${index}`)
    return { name: list === undefined ? name : `${list}/${name}`, list, roles, keys: mine }
  })
  if (random.oneIn(2)) keys.push(randomKey(random, undefined, say))
  const claim = (random: Random, role: Role): readonly AuditedClaim[] => {
    const able = keys.flatMap(({ principal }, index) =>
      principal !== undefined && principals[principal]?.roles.includes(role) ? [index] : [],
    )
    if (able.length === 0) return []
    const count = random.oneIn(4) ? 2 : 1
    const chosen = new Set(
      times(count, () => (random.oneIn(3) ? random.pick(able) : random.pick(able.slice(0, 1)))),
    )
    return [...chosen].map(key => ({
      key,
      role,
      graph: undefined,
      origin: say(
        role === 'builder' ? 'https://cache.example.org' : '/var/lib/nixsig/evidence/signed.dsse.json',
      ),
    }))
  }
  return { principals, keys, claim }
}

function randomKey(random: Random, principal: number | undefined, say: Say): Omit<AuditedKey, 'falls'> {
  return {
    identity: random.pick([
      `ed25519:${hex(random, 64)}`,
      `openpgp:${hex(random, 40).toUpperCase()}`,
      `sigstore:${hex(random, 64)}`,
    ]),
    label: say('cache.example.org-1'),
    principal,
    until: random.oneIn(2) ? undefined : AUDITED_AT + 86_400 * (1 + random.below(400)),
    isRevoked: random.oneIn(8),
  }
}
