/** Doors about the parts of nixsig that Nix calls and loads. */

import { type Advisory, advisoriesOn, namesOf } from '../formats/nix/advisories.ts'
import { KNOWN, versionOfNix } from '../formats/nix/nix-version.ts'
import { itemsOf } from '../nix-config/settings.ts'
import { printable } from '../primitives/printable.ts'
import { about, closed, type Finding, notApplicable, open, unknown, warning, worst } from './door.ts'
import type { Facts, Loaded, Part } from './facts.ts'
import { isProven, minorOf, provenNote } from './known-versions.ts'
import { inEachView } from './views.ts'

export const preBuildHook = (facts: Facts) => hook(facts, 'pre-build-hook')
export const postBuildHook = (facts: Facts) => hook(facts, 'post-build-hook')
export const buildHook = (facts: Facts) => hook(facts, 'build-hook')

function hook(facts: Facts, name: Exclude<Part, 'plugin'>): Finding {
  return inEachView(facts, (settings, view) => {
    const [file] = itemsOf(settings, name)
    if (file === undefined) return open(`no ${name} is set`)
    const finding = named(facts, file, name)
    if (finding.state !== 'closed') return finding
    return closed(`${finding.detail}${provenNote(facts, view, name)}`)
  })
}

/** The risk without the plugin, as in docs/threat-model.md. */
export const WINDOW =
  'without the plugin there is a time in which an output is valid and not yet judged, and whoever keeps the post-build hook from running keeps it so'

/**
 * All plugins share Nix's memory, so each has to belong to root; one of them has to be nixsig's.
 */
export function pluginFiles(facts: Facts): Finding {
  return inEachView(facts, (settings, view) => {
    const files = itemsOf(settings, 'plugin-files')
    const ours = files.find(file => facts.files.programs.get(file)?.part === 'plugin')
    if (ours === undefined) {
      return open(
        `${files.length === 0 ? 'plugin-files is empty' : `${printable(files.join(' '))}: none is nixsig's`}; ${WINDOW}`,
      )
    }
    const broken = files.flatMap(file => facts.files.programs.get(file)?.problem ?? [])
    if (broken.length > 0) return open(broken.join('; '))
    const others = files.filter(file => file !== ours)
    const besides = others.length === 0 ? '' : `; note: ${printable(others.join(' '))} as well`
    return closed(`${printable(ours)}${besides}${provenNote(facts, view, 'plugin')}`)
  })
}

function named({ files }: Facts, file: string, part: Part): Finding {
  const program = files.programs.get(file)
  if (program === undefined) return unknown(`${printable(file)} was not looked at`)
  if (program.problem !== undefined) return open(program.problem)
  return program.part === part ? closed(printable(file)) : open(`${printable(file)} is not nixsig's ${part}`)
}

/** Whether running processes have loaded it, whatever the configuration says by now. */
export function pluginLoaded(facts: Facts): Finding {
  return inEachProcess(facts, (who, { plugin }) => {
    if (plugin === 'loaded') return closed(`${who} has it in its memory`)
    if (plugin === 'absent') return open(`${who} has not loaded it; ${WINDOW}`)
    return open(`${who} has loaded a file that was replaced since`, 'restart nix-daemon')
  })
}

/** Whether the plugin can find Nix's SQLite, which it needs to guard the database. */
export function sqlite(facts: Facts): Finding {
  return inEachProcess(facts, (who, { offersSqlite }) =>
    offersSqlite
      ? closed(`${who} has a SQLite that the plugin can find`)
      : open(`${who} has its SQLite linked into it, where the plugin cannot find it`),
  )
}

function inEachProcess(facts: Facts, judge: (who: string, loaded: Loaded) => Finding): Finding {
  const own = about(facts.ownProcess, loaded => judge("root's nix", loaded))
  const daemon = about(facts.daemon, daemon =>
    daemon === undefined
      ? notApplicable('no daemon runs')
      : about(daemon.loaded, loaded => judge('nix-daemon', loaded)),
  )
  return worst([daemon, own])
}

/** Whether nixsig was tried with the Nix versions in use. */
export function nixVersion({ views }: Facts): Finding {
  const [first, ...rest] = views.map(({ version }) => about(version, judgeVersion))
  return first === undefined ? unknown('no Nix was found') : worst([first, ...rest])
}

function judgeVersion(version: string): Finding {
  const words = printable(version)
  if (/\bLix\b/.test(version)) return open(`${words}: Lix continues without a plugin that it cannot load`)
  const minor = minorOf(version)
  if (minor === undefined) return unknown(`${words}: nixsig was not tried with it`)
  if (isProven(version)) return closed(words)
  if (minor < KNOWN.first) return open(`${words} is too old`)
  return closed(`${words}; note: nixsig was not tried with it: see the notes on each hook and the plugin`)
}

/**
 * Judges by the version number. Fixes that a distribution backported to an older Nix have to be
 * stated by the user. This is a warning: no setting fixes it, and a door that is open on every
 * Debian would teach users to ignore the doctor.
 */
export function nixAdvisories({ views, mended }: Facts): Finding {
  const [first, ...rest] = views.map(({ version }) => about(version, line => adviseOn(line, mended)))
  return first === undefined ? unknown('no Nix was found') : worst([first, ...rest])
}

function adviseOn(line: string, mended: readonly string[]): Finding {
  const words = printable(line)
  const version = versionOfNix(line)
  if (version === undefined) return unknown(`${words}: it is not known here which advisories affect it`)
  const all = advisoriesOn(version).filter(advisory => !namesOf(advisory).some(name => mended.includes(name)))
  if (all.length === 0) return closed(`no known advisory affects ${words}`)
  const rest = all.filter(({ nixsig }) => nixsig !== 'blunts')
  const blunted = all.filter(({ nixsig }) => nixsig === 'blunts').map(nameOf)
  const note = blunted.length === 0 ? '' : `; nixsig blunts ${blunted.join(', ')}`
  if (rest.length === 0) return closed(`note: by its number ${words} is affected${note}`)
  return warning(
    `by its number ${words} is affected by ${rest.map(nameOf).join(', ')}${note}; your distribution may have fixed it`,
  )
}

function nameOf(advisory: Advisory): string {
  return namesOf(advisory)[0] ?? advisory.id
}
