/** How root, and who else may tell the daemon what to do, can build past the hooks. */
import * as nix from '../../support/expressions.ts'
import { buildByHand, serveByHand } from './by-hand.ts'
import type { Cell, Entrance } from './entrance.ts'
import { makePackage } from './packages.ts'

const BY_TRUSTED_USERS =
  'Only root and `trusted-users` can do this: list nobody else there, and no machine that copies or builds over ssh.'

/** Rows in which an attested derivation lends its name to something else. */
const BORROWING: readonly Entrance[] = [
  {
    entrance: 'another build, sent to the daemon by hand under the name of an attested derivation',
    users: ['root'],
    untrusted: 'open',
    by: 'nobody',
    note: `Nix tells the hooks only the name. ${BY_TRUSTED_USERS}`,
    async attempt(cell) {
      const made = await makePackage(cell, { attested: true })
      const system = process.arch === 'arm64' ? 'aarch64-linux' : 'x86_64-linux'
      const outcome = await buildByHand(
        cell,
        { ...made, system, script: 'echo other > $out' },
        'NIX_REMOTE=daemon',
      )
      return { outcome, path: made.out }
    },
  },
  {
    entrance: 'a false output of an attested build that did not finish, sent in as "built here"',
    users: ['root'],
    untrusted: 'open',
    by: 'nobody',
    note: BY_TRUSTED_USERS,
    async attempt(cell) {
      const made = await makePackage(cell, { attested: true, build: 'exit 1' })
      await cell.world.run(['nix-store', '-r', made.drv], { user: cell.user })
      const told = { path: made.out, contents: 'other', deriver: made.drv, ultimate: true }
      return { outcome: await serveByHand(cell, told), path: made.out }
    },
  },
]

const CA = '--option experimental-features "nix-command ca-derivations" --option substitute false'

/** What root could do with derivations whose outputs are named by their contents. */
function realising(entrance: string, by: string, command: (file: string, cell: Cell) => string): Entrance {
  return {
    entrance,
    users: ['root'],
    // 2.8 waits until nobody else has the store open before it makes the table for it.
    versions: ['trixie', 'sid'],
    untrusted: 'refused',
    trusted: 'refused',
    by,
    note: 'Nobody signs realisations, so they are refused. Turn `ca-derivations` off.',
    async attempt(cell) {
      const { guarded, world, user, name } = cell
      const attributes = {
        __contentAddressed: 'true',
        outputHashMode: '"recursive"',
        outputHashAlgo: '"sha256"',
      }
      const file = `/srv/${name}.nix`
      world.write(file, nix.derivation(name, { attributes }))
      await world.output(`nix-build ${CA} --no-out-link ${file}`, guarded.elsewhere)
      const cache = `nix copy ${CA} --no-check-sigs --to file:///srv/realisations-${name} -f ${file}`
      await world.output(cache, guarded.elsewhere)
      return { outcome: await world.run(command(file, cell), { user }) }
    },
  }
}

const REALISATIONS: readonly Entrance[] = [
  realising(
    'a content-addressed derivation',
    'build-hook front',
    file => `nix-build ${CA} --no-out-link ${file}`,
  ),
  realising(
    'a realisation, `nix copy --no-check-sigs`',
    'plugin',
    (file, { name }) => `nix copy ${CA} --no-check-sigs --from file:///srv/realisations-${name} -f ${file}`,
  ),
]

export const ROOT_BUILDS: readonly Entrance[] = [...BORROWING, ...REALISATIONS]
