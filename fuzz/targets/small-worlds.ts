/** Properties of the verifier in random small worlds, which a process with a /nix of its own judges. */
import {
  openSmallWorlds,
  type PropertyName,
  type SmallWorlds,
  whyNoSmallWorlds,
} from '../../test/support/small-world/small-worlds.ts'
import { randomFor } from '../random.ts'
import type { Target } from '../target.ts'

/** Bytes by which most worlds are made, and how many of them to start from. */
const LENGTH = 240
const SEEDS = 24

/** The targets, for root alone. `scratch`: a directory for what they leave behind until all is over. */
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

/** The same in every run. */
function seedsOf(name: string): readonly Uint8Array[] {
  const random = randomFor(0, name)
  return Array.from({ length: SEEDS }, () => Uint8Array.from({ length: LENGTH }, () => random.below(256)))
}
