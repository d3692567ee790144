/**
 * Entrances that root alone has: whoever is root can be stopped from mistakes, and from nothing
 * else.
 */
import assert from 'node:assert/strict'
import { makeStorePath } from '../../../src/formats/nix/make-store-path.ts'
import { narOfBytes } from '../../../src/formats/nix/nar.ts'
import { parseStorePath } from '../../../src/formats/nix/store-path.ts'
import { cachedPath } from '../../support/cache-of-many.ts'
import { stock } from '../../support/gated-world.ts'
import { BUILDER, STRANGER } from '../../support/guarded-world.ts'
import { ATTESTATIONS, sha256 } from '../../support/trust.ts'
import { UNATTESTED } from './copies.ts'
import type { Attempt, Cell, Entrance } from './entrance.ts'
import { ROOT_BUILDS } from './root-builds.ts'

/** A path that root has put into the store's directory by hand. */
interface Planted {
  readonly path: string
  readonly narHash: string
  readonly narSize: number
}

/** A row about such a path, which the builder attests if it is to be trusted. */
function planting(
  entrance: string,
  command: (planted: Planted, cell: Cell) => string,
  more: Partial<Entrance> & { readonly suffix?: string } = {},
): Entrance {
  const { suffix = '', ...row } = more
  return {
    entrance,
    users: ['root'],
    untrusted: 'refused',
    by: 'plugin',
    reason: UNATTESTED,
    async attempt(cell) {
      const { world, user } = cell
      const planted = await plant(cell, suffix)
      return { outcome: await world.run(command(planted, cell), { user }), path: planted.path }
    },
    ...row,
  }
}

/** An executable file, so that there is something to run. */
async function plant({ guarded, world, name, trusted }: Cell, suffix = ''): Promise<Planted> {
  const contents = Buffer.from(`#!/bin/sh\necho ${name}\n`)
  const path = makeStorePath('output:out', sha256(name), `${name}${suffix}`)
  world.write(`/srv/planted/${name}`, contents, 0o755)
  await world.output(`cp /srv/planted/${name} ${path}`)
  const nar = narOfBytes(contents, true)
  const planted = { path, narHash: sha256(nar), narSize: nar.length }
  if (trusted)
    guarded.attestOutput({ ...planted, drv: makeStorePath('text', planted.narHash, `${name}.drv`) })
  return planted
}

/**
 * What `nix-store --register-validity` reads: a path, its deriver, and how many references follow.
 */
const registration = ({ path }: Planted) => `printf '%s\\n\\n0\\n' ${path}`

/** What `nix-store --load-db` reads: the same with hash and size. */
const dump = ({ path, narHash, narSize }: Planted) =>
  `printf '%s\\n%s\\n%s\\n\\n0\\n' ${path} ${narHash} ${narSize}`

const row = ({ path, narHash, narSize }: Planted) =>
  `insert into ValidPaths (path, hash, registrationTime, narSize) values ('${path}', 'sha256:${narHash}', 1, ${narSize})`

