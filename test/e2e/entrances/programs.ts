/** Entrances by which a source is run as it is: no build ever asks about it. */
import { sourcePath } from '../../../src/formats/nix/make-store-path.ts'
import { PACKAGER } from '../../support/guarded-world.ts'
import { packaged, publish } from '../../support/trust.ts'
import type { Cell, Entrance } from './entrance.ts'
import { strict } from './other-policy.ts'

/**
 * Files of the cell's own, by their names in a directory of its user's: programs, and what leads to
 * them.
 */
async function writeFiles(
  { world, name, user }: Cell,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  const base = `${user === 'root' ? '/root' : `/home/${user}`}/programs`
  for (const [file, contents] of Object.entries(files))
    world.write(`${base}/${name}/${file}`, contents, 0o755)
  await world.output(`chown -R ${user} ${base}`)
  return `${base}/${name}`
}

/**
 * The packager's word on a directory as the source that Nix makes of it, which need not be there
 * yet.
 */
async function sign({ world, trusted }: Cell, directory: string, name: string): Promise<void> {
  if (!trusted) return
  const narHash = await world.output(`nix hash path --base16 ${directory} 2>/dev/null`)
  const path = sourcePath({ name, narHash })
  publish(world, path, packaged(PACKAGER, { path, narHash }))
}

function running(entrance: string, attempt: Entrance['attempt']): Entrance {
  return {
    entrance,
    users: ['alice', 'root'],
    untrusted: 'open',
    by: 'nobody',
    note: 'Nothing is built, so nixsig is not asked. With `sources = "attested"` the file would not be there.',
    attempt,
  }
}

const RUNS = running('`nix run` of a flake whose program is a file of its own', async cell => {
  const { world, name, user } = cell
  const flake = `{ outputs = { self }: {
    apps = builtins.listToAttrs (map (system: {
      name = system;
      value.default = { type = "app"; program = "\${self}/tool"; };
    }) [ "x86_64-linux" "aarch64-linux" ]);
  }; }\n`
  const files = { 'flake.nix': flake, tool: `#!/bin/sh\necho ${name}\n` }
  const directory = await writeFiles(cell, files)
  await sign(cell, directory, 'source')
  return { outcome: await world.run(`nix run path:${directory}`, { user }) }
})

/** Nix 2.8 ends with a failed assertion where a program is not an output of a derivation. */
const RUN: Entrance = { ...RUNS, versions: ['trixie', 'sid'] }

const SHELL = running("`nix-shell` with a `stdenv` of one's own, which is a source", async cell => {
  const { world, name, user } = cell
  const derivation = `derivation {
    name = "${name}"; system = builtins.currentSystem; builder = "/bin/sh"; stdenv = ./stdenv;
  }\n`
  const setup = `echo ${name}\nsourced=1\n`
  const directory = await writeFiles(cell, { 'shell.nix': derivation, 'stdenv/setup': setup })
  await sign(cell, `${directory}/stdenv`, 'stdenv')
  return {
    outcome: await world.run(`nix-shell ${directory}/shell.nix --run 'test "$sourced" = 1'`, { user }),
  }
})

export const PROGRAMS: readonly Entrance[] = [RUN, SHELL, ...[RUN, SHELL].map(strict)]
