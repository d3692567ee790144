/** Entrances by which something is built here. */
import type { Entrance } from './entrance.ts'
import { makePackage } from './packages.ts'

const UNSIGNED = /needs packager for its (derivation|source), found no signature/

export const BUILDS: readonly Entrance[] = [
  {
    entrance: '`nix-build`',
    users: ['alice', 'root'],
    untrusted: 'refused',
    by: 'build-hook front',
    reason: UNSIGNED,
    async attempt(cell) {
      const { file, out } = await makePackage(cell)
      return {
        outcome: await cell.world.run(`nix-build --no-out-link ${file}`, { user: cell.user }),
        path: out,
      }
    },
  },
  {
    entrance: '`nix-build`, by another machine',
    users: ['alice', 'root'],
    untrusted: 'refused',
    by: 'build-hook front',
    reason: UNSIGNED,
    async attempt(cell) {
      const { file, out } = await makePackage(cell, {
        attributes: { requiredSystemFeatures: '[ "elsewhere" ]' },
      })
      return {
        outcome: await cell.world.run(`nix-build --no-out-link ${file}`, { user: cell.user }),
        path: out,
      }
    },
  },
]
