import { userInfo } from 'node:os'
import { join } from 'node:path'
import { RESIDENT_SOCKET } from '../formats/hook-question.ts'
import { DEFAULT_PLACES, type Places } from '../verifier/places.ts'

/** Where setup looks and writes. Tests have others. */
export interface SetupPlaces extends Places {
  /** What Nix reads first. */
  readonly nixConf: string
  /** The one file of settings that is nixsig's. */
  readonly included: string
  readonly unit: string
  /** The nix.conf in root's home, which root's commands and the daemon read after `nixConf`. */
  readonly rootConf: string
  /** What Nix reads after nix.conf when root runs it, as the daemon does; what stands there wins. */
  readonly later: readonly string[]
  /** Is there where systemd runs the machine (sd_booted(3)). */
  readonly systemd: string
  readonly socket: string
}

/** The machine's own. */
export function machinePlaces(): SetupPlaces {
  const rootConf = join(userInfo().homedir, '.config/nix/nix.conf')
  return {
    ...DEFAULT_PLACES,
    nixConf: '/etc/nix/nix.conf',
    included: '/etc/nix/nixsig.conf',
    unit: '/etc/systemd/system/nixsig.service',
    rootConf,
    later: ['/etc/xdg/nix/nix.conf', rootConf],
    systemd: '/run/systemd/system',
    socket: RESIDENT_SOCKET,
  }
}

/** What was there before setup, and whether setup came to its end. */
export function recordFile(places: SetupPlaces): string {
  return join(places.state, 'setup.json')
}
