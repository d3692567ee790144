/** Entrances by which a path comes from another store, or from whoever says that it has one. */
import assert from 'node:assert/strict'
import { printContentAddress } from '../../../src/formats/nix/content-address.ts'
import { makeStorePath } from '../../../src/formats/nix/make-store-path.ts'
import { type CachedPath, cachedPath, writeCache } from '../../support/cache-of-many.ts'
import { stock } from '../../support/gated-world.ts'
import { BUILDER, STRANGER } from '../../support/guarded-world.ts'
import { sha256 } from '../../support/trust.ts'
import type { Outcome } from '../../support/world.ts'
import { daemonByHand, serveByHand } from './by-hand.ts'
import type { Cell, Entrance } from './entrance.ts'
import { underPolicy } from './other-policy.ts'
import { otherStore, reachOther } from './other-store.ts'

/** What the plugin says of an output that no trusted builder attested. */
export const UNATTESTED: RegExp = /nixsig: refused .*needs (1 of 2 )?makers for its output/

/** What Nix says to a plain user. */
export const UNSIGNED_TO_NIX: RegExp = /lacks a (valid )?signature/

const NOT_FOR_USERS =
  'Nix accepts from plain users only what the gate signed; use `nix-store -r`, which asks the gate.'

/** The directory of a binary cache that has the cell's path alone, its user's own. */
const cacheOf = ({ name }: Cell) => `/srv/copies/${name}`

export const fileUrl = (cell: Cell) => `file://${cacheOf(cell)}`

/** An output that was made elsewhere, signed by a stranger. */
export const outputElsewhere = ({ name }: Cell) => cachedPath(name, `${name}\n`, [STRANGER])

/** The builder's word on an output that is to be trusted. */
function vouch({ guarded, name, trusted }: Cell, made: CachedPath): void {
  if (trusted) guarded.attestOutput({ ...made, drv: makeStorePath('text', made.narHash, `${name}.drv`) })
}

/** Puts a path into the cell's cache. */
export async function offer(cell: Cell, made: CachedPath): Promise<void> {
  const { world, user } = cell
  writeCache(`${world.path('/srv')}${cacheOf(cell).slice('/srv'.length)}`, [made])
  await world.output(`chown -R ${user} ${cacheOf(cell)}`)
}

/**
 * A binary cache on this machine's loopback which the gate does not know, with the cell's path: its
 * URL.
 */
export function pastTheGate(cell: Cell): string {
  const { files, url } = cell.guarded.upstream
  const made = outputElsewhere(cell)
  files.set('past/nix-cache-info', 'StoreDir: /nix/store\n')
  files.set(`past/${made.digest}.narinfo`, made.narinfo).set(`past/${made.url}`, made.nar)
  return `${url}/past`
}

type Command = (path: string, cell: Cell) => string | Promise<string>

/** A row that copies such an output. Root may, so that the plugin alone stands there. */
function copying(entrance: string, command: Command, more: Partial<Entrance> = {}): Entrance {
  return {
    entrance,
    users: ['root'],
    untrusted: 'refused',
    by: 'plugin',
    reason: UNATTESTED,
    async attempt(cell) {
      const made = outputElsewhere(cell)
      vouch(cell, made)
      await offer(cell, made)
      const outcome = await cell.world.run(await command(made.path, cell), { user: cell.user })
      return { outcome, path: made.path }
    },
    ...more,
  }
}

/** What a row is for a plain user, from whom Nix takes no such thing. */
const FOR_USERS: Partial<Entrance> = {
  users: ['alice'],
  trusted: 'refused',
  by: 'Nix itself',
  reason: UNSIGNED_TO_NIX,
  note: NOT_FOR_USERS,
}

/** A row for root and one for a plain user. */
function copyingByAll(entrance: string, command: Command): readonly Entrance[] {
  return [copying(entrance, command), copying(entrance, command, FOR_USERS)]
}

/**
 * The same where the path lies in a second store of the same user, which the words in front of a
 * command choose.
 */
function betweenStores(
  entrance: string,
  command: (path: string, other: string) => string,
): readonly Entrance[] {
  return copyingByAll(entrance, async (path, cell) =>
    command(path, await otherStore(cell, fileUrl(cell), path)),
  )
}

