/** Entrances for what is run out of the store although nothing is built: files of whoever runs them. */
import { sourcePath } from '../../../src/formats/nix/make-store-path.ts'
import * as nix from '../../support/expressions.ts'
import { PACKAGER } from '../../support/guarded-world.ts'
import { packaged, publish } from '../../support/trust.ts'
import type { Cell, Entrance } from './entrance.ts'
import { strictly } from './other-policy.ts'
import { SYSTEM } from './packages.ts'

/** The packager's word on a directory as evaluation will copy it in, under this name. */
async function signAhead({ world, trusted }: Cell, directory: string, name: string): Promise<void> {
  if (!trusted) return
  const narHash = await world.output(`nix-hash --type sha256 ${directory}`)
  const path = sourcePath({ name, narHash })
  publish(world, path, packaged(PACKAGER, { path, narHash }))
}

/** A row whose command says `ran NAME` where the cell's own file was run. */
function running(entrance: string, prepare: (cell: Cell, directory: string) => Promise<string>): Entrance {
  return {
    entrance,
    users: ['alice', 'root'],
    untrusted: 'open',
    by: 'nobody',
    note: 'Nothing is built. With `sources = "attested"` it would not be there.',
    async attempt(cell) {
      const { world, user, name } = cell
      const command = await prepare(cell, `/srv/own/${name}`)
      const outcome = await world.run(command, { user })
      const isRun = outcome.stdout.includes(`ran ${name}`)
      return { outcome: isRun ? outcome : { ...outcome, status: outcome.status || 1 } }
    },
  }
}

/** Nix 2.8 knows apps of packages alone: it aborts on any other, whoever signed it. */
const RUN: Entrance = {
  ...running('`nix run` of a file in a flake’s own source', prepareApp),
  versions: ['sid'],
}

async function prepareApp(cell: Cell, directory: string): Promise<string> {
  const { world, name } = cell
  world.write(`${directory}/tool.sh`, `#!/bin/sh\necho ran ${name}\n`, 0o755)
  const app = `{ type = "app"; program = "\${self}/tool.sh"; }`
  world.write(`${directory}/flake.nix`, `{ outputs = { self }: { apps.${SYSTEM}.default = ${app}; }; }\n`)
  await signAhead(cell, directory, 'source')
  return `nix run path:${directory}`
}

const SHELL = running('`nix-shell` with a `stdenv` of one’s own', async (cell, directory) => {
  const { world, name } = cell
  world.write(`${directory}/stdenv/setup`, `echo ran ${name}\n`)
  const shell = nix.derivation(name, { attributes: { stdenv: './stdenv' } })
  world.write(`${directory}/shell.nix`, shell.replace('"/bin/sh"', '"/bin/bash"'))
  await signAhead(cell, `${directory}/stdenv`, 'stdenv')
  return `nix-shell ${directory}/shell.nix --run true`
})

/** Such a row where sources have to be attested before they are valid. */
function closed(row: Entrance): Entrance {
  return {
    ...row,
    entrance: `${row.entrance}, \`sources = "attested"\``,
    untrusted: 'refused',
    by: 'plugin',
    reason: /needs packager for its source, found no signature/,
    note: '',
    attempt: cell => strictly(cell, () => row.attempt(cell)),
  }
}

const ROWS: readonly Entrance[] = [RUN, SHELL]

export const OWN_CODE: readonly Entrance[] = [...ROWS, ...ROWS.map(closed)]
