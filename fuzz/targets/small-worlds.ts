/** Properties of the verifier in random small worlds, judged by a process with its own /nix. */
import {
  openSmallWorlds,
  type PropertyName,
  type SmallWorlds,
  whyNoSmallWorlds,
} from '../../test/support/small-world/small-worlds.ts'
import { randomFor } from '../random.ts'
import type { Target } from '../target.ts'

/** The number of bytes that determine most worlds, and the number of seeds. */
const LENGTH = 240
const SEEDS = 24

/** The targets, for root only. `scratch`: a directory for temporary files. */
export function smallWorldTargets(scratch: string): readonly Target[] {
  if (whyNoSmallWorlds() !== false) return []
  let worlds: Promise<SmallWorlds> | undefined
  const target = (name: string, property: PropertyName): Target => ({
    name,
    seeds: seedsOf(name),
    tokens: ['\0', '\x01', '\x02', '\x03', '\x05', '\x07'],
    isSlow: true,
    check: async input => {
      worlds ??= openSmallWorlds(scratch)
      const { broken, cameTo } = await (await worlds).try(property, input)
      if (broken !== undefined) throw new Error(broken)
      return cameTo.join('; ')
    },
  })
  return [
    target('labelled derivations', 'labels'),
    target('surroundings of a store', 'surroundings'),
    target('many questions of one inquiry', 'inquiry'),
    target('outputs that are foreseen', 'foreseen'),
  ]
}

/** Seeds that are the same in every run. */
function seedsOf(name: string): readonly Uint8Array[] {
  const random = randomFor(0, name)
  return Array.from({ length: SEEDS }, () => Uint8Array.from({ length: LENGTH }, () => random.below(256)))
}