const FROM_STORES: readonly Entrance[] = [
  ...betweenStores(
    '`nix-store --import`',
    (path, other) => `(${other} nix-store --export ${path}) | nix-store --import`,
  ),
  copying('`nix-store --import`, `NIX_REMOTE=daemon`', async (path, cell) => {
    const other = await otherStore(cell, fileUrl(cell), path)
    return `(${other} nix-store --export ${path}) | NIX_REMOTE=daemon nix-store --import`
  }),
  ...betweenStores('`nix-copy-closure --from`', path => reachOther(`nix-copy-closure --from other ${path}`)),
  ...betweenStores('`nix-copy-closure --to`', (path, other) =>
    reachOther(`${other} nix-copy-closure --to here ${path}`),
  ),
  ...['ssh', 'ssh-ng'].flatMap(scheme => [
    ...betweenStores(`\`nix copy --no-check-sigs --from ${scheme}://…\``, path =>
      reachOther(`nix copy --no-check-sigs --from ${scheme}://other ${path}`),
    ),
    ...betweenStores(`\`nix copy --no-check-sigs --to ${scheme}://…\``, (path, other) =>
      reachOther(`${other} nix copy --no-check-sigs --to ${scheme}://here ${path}`),
    ),
  ]),
  ...betweenStores(
    '`nix copy --no-check-sigs --from local?root=…`',
    (path, other) => `nix copy --no-check-sigs --from $(${other} printenv NIX_REMOTE) ${path}`,
  ),
]

const FROM_CACHES: readonly Entrance[] = [
  copying('`nix copy --from file://…`', (path, cell) => `nix copy --from ${fileUrl(cell)} ${path}`, {
    ...FOR_USERS,
    users: ['alice', 'root'],
    note: 'The only key that Nix trusts is the gate’s. `nix-store -r` asks the gate.',
  }),
  ...copyingByAll(
    '`nix copy --no-check-sigs --from file://…`',
    (path, cell) => `nix copy --no-check-sigs --from ${fileUrl(cell)} ${path}`,
  ),
  copying(
    '`nix copy --no-check-sigs --from file://…`, `NIX_REMOTE=daemon`',
    (path, cell) => `NIX_REMOTE=daemon nix copy --no-check-sigs --from ${fileUrl(cell)} ${path}`,
  ),
  ...copyingByAll(
    '`nix copy --from file://…?trusted=1`',
    (path, cell) => `nix copy --no-check-sigs --from '${fileUrl(cell)}?trusted=1' ${path}`,
  ),
  copying('`nix-store -r --option substituters file://…?trusted=1`', (path, cell) => {
    return `nix-store -r --option substituters '${fileUrl(cell)}?trusted=1' ${path}`
  }),
  ...copyingByAll(
    '`nix copy --no-check-sigs --from http://…`, past the gate',
    (path, cell) => `nix copy --no-check-sigs --from ${pastTheGate(cell)} ${path}`,
  ),
]

/**
 * A narinfo that the gate signed for the builder's word, in a cache of the user's own; then the
 * builder may be dismissed.
 */
const KEPT: Entrance = copying(
  'a kept narinfo that the gate signed before its builder was removed from the list',
  () => '',
  {
    users: ['alice', 'root'],
    note: 'Nix still accepts the signature. The plugin accepts it only while the builder is listed.',
    async attempt(cell) {
      const { guarded, world, user, name, trusted } = cell
      const made = cachedPath(name, `${name}\n`, [BUILDER])
      stock(guarded.upstream, made)
      const answer = await fetch(`${guarded.gate.url}/${made.digest}.narinfo`)
      const narinfo = (await answer.text()).replace(/^URL: .*$/m, `URL: ${made.url}`)
      await offer(cell, { ...made, narinfo })
      const copy = () => world.run(`nix copy --from ${fileUrl(cell)} ${made.path}`, { user })
      const dismissal = ['members = ["self", "builder"]', 'members = ["self"]'] as const
      const outcome = trusted ? await copy() : await underPolicy(cell, dismissal, copy)
      return { outcome, path: made.path }
    },
  },
)

