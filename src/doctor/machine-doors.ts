/** Doors about the disk of this machine, its clock, and its gate. */
import { printable } from '../primitives/printable.ts'
import { versionWords } from '../setup/in-force.ts'
import { versionIn } from '../setup/versions.ts'
import {
  about,
  closed,
  type Finding,
  known,
  type Learned,
  notApplicable,
  open,
  unknown,
  warning,
} from './door.ts'
import type { Facts } from './facts.ts'

export const store = ({ machine }: Facts) =>
  without(machine.storeProblems, "root's, and nobody else writes to it")

/** Without a state directory nothing that this machine built or admitted is known any more. */
export function state({ machine }: Facts): Finding {
  if (known(machine.ledger)?.isThere !== false) {
    return without(machine.stateProblems, 'only root can write there')
  }
  return open(
    'it does not exist: the ledger and the keys of this machine are lost, so Nix trusts no answer of the gate, and what was built here counts as unknown',
    'restore it from a backup; or begin anew: systemctl restart nixsig-keys nix-daemon on NixOS, elsewhere nixsig setup',
  )
}

/** A ledger that is younger than the system refuses, as an input, what nobody else vouches for. */
export function ledger({ machine }: Facts): Finding {
  return about(machine.ledger, ({ system }) => {
    if (system === undefined) return notApplicable('this is no running system of NixOS')
    const { known: count, paths } = system
    const detail = `it knows ${count} of the ${paths} paths of the running system`
    return count === paths
      ? closed(detail)
      : warning(`${detail}: the others came before nixsig, or before its state was lost`)
  })
}
export const bundle = ({ machine }: Facts) => without(machine.bundleProblems, 'only root can write there')

/** Parts of different versions may disagree about what they write and ask. */
export function versions({ versions: learned }: Facts): Finding {
  return about(learned, found => {
    const { own, programs, gates, plugin } = found
    const all = [programs, plugin, ...gates].filter(directory => directory !== undefined)
    const words = [
      `this is nixsig ${versionIn(own) ?? ''} in ${printable(own)}`,
      ...versionWords(found),
    ].join('; ')
    return all.some(directory => directory !== own) ? warning(words) : closed(words)
  })
}

function without(learned: Learned<readonly string[]>, good: string): Finding {
  return about(learned, problems => (problems.length === 0 ? closed(good) : open(summary(problems))))
}

/** How many problems are named. */
const NAMED = 3

function summary(problems: readonly string[]): string {
  const more = problems.length - NAMED
  return `${problems.slice(0, NAMED).join('; ')}${more > 0 ? `; and ${more} more` : ''}`
}

/** Seconds by which file times may be ahead of the clock. */
const GRAIN = 2

/** With a clock that is behind, expired keys count as valid. */
export function clock({ machine, now }: Facts): Finding {
  return about(machine.newestFile, newest => {
    const at = (seconds: number) => new Date(seconds * 1000).toISOString().slice(0, 19)
    return newest > now + GRAIN
      ? open(`it says ${at(now)}Z, and a file of nixsig is of ${at(newest)}Z`)
      : closed(`${at(now)}Z`)
  })
}

/** Whether the resident process answers hooks and the plugin on its socket. */
export function gateSocket({ gate }: Facts): Finding {
  return about(gate.socket, asked => {
    if (asked.kind === 'absent') return open('nobody listens there')
    if (asked.kind === 'failed') return open(printable(asked.why, 1000))
    return closed('the gate answers')
  })
}

/** What a gate answers for a path that no cache has: not found, or refused. */
const NOT_THERE = [404, 451]

/** Whether the gate answers Nix, and does not offer a made-up path. */
export function gateHttp({ gate }: Facts): Finding {
  const health = about(gate.health, ({ status, text }) =>
    status === 200 ? closed('') : open(`its health is ${status}: ${printable(text.trim())}`),
  )
  if (health.state === 'unknown') return open(health.detail)
  if (health.state !== 'closed') return health
  return about(gate.narinfo, ({ status, text }) => {
    if (NOT_THERE.includes(status)) return closed('the gate answers, and does not offer a made-up path')
    const words = `for a made-up path it answers ${status}: ${printable(text.trim())}`
    return status === 200 ? open(words) : unknown(words)
  })
}
