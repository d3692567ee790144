/** The machines of the story, and what people copy between them: plain files. */

import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type World, withWorld } from '../test/support/world.ts'
import type { Machine } from './narrator.ts'
import { sandboxPaths } from './release.ts'

export interface Machines {
  /** The machine of Bob, the packager, on which he only signs. */
  readonly laptop: Machine
  /** The user's machine. */
  readonly home: Machine
  /** Another machine that builds. */
  readonly workshop: Machine
  /** A machine whose recipes people sign. */
  readonly office: Machine
}

/** Makes the machines, with this machine's Nix, runs the story, and removes them. */
export function withMachines(story: (machines: Machines) => Promise<void>): Promise<void> {
  const options = { nixConf: { 'sandbox-paths': sandboxPaths() } }
  const make = (use: (world: World) => Promise<void>) => withWorld('bookworm', options, use)
  return make(laptop =>
    make(home =>
      make(workshop =>
        make(office =>
          story({
            laptop: { name: 'laptop', world: laptop },
            home: { name: 'home', world: home },
            workshop: { name: 'workshop', world: workshop },
            office: { name: 'office', world: office },
          }),
        ),
      ),
    ),
  )
}

/** Copies the files of a directory on one machine to a directory on another. */
export function carry(from: Machine, source: string, to: Machine, target: string): void {
  const destination = to.world.path(target)
  mkdirSync(destination, { recursive: true })
  cpSync(join(from.world.path(source), '.'), destination, { recursive: true })
}
