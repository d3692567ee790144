/**
 * Entrances by which a command of Nix gets what it needs, and ways to tell Nix to look elsewhere.
 */

import { makeStorePath } from '../../../src/formats/nix/make-store-path.ts'
import { type CachedPath, cachedPath, writeCache } from '../../support/cache-of-many.ts'
import { stock } from '../../support/gated-world.ts'
import { BUILDER, STRANGER } from '../../support/guarded-world.ts'
import { building } from './builds.ts'
import type { Cell, Entrance } from './entrance.ts'
import { makePackage, type Package } from './packages.ts'

const UNKNOWN_SIGNER = /nixsig: refused .*needs .* for its output/

/** What the gate's upstream has: signed by a trusted builder, or by a stranger. */
function inUpstream({ guarded, name, trusted }: Cell): CachedPath {
  const cached = cachedPath(name, `${name}\n`, [trusted ? BUILDER : STRANGER])
  stock(guarded.upstream, cached)
  return cached
}

/** A row whose command gets a path that the gate's upstream has. */
function substituting(entrance: string, command: (path: string, cell: Cell) => string): Entrance {
  return {
    entrance,
    users: ['alice', 'root'],
    untrusted: 'refused',
    by: 'gate',
    reason: UNKNOWN_SIGNER,
    async attempt(cell) {
      const { path } = inUpstream(cell)
      return { outcome: await cell.world.run(command(path, cell), { user: cell.user }), path }
    },
  }
}

/** A profile of the cell's own. */
const profile = ({ name }: Cell) => `--profile ./profile-${name}`

/** An upgrade from a version that is attested to one that is, or is not. */
async function upgrade(cell: Cell) {
  const { world, user, name } = cell
  const old = await makePackage(cell, { name: `${name}-1.0`, attested: true })
  const made = await makePackage(cell, { name: `${name}-2.0` })
  await world.output(`nix-env ${profile(cell)} -f ${old.file} -i ${name}`, { user })
  return {
    outcome: await world.run(`nix-env ${profile(cell)} -f ${made.file} -u ${name}`, { user }),
    path: made.out,
  }
}

/** A bundler of the user's own, whose bundle is attested where the package is. */
async function bundle(cell: Cell) {
  const { guarded, world, user, name } = cell
  const { directory } = await makePackage(cell)
  const expression = `import ${directory}/bundle.nix (import ${directory}/package.nix)`
  const { drv, out } = await guarded.instantiate(`${name}-bundle`, expression)
  if (cell.trusted) await guarded.attest(drv)
  const flake = `path:${directory}`
  const command = `nix bundle --bundler ${flake} ${flake} --out-link ./bundle-${name}`
  return { outcome: await world.run(command, { user }), path: out }
}

const flake = ({ directory }: Package) => `path:${directory}`

const GETTING: readonly Entrance[] = [
  substituting('`nix-store -r` of a path', path => `nix-store -r ${path}`),
  substituting('`nix build` of a path', path => `nix build --no-link ${path}`),
  substituting('`nix shell` of a path', path => `nix shell ${path} -c true`),
  substituting('`nix-env -i` of a path', (path, cell) => `nix-env ${profile(cell)} -i ${path}`),
  substituting('`nix-store -r --fallback`', path => `nix-store -r --fallback ${path}`),
  building('`nix-env -i`', ({ file }, cell) => `nix-env ${profile(cell)} -f ${file} -i ${cell.name}`),
  { ...building('`nix-env -u`', () => ''), attempt: upgrade },
  building('`nix profile install`', (made, cell) => `nix profile install ${profile(cell)} ${flake(made)}`),
  building('`nix-shell`', ({ directory }) => `nix-shell ${directory}/shell.nix --run true`),
  building('`nix develop`', made => `nix develop ${flake(made)} -c true`),
  building('`nix shell`', made => `nix shell ${flake(made)} -c tool`),
  building('`nix run`', made => `nix run ${flake(made)}`),
  { ...building('`nix bundle`', () => ''), attempt: bundle },
]

/** A build hook that builds nothing elsewhere and asks nobody: nixsig's front is gone. */
const NO_FRONT = '/srv/declines'

/** All that somebody might wish to be otherwise. */
const WISHES: Readonly<Record<string, string>> = {
  'pre-build-hook': '',
  'post-build-hook': '',
  'build-hook': NO_FRONT,
  'plugin-files': '',
  sandbox: 'false',
  'require-sigs': 'false',
}

const options = (settings: Readonly<Record<string, string>>) =>
  Object.entries(settings)
    .map(([name, value]) => `--option ${name} '${value}'`)
    .join(' ')

/** A row that builds a package with settings of the user's own. */
function overriding(entrance: string, words: string, more: Partial<Entrance> = {}): Entrance {
  const command = ({ file }: Package, { world }: Cell) => {
    world.write(NO_FRONT, '#!/bin/sh\necho "# decline-permanently" >&2\nexec cat >/dev/null\n', 0o755)
    return `${words.startsWith('-') ? `nix-build ${words}` : `${words} nix-build`} --no-out-link ${file}`
  }
  return building(entrance, command, more)
}

const WORD_IGNORED: Partial<Entrance> = {
  users: ['alice'],
  note: 'The daemon ignores this option from a plain user.',
}

