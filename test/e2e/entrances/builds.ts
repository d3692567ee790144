/** Entrances by which something is built here. */
import assert from 'node:assert/strict'
import { narOfBytes } from '../../../src/formats/nix/nar.ts'
import * as nix from '../../support/expressions.ts'
import { PACKAGER } from '../../support/guarded-world.ts'
import { packaged, publish, sha256 } from '../../support/trust.ts'
import type { RunOptions } from '../../support/world.ts'
import type { Attempt, Cell, Entrance } from './entrance.ts'
import { hashElsewhere, makePackage, ownRepository, type Package, type PackageOptions } from './packages.ts'

/** What is said of a package that nobody attested. */
export const UNSIGNED: RegExp = /needs packager for its (derivation|source), found no signature/

const FRONT = 'build-hook front'
const HOOK = 'pre-build hook'

/** A row that makes one package and runs one command, which builds it. */
export function building(
  entrance: string,
  command: (made: Package, cell: Cell) => string | Promise<string>,
  more: Partial<Entrance> & { readonly package?: PackageOptions } = {},
): Entrance {
  const { package: options, ...row } = more
  return {
    entrance,
    users: ['alice', 'root'],
    untrusted: 'refused',
    by: FRONT,
    reason: UNSIGNED,
    async attempt(cell) {
      const made = await makePackage(cell, options)
      return { outcome: await cell.world.run(await command(made, cell), { user: cell.user }), path: made.out }
    },
    ...row,
  }
}

/** Builds it as it was done before nixsig came to this machine. */
async function makeBefore(cell: Cell): Promise<Package> {
  const made = await makePackage(cell)
  await cell.world.output(['nix-store', '--realise', made.drv], cell.guarded.before)
  return made
}

/**
 * A row about what is valid already: of a trusted cell built under the gate, of another before it
 * came.
 */
function again(entrance: string, command: (made: Package) => string, more: Partial<Entrance> = {}): Entrance {
  return {
    ...building(entrance, command),
    by: HOOK,
    hasBefore: true,
    async attempt(cell) {
      const { world, trusted, user } = cell
      const made = trusted ? await makePackage(cell) : await makeBefore(cell)
      if (trusted) await world.output(['nix-store', '--realise', made.drv], { user })
      return { outcome: await world.run(command(made), { user }) }
    },
    ...more,
  }
}

/** The same for a path that something has damaged: it is whole again if the command was let. */
function repairing(entrance: string, command: (made: Package) => string): Entrance {
  const row = again(entrance, made => {
    const damage = `chmod u+w ${made.out}/bin/tool; echo damaged > ${made.out}/bin/tool`
    return `${damage}; ${command(made)} && ! grep damaged ${made.out}/bin/tool`
  })
  return { ...row, users: ['root'], note: 'Plain users may not repair.' }
}

async function keepGoing(cell: Cell): Promise<Attempt> {
  const { guarded, world, user } = cell
  const made = await makePackage(cell)
  // Alone in the world each time, and still building when the other one is refused.
  const siblings = await Promise.all(
    ['a', 'b'].map(letter =>
      makePackage(cell, { name: `${cell.name}-sibling-${letter}`, build: 'sleep 0.5', attested: true }),
    ),
  )
  const files = [made, ...siblings].map(({ file }) => file).join(' ')
  const outcome = await world.run(`nix-build --no-out-link --keep-going ${files}`, { user })
  for (const { out } of siblings)
    assert.ok(await guarded.isValid(out), `a sibling was not built\n${outcome.stderr}`)
  return { outcome, path: made.out }
}

/** Evaluation needs what a derivation makes: it is built while the rest is not known yet. */
async function importFromDerivation(cell: Cell): Promise<Attempt> {
  const { guarded, world, user, name } = cell
  const build = nix.derivation(name, { build: 'echo 42 > $out' })
  const { drv, out } = await guarded.instantiate(name, build)
  if (cell.trusted) await guarded.attest(drv)
  world.write(`/srv/${name}-import.nix`, `import ${build}`)
  return { outcome: await world.run(`nix eval --impure -f /srv/${name}-import.nix`, { user }), path: out }
}

