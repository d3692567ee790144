/**
 * Entrances for what is named by its contents: Nix asks for no signature of it, whoever brings it.
 */
import { printContentAddress } from '../../../src/formats/nix/content-address.ts'
import { sourcePath, textPath } from '../../../src/formats/nix/make-store-path.ts'
import { type CachedPath, cachedPath } from '../../support/cache-of-many.ts'
import { PACKAGER, STRANGER } from '../../support/guarded-world.ts'
import { contentsOf, packaged, publish, sha256 } from '../../support/trust.ts'
import { daemonByHand } from './by-hand.ts'
import { claiming, fileUrl, offer, outputElsewhere, pastTheGate, UNATTESTED } from './copies.ts'
import type { Cell, Entrance } from './entrance.ts'
import { strict } from './other-policy.ts'

/**
 * A file that is named by its contents, in the cell's cache; the packager's word on it if it is to
 * be trusted.
 */
async function offerSource(cell: Cell): Promise<CachedPath> {
  const { name, world, trusted } = cell
  const contents = `${name}\n`
  const { narHash } = cachedPath(name, contents, [])
  const path = sourcePath({ name, narHash })
  const address = { method: 'recursive', algorithm: 'sha256', hash: narHash } as const
  const made = claiming(cachedPath(name, contents, [STRANGER], { path }), printContentAddress(address))
  if (trusted) publish(world, path, packaged(PACKAGER, made))
  await offer(cell, made)
  return made
}

/**
 * A row of something that may lie in the store before anybody signed it, and that no build gets
 * before.
 */
function bringing(entrance: string, attempt: Entrance['attempt'], note: string): Entrance {
  return { entrance, users: ['alice', 'root'], untrusted: 'data', by: 'build-hook front', note, attempt }
}

const COPY = bringing(
  '`nix copy --from file://…` of what is named by its contents',
  async cell => {
    const { path } = await offerSource(cell)
    const command = `nix copy --from ${fileUrl(cell)} ${path}`
    return { outcome: await cell.world.run(command, { user: cell.user }), path }
  },
  'Nix takes it without a signature.',
)

/**
 * The file that an output becomes under a name that is made of its contents, signed if it is to be
 * trusted.
 */
function renamed({ name, world, trusted }: Cell, { narHash }: CachedPath): string {
  const path = sourcePath({ name, narHash })
  if (trusted) publish(world, path, packaged(PACKAGER, { path, narHash }))
  return path
}

const RENAME = bringing(
  '`nix store make-content-addressed --from file://…`',
  async cell => {
    const made = outputElsewhere(cell)
    await offer(cell, made)
    const path = renamed(cell, made)
    const command = `nix store make-content-addressed --from ${fileUrl(cell)} ${made.path}`
    return { outcome: await cell.world.run(command, { user: cell.user }), path }
  },
  'It can be built by anybody anywhere, and gets a name made from its contents.',
)

const FETCH = bringing(
  '`builtins.fetchClosure`, content-addressed',
  async cell => {
    const made = outputElsewhere(cell)
    const path = renamed(cell, made)
    const closure = `{ fromStore = "${pastTheGate(cell)}"; fromPath = ${made.path}; toPath = ${path}; }`
    const command = `nix eval --extra-experimental-features fetch-closure --impure --raw --expr`
    const outcome = await cell.world.run(`${command} 'builtins.fetchClosure ${closure}'`, { user: cell.user })
    return { outcome, path }
  },
  'Only if Nix’s user enables `fetch-closure`.',
)

const PROGRAM: Entrance = {
  ...bringing(
    'an executable file that is called a text',
    async cell => {
      const { name } = cell
      const contents = `#!/bin/sh\necho ${name}\n`
      const path = textPath(name, Buffer.from(contents), [])
      const contentAddress = printContentAddress({
        method: 'text',
        algorithm: 'sha256',
        hash: sha256(contents),
      })
      const outcome = await daemonByHand(cell, { path, contents, contentAddress, isExecutable: true })
      return { outcome, path }
    },
    'Nix hashes only the text. An executable file is not a text.',
  ),
  untrusted: 'refused',
  trusted: 'refused',
  by: 'plugin',
  reason: UNATTESTED,
}

const SIGN = bringing(
  '`nix store copy-sigs`',
  async cell => {
    const { path } = await offerSource(cell)
    const command = `nix copy --from ${fileUrl(cell)} ${path} && nix store copy-sigs --substituter ${fileUrl(cell)} ${path}`
    return { outcome: await cell.world.run(command, { user: cell.user }), path }
  },
  'Signatures by strangers do not count.',
)

/** Adds a program as data, and uses it by a command that builds nothing, or does. */
function using(
  entrance: string,
  command: (path: string, cell: Cell) => string,
  more: Partial<Entrance>,
): Entrance {
  return {
    entrance: `${entrance} of data`,
    users: ['alice', 'root'],
    untrusted: 'open',
    by: 'nobody',
    note: 'Nothing is built. With `sources = "attested"` it would not be there.',
    async attempt(cell) {
      const { world, name, user } = cell
      world.write(`/srv/data/${name}/bin/tool`, `#!/bin/sh\necho ${name}\n`, 0o755)
      const path = await world.output(`nix-store --add /srv/data/${name}`, { user })
      if (cell.trusted) publish(world, path, packaged(PACKAGER, await contentsOf(world, path)))
      return { outcome: await world.run(command(path, cell), { user }) }
    },
    ...more,
  }
}

const USES: readonly Entrance[] = [
  using('`nix shell`', path => `nix shell ${path} -c tool`, {}),
  using(
    '`nix profile install`',
    (path, { name }) => `nix profile install --profile ./data-${name} ${path}`,
    {},
  ),
  using('`nix-env --set`', (path, { name }) => `nix-env --profile ./data-${name} --set ${path}`, {}),
  using('`nix-env -i`', (path, { name }) => `nix-env --profile ./data-${name} -i ${path}`, {
    untrusted: 'refused',
    by: 'pre-build hook',
    reason: /needs packager for its source, found no signature/,
    note: 'Making the environment is a build.',
  }),
]

export const CONTENTS: readonly Entrance[] = [
  COPY,
  RENAME,
  FETCH,
  PROGRAM,
  SIGN,
  ...[COPY, RENAME].map(strict),
  ...USES,
]