/** What root can have without the pre-build hook, which alone lets a build start. */
const NOT_STARTED: Partial<Entrance> = {
  users: ['root'],
  trusted: 'refused',
  note: 'What is attested is built, but the plugin refuses the output, because no hook allowed the build.',
}

/** What root can have without the front and both hooks. */
const NOTHING_BUILT: Partial<Entrance> = {
  users: ['root'],
  trusted: 'refused',
  by: 'plugin',
  reason: /it was built here, but nobody let its build start/,
  note: 'What is attested has to be built under the hooks.',
}

const { 'plugin-files': _, ...NO_HOOKS } = WISHES

const OVERRIDES: readonly Entrance[] = [
  overriding("`--option pre-build-hook ''`", "--option pre-build-hook ''", WORD_IGNORED),
  overriding("`--option pre-build-hook ''`", "--option pre-build-hook ''", NOT_STARTED),
  overriding("`--option post-build-hook ''`", "--option post-build-hook ''"),
  overriding('`--option build-hook …`', options({ 'build-hook': NO_FRONT }), WORD_IGNORED),
  overriding('`--option build-hook …`', options({ 'build-hook': NO_FRONT }), {
    users: ['root'],
    by: 'pre-build hook',
  }),
  overriding("`--option plugin-files ''`", "--option plugin-files ''"),
  overriding('`--option sandbox false`', '--option sandbox false', WORD_IGNORED),
  overriding('`--option sandbox false`', '--option sandbox false', NOT_STARTED),
  overriding('`--option require-sigs false`', '--option require-sigs false'),
  overriding('all of these in `NIX_CONFIG`', `NIX_CONFIG='${lines(WISHES)}'`, WORD_IGNORED),
  overriding('all of these but the plugin', options(NO_HOOKS), NOTHING_BUILT),
  overriding(
    'all of these, `NIX_REMOTE=daemon`',
    `NIX_REMOTE=daemon NIX_CONFIG='${lines(WISHES)}'`,
    NOTHING_BUILT,
  ),
]

function lines(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${value}`)
    .join('\n')
}

/** A binary cache of a stranger's. */
const FOREIGN = '/srv/foreign-cache'
const FOREIGN_SETTINGS: Readonly<Record<string, string>> = {
  'extra-substituters': `file://${FOREIGN}`,
  'trusted-public-keys': STRANGER.publicKey,
  'require-sigs': 'false',
}

/**
 * A path that a stranger's cache has, and the gate's upstream and the builder's word as well if it
 * is trusted.
 */
function inForeignCache(cell: Cell): string {
  const cached = cachedPath(cell.name, `${cell.name}\n`, cell.trusted ? [STRANGER, BUILDER] : [STRANGER])
  if (cell.trusted) {
    stock(cell.guarded.upstream, cached)
    cell.guarded.attestOutput({ ...cached, drv: makeStorePath('text', cached.narHash, `${cell.name}.drv`) })
  }
  writeCache(`${cell.world.path('/srv')}/foreign-cache`, [cached])
  return cached.path
}

function foreign(
  entrance: string,
  command: (path: string, cell: Cell) => string,
  more: Partial<Entrance> = {},
): Entrance {
  return {
    entrance,
    users: ['alice'],
    untrusted: 'refused',
    by: 'Nix itself',
    reason: /don't know how to build|does not exist|is not valid|cannot be built|no substituter/,
    async attempt(cell) {
      const path = inForeignCache(cell)
      return { outcome: await cell.world.run(command(path, cell), { user: cell.user }), path }
    },
    ...more,
  }
}

const fromForeign = (path: string) => `nix-store -r ${options(FOREIGN_SETTINGS)} ${path}`

const SUBSTITUTERS: readonly Entrance[] = [
  foreign('`--option extra-substituters` of a stranger', fromForeign, {
    note: 'The daemon asks only the gate, whatever a plain user says.',
  }),
  foreign('`--option extra-substituters` of a stranger', fromForeign, {
    users: ['root'],
    by: 'plugin',
    reason: UNKNOWN_SIGNER,
  }),
  foreign(
    '`--option extra-substituters` of a stranger, `NIX_REMOTE=daemon`',
    path => `NIX_REMOTE=daemon ${fromForeign(path)}`,
    {
      users: ['root'],
      by: 'plugin',
      reason: UNKNOWN_SIGNER,
    },
  ),
  foreign(
    '`--option extra-substituters file://…?trusted=1`',
    path => `nix-store -r ${options({ 'extra-substituters': `file://${FOREIGN}?trusted=1` })} ${path}`,
  ),
]

/**
 * A flake that says how Nix should be set up for it. Nix takes none that names plugins: they are
 * loaded by then.
 */
function flakeThatWishes(): string {
  const settings = Object.entries({ ...FOREIGN_SETTINGS, ...NO_HOOKS })
  return `nixConfig = { ${settings.map(([name, value]) => `${name} = "${value}";`).join(' ')} };`
}

function wishing(more: Partial<Entrance>): Entrance {
  const command = (made: Package) => `nix build --no-link --accept-flake-config ${flake(made)}`
  return building("a flake's `nixConfig`, accepted", command, {
    package: { flake: flakeThatWishes() },
    ...more,
  })
}

export const COMMANDS: readonly Entrance[] = [
  ...GETTING,
  ...OVERRIDES,
  ...SUBSTITUTERS,
  wishing(WORD_IGNORED),
  wishing(NOTHING_BUILT),
]
