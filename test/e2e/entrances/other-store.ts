/** A second store, for the rows of the matrix in which a path comes from one. */
import type { User } from '../../support/world.ts'
import type { Cell } from './entrance.ts'

const BIN = '/srv/other-bin'

/**
 * In place of ssh: runs what it is asked to at the machine `other`, which is the second store, or at the machine `here`,
 * which is the system's own.
 */
const SSH = `#!/bin/sh
case "$*" in *'-O check'*) exit 1 ;; esac
case "$*" in *LocalCommand=*) echo started ;; esac
for last; do :; done
case $last in *nix-store* | *nix-daemon*) ;; *) last="$*" ;; esac
case $last in *" -- "*) last=\${last##* -- } ;; *" -a "*) last=\${last##* -a } ;; esac
case " $* " in *" other "*) set -- $OTHER ;; *) set -- ;; esac
exec env -i PATH="$PATH" HOME="$HOME" USER="$USER" "$@" sh -c "$last"
`

/** The words in front of a command of Nix that make it use the second store, which nothing of nixsig guards. */
function wordsFor({ guarded }: Cell, user: User): string {
  const conf = Object.entries(guarded.before.env ?? {}).map(([name, value]) => `${name}=${value}`)
  return `NIX_REMOTE=local?root=/srv/other-${user} ${conf.join(' ')}`
}

/** Copies a path from a binary cache into the user's second store: the words in front of a command that uses it. */
export async function otherStore(cell: Cell, cache: string, path: string): Promise<string> {
  const { world, user } = cell
  const words = wordsFor(cell, user)
  world.write(`${BIN}/ssh`, SSH.replace('$OTHER', words), 0o755)
  await world.output(`mkdir -p /srv/other-${user} && chown ${user} /srv/other-${user}`)
  await world.output(
    `env ${words} nix copy --no-check-sigs --from ${cache} --to 'local?root=/srv/other-${user}' ${path}`,
    { user },
  )
  return `env ${words}`
}

/** A line of shell in which ssh reaches the machines `other` and `here`. */
export function reachOther(command: string): string {
  return `PATH=${BIN}:$PATH ${command}`
}
