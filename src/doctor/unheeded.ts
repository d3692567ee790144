/**
 * Whether every Nix of this machine uses the settings that nixsig wrote. Heavy: loaded only by
 * `import()`.
 */
import { readFileSync, statSync } from 'node:fs'
import { askSettings } from '../nix-config/ask-nix.ts'
import { parseConf } from '../nix-config/conf-text.ts'
import { assignment, itemsOf, type Settings } from '../nix-config/settings.ts'
import { printable } from '../primitives/printable.ts'
import { findDaemon, nixOf, ownEnvironment, programOf } from './examine.ts'
import { learn } from './learn.ts'

const TIMEOUT = 10_000

/**
 * The settings of a file that are not in effect: one sentence for each setting to which root's own
 * Nix, or the daemon with its environment, gives another value. Settings that Nix does not have are
 * skipped. Safe to print.
 */
export async function unheededIn(file: string): Promise<readonly string[]> {
  const written = settingsIn(file)
  const environment = ownEnvironment()
  const own = { program: programOf('nix'), environment, options: [] }
  const found = await learn(findDaemon, TIMEOUT)
  if ('problem' in found) return [`what nix-daemon takes could not be found out: ${found.problem}`]
  const daemon = found.value
  const notes = await unheededBy('root', own, written)
  if (daemon === undefined) return notes
  const isOld = daemon.started < statSync(file).ctimeMs
  return [
    ...notes,
    ...(await unheededBy('nix-daemon', nixOf(daemon, environment), written)),
    ...(isOld
      ? ['nix-daemon was started before these settings were written, and does not use them: restart it']
      : []),
  ]
}

async function unheededBy(
  who: string,
  nix: Parameters<typeof askSettings>[0],
  written: Settings,
): Promise<readonly string[]> {
  const asked = await learn(() => askSettings(nix), TIMEOUT)
  if ('problem' in asked) return [`what ${who} takes could not be found out: ${asked.problem}`]
  return differences(written, asked.value).map(
    name =>
      `${who} does not heed ${name}: it takes ${printable(asked.value.get(name) ?? '', 200) || 'nothing'} for it`,
  )
}

/**
 * Names of the written settings to which Nix gives another value, without those that it does not
 * have.
 */
export function differences(written: Settings, asked: Settings): readonly string[] {
  const items = (settings: Settings, name: string) => itemsOf(settings, name).toSorted().join(' ')
  return [...written.keys()].filter(name => asked.has(name) && items(written, name) !== items(asked, name))
}

function settingsIn(file: string): Settings {
  return new Map(
    parseConf(readFileSync(file, 'latin1')).flatMap(line => {
      if (line.kind !== 'setting') return []
      const { name, value } = assignment(line.name, line.value, file)
      return [[name, value] as const]
    }),
  )
}