/**
 * A build that only the other machine can do. What it made is for a builder of the trusted list to
 * vouch for.
 */
function builtElsewhere(isDerivationSigned: boolean): Entrance['attempt'] {
  return async cell => {
    const { guarded, world, user, trusted } = cell
    const made = await makePackage(cell, {
      attributes: { requiredSystemFeatures: '[ "elsewhere" ]' },
      attested: trusted || isDerivationSigned,
    })
    const { out, drv } = made
    if (trusted) guarded.attestOutput({ path: out, drv, narHash: await hashElsewhere(cell, made) })
    return { outcome: await world.run(['nix-store', '--realise', drv], { user }), path: out }
  }
}

/** The builder attested the package, or something else in its place. */
async function otherwise(cell: Cell): Promise<Attempt> {
  const { guarded, world, user, trusted } = cell
  const { drv, out, ...made } = await makePackage(cell, { attested: true })
  const narHash = trusted ? await hashElsewhere(cell, { drv, out, ...made }) : 'ab'.repeat(32)
  guarded.attestOutput({ path: out, drv, narHash })
  return { outcome: await world.run(['nix-store', '--realise', drv], { user }), path: out }
}

/** A file of this machine that Nix fetches, by its hash. */
async function fetch({ guarded, world, user, name, trusted }: Cell): Promise<Attempt> {
  const contents = `${name}\n`
  world.write(`/srv/fetched/${name}`, contents)
  const expression = nix.fetchurl(name, `file:///srv/fetched/${name}`, sha256(contents))
  const { drv, out } = await guarded.instantiate(name, expression)
  const narHash = sha256(narOfBytes(Buffer.from(contents), false))
  if (trusted) {
    await guarded.attest(drv)
    publish(world, out, packaged(PACKAGER, { path: out, narHash }))
  }
  return { outcome: await world.run(['nix-store', '--realise', drv], { user }), path: out }
}

/** In another store than the system's. */
async function inStore(cell: Cell, store: string, options: RunOptions = {}): Promise<Attempt> {
  const { world, user } = cell
  const { file } = await makePackage(cell)
  return {
    outcome: await world.run(`nix-build --no-out-link --store ${store} ${file}`, { ...options, user }),
  }
}

/** With the feature that such need, as far as the user can turn it on. */
async function contentAddressed({ guarded, world, user, name, trusted }: Cell): Promise<Attempt> {
  const file = `/srv/${name}.nix`
  const attributes = { __contentAddressed: 'true', outputHashMode: '"recursive"', outputHashAlgo: '"sha256"' }
  world.write(file, nix.derivation(name, { attributes }))
  const feature = '--option extra-experimental-features ca-derivations'
  // A plain user has no such derivation that anybody could sign.
  if (trusted && user === 'root')
    await guarded.attest(await world.output(`nix-instantiate ${feature} ${file} 2>/dev/null`))
  return { outcome: await world.run(`nix-build --no-out-link ${feature} ${file}`, { user }) }
}

const UNKNOWN_OUTPUT: Entrance = {
  ...building('a content-addressed derivation', () => ''),
  trusted: 'refused',
  note: 'Nobody knows what it will make, so nobody can sign that.',
  attempt: contentAddressed,
}