const TO_OWN_STORE = copying("`nix copy --to` a store of the user's own", () => '', {
  users: ['alice'],
  untrusted: 'open',
  by: 'nobody',
  note: 'What lies in a plain user’s own directories runs only as that user, who needs no Nix for that.',
  async attempt(cell) {
    const made = outputElsewhere(cell)
    vouch(cell, made)
    await offer(cell, made)
    const command = `nix copy --no-check-sigs --from ${fileUrl(cell)} --to ~/own-store ${made.path}`
    const outcome = await cell.world.run(command, { user: cell.user })
    assert.ok(!(await cell.guarded.isValid(made.path)))
    return { outcome }
  },
})

/** A row in which one of Nix's protocols is spoken by hand, and the path called built here. */
function speaking(
  entrance: string,
  speak: typeof serveByHand,
  more: Partial<Entrance> & { readonly words?: string } = {},
): Entrance {
  const { words, ...row } = more
  return {
    ...copying(entrance, () => ''),
    async attempt(cell) {
      const made = outputElsewhere(cell)
      vouch(cell, made)
      const told = { path: made.path, contents: `${cell.name}\n`, ultimate: true }
      return { outcome: await speak(cell, told, words), path: made.path }
    },
    ...row,
  }
}

const BY_HAND: readonly Entrance[] = [
  speaking('`nix-store --serve --write`, spoken to by hand', serveByHand),
  speaking('`nix-store --serve --write`, spoken to by hand', serveByHand, FOR_USERS),
  speaking('`nix-daemon --stdio`, spoken to by hand', daemonByHand),
  speaking('`nix-daemon --stdio`, spoken to by hand', daemonByHand, FOR_USERS),
  speaking('the daemon, spoken to by hand', daemonByHand, { words: 'NIX_REMOTE=daemon' }),
]

/** The path with a content address in its narinfo. */
export function claiming(made: CachedPath, contentAddress: string): CachedPath {
  return { ...made, narinfo: `${made.narinfo}CA: ${contentAddress}\n` }
}

const BELIED =
  /lacks a (valid )?signature|claims to be content-addressed but isn't|storePathForDst == storePathForSrc/

/**
 * Content addresses that are right for the contents, of a path whose name is made of something
 * else.
 */
const LIES: Readonly<Record<string, (made: CachedPath, contents: string) => string>> = {
  'fixed:r:': ({ narHash }) =>
    printContentAddress({ method: 'recursive', algorithm: 'sha256', hash: narHash }),
  'fixed:': (_, contents) =>
    printContentAddress({ method: 'flat', algorithm: 'sha256', hash: sha256(contents) }),
  'text:': (_, contents) =>
    printContentAddress({ method: 'text', algorithm: 'sha256', hash: sha256(contents) }),
}

/** Rows of one such lie, told in every way in which a content address can be told. */
function lying(kind: string, contentAddressOf: (typeof LIES)[string]): readonly Entrance[] {
  const row = (where: string, bring: (cell: Cell, made: CachedPath, claim: string) => Promise<Outcome>) =>
    ({
      ...copying(`${where} with \`CA: ${kind}…\` that the path's name belies`, () => ''),
      users: ['alice', 'root'],
      trusted: 'refused',
      by: 'Nix itself',
      reason: BELIED,
      async attempt(cell) {
        const made = outputElsewhere(cell)
        vouch(cell, made)
        const outcome = await bring(cell, made, contentAddressOf(made, `${cell.name}\n`))
        return { outcome, path: made.path }
      },
    }) as const satisfies Entrance
  const telling =
    (speak: typeof serveByHand) =>
    (cell: Cell, { path }: CachedPath, contentAddress: string) =>
      speak(cell, { path, contents: `${cell.name}\n`, contentAddress })
  return [
    row('a narinfo', async (cell, made, claim) => {
      await offer(cell, claiming(made, claim))
      const command = `nix copy --no-check-sigs --from ${fileUrl(cell)} ${made.path}`
      return cell.world.run(command, { user: cell.user })
    }),
    row('`nix-store --serve --write`', telling(serveByHand)),
    row('`nix-daemon --stdio`', telling(daemonByHand)),
  ]
}

export const COPIES: readonly Entrance[] = [
  ...FROM_STORES,
  ...FROM_CACHES,
  ...BY_HAND,
  KEPT,
  TO_OWN_STORE,
  ...Object.entries(LIES).flatMap(([kind, contentAddress]) => lying(kind, contentAddress)),
]
