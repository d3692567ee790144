/** docs/entrances.md: the table of the entrance matrix, made from a run of it. */
import { EVERY_VERSION, type Version } from '../../support/world.ts'
import type { Entrance } from './entrance.ts'
import type { Came, Group, Result } from './run.ts'

/** `2.8` of `2.8.0`, by the kind of world. */
export type Families = Readonly<Record<Version, string>>

const INTRODUCTION = `# Every way into the store

A store is guarded as well as its widest gap. So each way by which something can come into \`/nix/store\` was tried, on
the oldest Nix that nixsig works with, on that of Debian 13, and on the newest: with something that nobody attested,
twice, and with something that was attested. This page is what came of it. It is written by the test that tries them
(\`npm test -- --only entrances\`), which fails where the page says something else.

The machine is set up as \`nixsig setup\` leaves one: the hooks, the front for \`build-hook\`, the
[store plugin](store-plugin.md), and the gate as Nix's only substituter. Its policy asks a packager's signature for
sources and derivations, and for outputs a builder's, or to be built here.

| in the tables | means |
|---|---|
| refused | What nobody attested is refused, with the reason, the first time and the second, and nothing of it becomes valid. What is attested passes. |
| closed | Refused whoever attested it; the note says what to do instead. |
| data | It may lie in the store and be read. Whatever would be built from it is refused until it is attested. |
| **open** | Nobody stops it. The note says why. |
| — | This Nix has no such thing. |

*alice* is a plain user, through the daemon. *root* opens the store without a daemon, unless the entrance says
otherwise. *What refuses* is what stands there first: behind it stand the others.
`

const HONEST = `## What nobody can close

- **Root writes where it likes.** Whoever can write \`/nix/store\` and Nix's database by hand, the ledger, the policy,
  or \`node\`, asks nobody. A path that root writes into the database has no admission: \`nixsig verify\` finds it, and
  nothing here is built from it.
- **Root takes the guards off.** \`--option plugin-files ''\` together with the options that name the hooks is a Nix
  without nixsig, for one command. The daemon takes no such word from plain users.
- **Trusted users of Nix are root's equals.** They, too, can tell the daemon to build one thing under the name of
  another, or call built here what they send in. Keep \`trusted-users\` to root; machines that copy or build over ssh
  do not belong there.
- **A build outside the sandbox, as root,** runs as root: \`--option sandbox false\` does so with what is attested, and
  without the front for \`build-hook\` with anything. The plugin refuses what came of it; what it did to the machine
  meanwhile, it did.
- **A plain user's private store** (\`--store ~/x\`) is the user's own directory. What lies there runs as that user
  alone, who can leave the plugin out of a process of his own.
- **A file that Nix never saw.** Nobody needs a store to run a program: a download, a copy out of the store, a script
  in a home directory.
- **Data that somebody runs.** What lies in the store as data was judged by nobody. It can be run by its name, and
  \`nix shell\` or \`nix profile\` can put it into a \`PATH\`, since neither builds anything. So does \`nix run\` of a
  flake whose program is a file of its own, and \`nix-shell\` with a \`stdenv\` of one's own. With
  \`[store] sources = "attested"\` it is not let in to begin with.
- **Files that are there and not valid.** A refused import leaves its files until the next garbage collection, as
  every failed command of Nix does. No command of Nix uses them.
- **What was valid before** the plugin was set up stays valid, and may be run. It is judged when something is to be
  built from it, and by \`nixsig verify\`.
- **What happens on another machine** is guarded by that machine's own gate, or not at all. What comes back from it is
  judged here.
`

/** The whole page. */
export function printPage(groups: readonly Group[], results: readonly Result[], families: Families): string {
  const tables = groups.map(group => `## ${group.title}\n\n${printTable(group, results, families)}`)
  return [INTRODUCTION, ...tables, HONEST].join('\n')
}

/** The page with nothing in it that a new version of Nix changes by its number alone. */
export function withoutNumbers(page: string): string {
  return page.replace(/^\| entrance \| who \|.*$/gm, '| entrance |')
}

function printTable({ entrances }: Group, results: readonly Result[], families: Families): string {
  const rows = entrances.map(entrance => {
    const own = results.filter(result => result.entrance === entrance)
    const cells = EVERY_VERSION.map(version => printCell(entrance, own, version))
    return `| ${[entrance.entrance, entrance.users.join(', '), ...cells, entrance.by, entrance.note ?? ''].join(' | ')} |\n`
  })
  return `| entrance | who | ${EVERY_VERSION.map(version => families[version]).join(' | ')} | what refuses | note |
|---|---|${'---|'.repeat(EVERY_VERSION.length)}---|---|
${rows.join('')}`
}

function printCell({ users }: Entrance, results: readonly Result[], version: Version): string {
  const words = users.map(user => {
    const found = results.find(result => result.version === version && result.user === user)
    return found === undefined ? '—' : wordFor(found.untrusted, found.trusted)
  })
  const [first, ...others] = new Set(words)
  return others.length === 0
    ? (first ?? '—')
    : users.map((user, index) => `${user}: ${words[index]}`).join(', ')
}

/** What a cell says. A word of its own for what no cell should ever be. */
function wordFor(untrusted: Came, trusted: Came): string {
  if (untrusted === 'refused')
    return trusted === 'let in' ? 'refused' : trusted === 'refused' ? 'closed' : 'BROKEN'
  if (trusted !== 'let in' || untrusted === 'half') return 'BROKEN'
  return untrusted === 'data' ? 'data' : '**open**'
}