export const BUILDS: readonly Entrance[] = [
  building('`nix-build`', ({ file }) => `nix-build --no-out-link ${file}`),
  building(
    '`nix-build`, `NIX_REMOTE=daemon`',
    ({ file }) => `NIX_REMOTE=daemon nix-build --no-out-link ${file}`,
    {
      users: ['root'],
    },
  ),
  building('`nix-store -r` of a derivation', ({ drv }) => `nix-store -r ${drv}`),
  building('`nix build -f`', ({ file }) => `nix build --no-link -f ${file}`),
  building('`nix build` of a flake, `path:`', ({ directory }) => `nix build --no-link path:${directory}`),
  building('`nix build` of a flake, `git+file:`', async (made, cell) => {
    return `nix build --no-link git+file://${await ownRepository(cell, made)}`
  }),
  building('`nix flake check`', ({ directory }) => `nix flake check path:${directory}`),
  building('`nix-build` of a `preferLocalBuild`', ({ file }) => `nix-build --no-out-link ${file}`, {
    by: HOOK,
    package: { attributes: { preferLocalBuild: 'true' } },
  }),
  again('`nix-build --check`', ({ file }) => `nix-build --no-out-link --check ${file}`),
  again('`nix build --rebuild`', ({ file }) => `nix build --no-link --rebuild -f ${file}`),
  repairing('`nix-store --repair-path`', ({ out }) => `nix-store --repair-path ${out}`),
  repairing('`nix-build --repair`', ({ file }) => `nix-build --no-out-link --repair ${file}`),
  {
    ...building('`nix-build --keep-going`', () => ''),
    note: 'What does not need the refused one is built.',
    attempt: keepGoing,
  },
  { ...building('import from derivation', () => ''), attempt: importFromDerivation },
  { ...building('a build by another machine', () => ''), attempt: builtElsewhere(false) },
  {
    ...building('what another machine built', () => ''),
    by: 'plugin',
    reason: /nixsig: refused .*needs .* for its output/,
    note: 'The derivation is attested, but its output is not.',
    attempt: builtElsewhere(true),
  },
  building('a derivation with `__noChroot`', ({ file }) => `nix-build --no-out-link ${file}`, {
    package: { attributes: { __noChroot: 'true' } },
    trusted: 'refused',
    note: 'Nix itself refuses such a build with `sandbox = true`.',
  }),
  {
    ...building('a build that comes out otherwise than its builder attested', () => ''),
    by: 'plugin',
    reason: /nixsig: refused .*with contents that no trusted builder attested/,
    attempt: otherwise,
  },
  {
    ...building('a fetch by a derivation, `<nix/fetchurl.nix>`', () => ''),
    by: HOOK,
    reason: /needs packager for its source, found no signature/,
    attempt: fetch,
  },
  {
    ...building('`nix-build --store ~/x`', () => ''),
    users: ['alice'],
    trusted: 'refused',
    reason: /nixsig: refused .*-alice/,
    // Nix 2.26 forgets the front that nix.conf names, and a plain user reads no file of root's:
    // there the hook refuses.
    by: 'a hook',
    note: 'Hooks that run as a plain user can admit nothing.',
    attempt: cell => inStore(cell, '/home/alice/x'),
  },
  {
    ...building("`nix-build --store ~/x` with a nix.conf of one's own", () => ''),
    users: ['alice'],
    untrusted: 'open',
    by: 'nobody',
    note: 'What lies there runs only as that user, who could as well download it.',
    attempt: cell => inStore(cell, '/home/alice/x', cell.guarded.before),
  },
  {
    ...building('`nix-build --store /elsewhere`', () => ''),
    users: ['root'],
    trusted: 'refused',
    note: 'The hooks judge only what is built in /nix. Build it there and copy it.',
    attempt: cell => inStore(cell, '/srv/root-store'),
  },
  {
    ...UNKNOWN_OUTPUT,
    users: ['alice'],
    by: 'Nix itself',
    reason: /'ca-derivations' is (disabled|not)/,
  },
  {
    ...UNKNOWN_OUTPUT,
    users: ['root'],
    // Nix 2.8 first waits until no daemon has the store open, to make tables for them.
    versions: ['trixie', 'sid'],
    by: 'gate',
    reason: /nobody signs realisations/,
  },
  {
    ...building('what was valid before nixsig came', () => ''),
    untrusted: 'open',
    by: 'nobody',
    note: 'Nothing is built, so nixsig is not asked. What is built from it is refused.',
    async attempt(cell) {
      const { file, out } = await makeBefore(cell)
      return {
        outcome: await cell.world.run(`nix-build --no-out-link ${file}`, { user: cell.user }),
        path: out,
      }
    },
  },
]
