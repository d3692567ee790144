/** The three machines of the story, and what people carry between them: plain files. */

import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type World, withWorld } from '../test/support/world.ts'
import type { Machine } from './narrator.ts'
import { sandboxPaths } from './release.ts'

export interface Machines {
  /** Bob's, the packager's: he only signs there. */
  readonly laptop: Machine
  /** The user's. */
  readonly home: Machine
  /** Another machine that builds. */
  readonly workshop: Machine
}

/** Makes the machines, with this machine's Nix, lets the story happen, and removes them. */
export function withMachines(story: (machines: Machines) => Promise<void>): Promise<void> {
  const options = { nixConf: { 'sandbox-paths': sandboxPaths() } }
  const make = (use: (world: World) => Promise<void>) => withWorld('bookworm', options, use)
  return make(laptop =>
    make(home =>
      make(workshop =>
        story({
          laptop: { name: 'laptop', world: laptop },
          home: { name: 'home', world: home },
          workshop: { name: 'workshop', world: workshop },
        }),
      ),
    ),
  )
}

/** Copies what lies in a directory of one machine into a directory of another. */
export function carry(from: Machine, source: string, to: Machine, target: string): void {
  const destination = to.world.path(target)
  mkdirSync(destination, { recursive: true })
  cpSync(join(from.world.path(source), '.'), destination, { recursive: true })
}
