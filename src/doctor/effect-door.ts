/** The door about settings that Nix ignores: the attempts show which program Nix really asked. */
import { itemsOf } from '../nix-config/settings.ts'
import { closed, type Finding, known, type Learned, open, worst } from './door.ts'
import type { Canary, Facts, RefusingFront, View } from './facts.ts'

/** The attempt that shows each front at work, and the settings that this proves. */
const PROOFS: readonly {
  readonly front: RefusingFront
  readonly settings: readonly [string, ...string[]]
  readonly by: Readonly<Record<View['who'], keyof Facts['canaries']>>
}[] = [
  {
    front: 'plugin',
    settings: ['plugin-files'],
    by: { root: 'importByRoot', 'nix-daemon': 'importByDaemon' },
  },
  {
    front: 'build-hook',
    settings: ['build-hook'],
    by: { root: 'buildByRoot', 'nix-daemon': 'buildByDaemon' },
  },
  {
    front: 'pre-build-hook',
    settings: ['pre-build-hook', 'sandbox'],
    by: { root: 'keptBuildByRoot', 'nix-daemon': 'keptBuildByDaemon' },
  },
]

/**
 * Whether the settings name the front that nixsig was asked by. Settings that no attempt proves are
 * reported as not tried.
 */
export function effects(facts: Facts): Finding {
  const [first, ...rest] = facts.views.map(view => effectsOn(facts, view))
  return first === undefined ? closed('no Nix was found') : worst([first, ...rest])
}

/**
 * The front that refused the attempt for `wanted`; undefined if it was not refused, or not by
 * nixsig.
 */
export function frontSeen(facts: Facts, who: View['who'], wanted: RefusingFront): RefusingFront | undefined {
  const proof = PROOFS.find(({ front }) => front === wanted)
  const canary = proof && (facts.canaries[proof.by[who]] as Learned<Canary> | undefined)
  const came = canary && known(canary)
  return came?.kind === 'refused' ? came.front : undefined
}

function effectsOn(facts: Facts, { who, settings }: View): Finding {
  const asked = known(settings)
  const seen: string[] = []
  const unproven = ['post-build-hook', 'substituters', 'trusted-public-keys']
  const forgotten: string[] = []
  for (const { front, settings: names } of PROOFS) {
    const isSet = asked !== undefined && itemsOf(asked, names[0]).length > 0
    const by = frontSeen(facts, who, front)
    if (!isSet) continue
    if (by === front) seen.push(...names)
    else if (by === undefined) unproven.unshift(...names)
    else forgotten.push(`${names[0]} is set, and ${who} asked the ${by} in its place`)
  }
  if (forgotten.length > 0) return open(forgotten.join('; '))
  const words = seen.length === 0 ? 'none was seen at work' : `seen at work: ${seen.join(', ')}`
  return closed(`${who}: ${words}; note: not tried: ${unproven.join(', ')}`)
}
