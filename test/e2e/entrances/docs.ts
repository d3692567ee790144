/** docs/entrances.md: the table of the entrance matrix, made from a run of it. */
import { EVERY_VERSION, type Version } from '../../support/world.ts'
import type { Entrance } from './entrance.ts'
import type { Came, Group, Result } from './run.ts'

/** `2.8` of `2.8.0`, by the kind of world. */
export type Families = Readonly<Record<Version, string>>

const INTRODUCTION = `# Every way into the store

A store is guarded only as well as its widest gap. So every way by which something can come into \`/nix/store\` was tried,
on the oldest Nix that nixsig works with and on the newest by each kind of user, and on that of Debian 13 by one of them
in turn: with something that nobody attested, which one of them tries again, and with something attested. This page
shows the results. The test that tries them writes it (\`npm test -- --only entrances\`), and fails if the page says
something else.

The machine is as \`nixsig setup\` leaves it: with the hooks, the front for \`build-hook\`, the
[store plugin](store-plugin.md), and the gate as Nix's only substituter. Its policy requires a packager's signature for
sources and derivations. Outputs must have a builder's signature or be built here.

| in the tables | means |
|---|---|
| refused | What nobody attested is refused, with the reason, the first and the second time, and nothing of it becomes valid. What is attested is allowed. |
| closed | Refused whoever attested it; the note says what to do instead. |
| data | It may be in the store and be read. Whatever would be built from it is refused until it is attested. |
| **open** | Nobody stops it. The note says why. |
| — | This Nix does not have this. |

*alice* is a plain user, through the daemon. *root* opens the store without a daemon, unless the entrance says
otherwise. *What refuses* names the first guard; the others stand behind it.
`

const HONEST = `## What nobody can close

- **Root writes wherever it likes.** Whoever can write \`/nix/store\` and Nix's database by hand, the ledger, the policy,
  or \`node\`, needs no permission. A path that root writes into the database has no admission: \`nixsig verify\` finds it,
  and nothing here is built from it.
- **Root can switch the guards off.** With \`--option plugin-files ''\` and the options that name the hooks, root runs one
  command without nixsig. The daemon ignores these options from plain users.
- **Trusted users of Nix are equal to root.** They, too, can tell the daemon to build one thing under the name of
  another, or send something in as built here. Keep \`trusted-users\` to root; do not list machines that copy or build
  over ssh.
- **A build outside the sandbox, as root,** runs as root. \`--option sandbox false\` does that with what is attested, and
  without the front for \`build-hook\` with anything. The plugin refuses its output, but not what the build did to the
  machine meanwhile.
- **A plain user's private store** (\`--store ~/x\`) is the user's own directory. What lies there runs only as that user,
  who can leave the plugin out of their own processes.
- **A file that Nix never saw.** Running a program needs no store: it can be a download, a copy out of the store, a
  script in a home directory.
- **Data that somebody runs.** Nobody judged what is in the store as data. It can be run by its name, and \`nix shell\` or
  \`nix profile\` can put it into a \`PATH\`, since neither builds anything. \`nix run\` of a flake whose program is a file of
  its own, and \`nix-shell\` with a \`stdenv\` of one's own, have the same effect. With \`[store] sources = "attested"\` it is
  refused in the first place.
- **Files that are there and not valid.** A refused import leaves its files until the next garbage collection, as
  every failed command of Nix does. No command of Nix uses them.
- **What was valid before** the plugin was set up stays valid, and may be run. It is judged when something is to be
  built from it, and by \`nixsig verify\`.
- **What happens on another machine** is guarded only by that machine's own gate. What comes back from it is judged
  here.
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
  const tried = users.flatMap(user => {
    const found = results.find(result => result.version === version && result.user === user)
    return found === undefined ? [] : [{ user, word: wordFor(found.untrusted, found.trusted) }]
  })
  const [first, ...others] = new Set(tried.map(({ word }) => word))
  return others.length === 0 ? (first ?? '—') : tried.map(({ user, word }) => `${user}: ${word}`).join(', ')
}

/** What a cell says. A word of its own for what no cell should ever be. */
function wordFor(untrusted: Came, trusted: Came): string {
  if (untrusted === 'refused')
    return trusted === 'let in' ? 'refused' : trusted === 'refused' ? 'closed' : 'BROKEN'
  if (trusted !== 'let in' || untrusted === 'half') return 'BROKEN'
  return untrusted === 'data' ? 'data' : '**open**'
}
