/** Doors about where Nix gets its settings from. */
import { disagreements } from '../nix-config/settings.ts'
import { printable } from '../primitives/printable.ts'
import { about, closed, type Finding, notApplicable, open, unknown, worst } from './door.ts'
import { GUARDED } from './door-settings.ts'
import type { Facts, View } from './facts.ts'
import { list } from './views.ts'

/**
 * Tolerance in milliseconds: file times and process start times come from clocks of different
 * resolution.
 */
const GRAIN_MS = 20

/** Whether nix.conf can be read, and Nix uses the values in it. */
export function configuration(facts: Facts): Finding {
  const [first, ...rest] = facts.views.map(configurationOf)
  return first === undefined ? unknown('no Nix was found') : worst([first, ...rest])
}

function configurationOf({ who, settings, configuration }: View): Finding {
  const { problems, assignments, files, missing } = configuration
  if (problems.length > 0) return open(problems.join('; '))
  return about(settings, asked => {
    const names = disagreements(asked, assignments, GUARDED)
    if (names.length > 0) return unknown(`${who} takes other values than its files say for ${list(names)}`)
    const read = files.filter(({ changed }) => changed !== undefined).map(({ path }) => path)
    const absent = missing.length === 0 ? '' : `; note: ${list(missing)} is optional and absent`
    return closed(`${read.length === 0 ? 'no files' : list(read)}${absent}`)
  })
}

/** Whether only root can write to nix.conf and its includes. */
export function confFiles({ files }: Facts): Finding {
  return about(files.confProblems, problems =>
    problems.length === 0 ? closed('only root can write them') : open(problems.join('; ')),
  )
}

/** A daemon keeps the configuration that it read when it started. */
export function daemonAge({ daemon, views }: Facts): Finding {
  return about(daemon, running => {
    if (running === undefined) return notApplicable('no daemon runs')
    const files = views.find(({ who }) => who === 'nix-daemon')?.configuration.files ?? []
    const newer = files
      .filter(({ changed = 0 }) => changed > running.started + GRAIN_MS)
      .map(({ path }) => path)
    return newer.length === 0
      ? closed('it has read the configuration as it is')
      : open(`it was started before ${list(newer)} changed`)
  })
}

/** Nix 2.25 to 2.33 ignores build-hook in nix.conf, so it may have to be set here. */
function isOwnBuildHook({ programs }: Facts['files'], name: string, value: string): boolean {
  return name === 'build-hook' && programs.get(value)?.part === 'build-hook'
}

/** The environment and the arguments of the daemon take precedence over files. */
export function daemonOverrides({ daemon, views, files }: Facts): Finding {
  return about(daemon, running => {
    if (running === undefined) return notApplicable('no daemon runs')
    const assignments = views.find(({ who }) => who === 'nix-daemon')?.configuration.assignments ?? []
    const own = assignments
      .filter(
        ({ origin, name, value }) => origin.startsWith('NIX_CONFIG:') && !isOwnBuildHook(files, name, value),
      )
      .map(({ name }) => name)
    const names = new Set([...own, ...running.optionNames])
    const holes = GUARDED.filter(name => names.has(name))
    if (holes.length > 0)
      return open(`${list(holes)} is set by the environment or the arguments of nix-daemon`)
    const others = [...names].map(name => printable(name)).join(', ')
    return closed(
      others === ''
        ? 'nothing is set by how it is started'
        : `note: ${others} is set by how nix-daemon is started`,
    )
  })
}
