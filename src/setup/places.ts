import { userInfo } from 'node:os'
import { join } from 'node:path'
import { RESIDENT_SOCKET } from '../formats/hook-question.ts'
import { DEFAULT_PLACES, type Places } from '../verifier/places.ts'
import type { EnvironmentPlaces } from './carry/environment.ts'
import { DOORKEEPERS } from './doorkeepers.ts'

/** It exists where systemd runs the machine: sd_booted(3). */
export const SYSTEMD = '/run/systemd/system'

/** Where setup reads and writes. Tests use other places. */
export interface SetupPlaces extends Places {
  /** The file that Nix reads first. */
  readonly nixConf: string
  /** The file with nixsig's settings, included by `nixConf`. */
  readonly included: string
  readonly unit: string
  readonly socketUnit: string
  /** The nix.conf in root's home, which root's commands and the daemon read after `nixConf`. */
  readonly rootConf: string
  /**
   * Files that Nix reads after nix.conf when root runs it, as the daemon does; they take
   * precedence.
   */
  readonly later: readonly string[]
  /** A path that exists where systemd runs the machine. */
  readonly systemd: string
  readonly socket: string
  /** The list of programs that run after a build. Undefined: this machine has none. */
  readonly afterBuild?: string
  /** Where the environment of Nix is told. Undefined: nowhere here. */
  readonly environment?: EnvironmentPlaces
  /** Users and groups: passwd(5), group(5). Undefined: root alone. */
  readonly users?: { readonly passwd: string; readonly group: string }
  /** The directory of the doorkeepers (doorkeepers.ts). */
  readonly doorkeepers: string
}

/** The standard places of this machine. */
export function machinePlaces(): SetupPlaces {
  const rootConf = join(userInfo().homedir, '.config/nix/nix.conf')
  return {
    ...DEFAULT_PLACES,
    nixConf: '/etc/nix/nix.conf',
    included: '/etc/nix/nixsig.conf',
    unit: '/etc/systemd/system/nixsig.service',
    socketUnit: '/etc/systemd/system/nixsig.socket',
    rootConf,
    later: ['/etc/xdg/nix/nix.conf', rootConf],
    systemd: SYSTEMD,
    socket: RESIDENT_SOCKET,
    afterBuild: '/etc/nixsig/after-build',
    environment: {
      proc: '/proc',
      units: [
        '/etc/systemd/system',
        '/run/systemd/system',
        '/usr/local/lib/systemd/system',
        '/usr/lib/systemd/system',
        '/lib/systemd/system',
      ],
      sessions: '/etc/environment',
    },
    users: { passwd: '/etc/passwd', group: '/etc/group' },
    doorkeepers: DOORKEEPERS,
  }
}

/** The record of what was there before setup, and whether setup finished. */
export function recordFile(places: SetupPlaces): string {
  return join(places.state, 'setup.json')
}