const REGISTERING: readonly Entrance[] = [
  planting(
    '`nix-store --register-validity`',
    planted => `${registration(planted)} | nix-store --register-validity`,
  ),
  planting('`nix-store --load-db`', planted => `${dump(planted)} | nix-store --load-db`),
  planting('`nix-store --restore`, then `--register-validity`', (planted, { name }) => {
    const restore = `rm ${planted.path}; nix-store --dump /srv/planted/${name} | nix-store --restore ${planted.path}`
    return `${restore}; ${registration(planted)} | nix-store --register-validity`
  }),
  planting(
    '`nix-store --register-validity` of a `.drv` that is not a derivation',
    planted => `${registration(planted)} | nix-store --register-validity`,
    { suffix: '.drv', trusted: 'refused', note: 'Whether attested or not.' },
  ),
  planting(
    '`nix-store --register-validity --store /elsewhere`',
    planted => {
      const copy = `mkdir -p /srv/root-else/nix/store && cp ${planted.path} /srv/root-else/nix/store`
      const register = `${registration(planted)} | nix-store --store 'local?root=/srv/root-else' --register-validity`
      // So that the path is valid in the system's store as well, if it is in the other.
      return `${copy} && ${register} && ${registration(planted)} | nix-store --register-validity`
    },
    { note: 'Every store that root opens is guarded.' },
  ),
  {
    ...planting(
      '`nix-store --register-validity --hash-given`, with the attested hash of other contents',
      () => '',
    ),
    untrusted: 'open',
    by: 'nobody',
    note: 'Root states the hash. `nix-store --verify --check-contents` detects the lie.',
    async attempt(cell) {
      const { guarded, world, user } = cell
      const planted = await plant({ ...cell, trusted: false })
      const narHash = sha256('what the builder made')
      guarded.attestOutput({
        ...planted,
        narHash,
        drv: makeStorePath('text', narHash, `${parseStorePath(planted.path).name}.drv`),
      })
      const command = `${dump({ ...planted, narHash })} | nix-store --register-validity --hash-given`
      return { outcome: await world.run(command, { user }), path: planted.path }
    },
  },
  planting('an `insert` by `sqlite3`', planted => `sqlite3 /nix/var/nix/db/db.sqlite "${row(planted)}"`, {
    untrusted: 'open',
    by: 'nobody',
    note: 'Whoever can write the database needs no Nix for that. A build from it is still refused.',
  }),
  planting(
    "`--option plugin-files ''`, or a nix.conf of one’s own",
    planted => `${registration(planted)} | nix-store --option plugin-files '' --register-validity`,
    {
      untrusted: 'open',
      by: 'nobody',
      note: 'Only for processes that root starts this way. The daemon keeps its plugin.',
    },
  ),
  {
    ...planting('a file copied into /nix/store, run by its name', () => ''),
    untrusted: 'open',
    by: 'nobody',
    note: 'It is not valid, and Nix was not involved. Nothing can be built from it.',
    async attempt(cell) {
      const { path } = await plant(cell)
      assert.ok(!(await cell.guarded.isValid(path)))
      return { outcome: await cell.world.run(path, { user: cell.user }) }
    },
  },
]

/** Gives a valid path other contents, and registers it again. */
async function registerAgain(cell: Cell): Promise<Attempt> {
  const { guarded, world, name, user, trusted } = cell
  const planted = await plant({ ...cell, trusted: true })
  await world.output(`${registration(planted)} | nix-store --register-validity`)
  const contents = Buffer.from(`#!/bin/sh\necho other ${name}\n`)
  const narHash = sha256(narOfBytes(contents, true))
  if (trusted) {
    await world.output(
      `find ${ATTESTATIONS} -name '${planted.path.slice('/nix/store/'.length).slice(0, 32)}*' -delete`,
    )
    guarded.attestOutput({ path: planted.path, narHash, drv: makeStorePath('text', narHash, `${name}.drv`) })
  }
  world.write(`/srv/planted/${name}-other`, contents, 0o755)
  await world.output(`cp -f /srv/planted/${name}-other ${planted.path}`)
  const outcome = await world.run(`${registration(planted)} | nix-store --register-validity --reregister`, {
    user,
  })
  const isOther = (await guarded.pathInfo(planted.path))?.narHash === narHash
  assert.equal(isOther, outcome.status === 0)
  return { outcome }
}

/** Mends a path that has been damaged, with what the gate's upstream has. */
function mending(entrance: string, command: (path: string) => string): Entrance {
  return {
    entrance,
    users: ['root'],
    untrusted: 'refused',
    by: 'gate',
    reason: UNATTESTED,
    async attempt({ guarded, world, name, user, trusted }) {
      const cached = cachedPath(name, `${name}\n`, [trusted ? BUILDER : STRANGER])
      world.write(`/srv/planted/${name}`, `${name}\n`, 0o444)
      const register = `printf '%s\\n\\n0\\n' ${cached.path} | nix-store --register-validity`
      await world.output(`cp -f /srv/planted/${name} ${cached.path} && ${register}`, guarded.before)
      await world.output(`echo damaged > ${cached.path}`)
      stock(guarded.upstream, cached)
      const outcome = await world.run(`${command(cached.path)}; grep ${name} ${cached.path}`, { user })
      await world.output(`nix-store --delete ${cached.path}`)
      return { outcome }
    },
  }
}

export const ROOT: readonly Entrance[] = [
  ...REGISTERING,
  {
    entrance: '`nix-store --register-validity --reregister` of a valid path with other contents',
    users: ['root'],
    untrusted: 'refused',
    by: 'plugin',
    reason: /nixsig: refused /,
    attempt: registerAgain,
  },
  mending(
    '`nix-store --repair-path` of what the gate’s upstream has',
    path => `nix-store --repair-path ${path}`,
  ),
  mending(
    '`nix-store --verify --check-contents --repair`',
    () => 'nix-store --verify --check-contents --repair',
  ),
  ...ROOT_BUILDS,
]
