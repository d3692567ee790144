import { printable } from '../primitives/printable.ts'
import { takesUnsigned } from './carry/carried.ts'
import { lostBy } from './carry/compare.ts'
import type { Found } from './found.ts'
import { settingValue } from './nix-conf.ts'
import { placeOf } from './obstacles.ts'
import { frontsIn, type InForce, namesIn, valueIn } from './settings.ts'

/**
 * What changes for users of the machine, and what is left to do by hand: one sentence each. Values
 * are not printed.
 */
export function notesOn(found: Found, inForce: InForce): readonly string[] {
  return [
    ...replacedIn(found, inForce),
    ...missingIn(inForce),
    ...ofGate(found, inForce),
    ...ofCaches(found, inForce),
    ...byHand(found, inForce),
  ]
}

function replacedIn(found: Found, inForce: InForce): readonly string[] {
  const { settings } = found
  const replaced = settings.filter(({ name, isExtra, words }) => {
    if (!namesIn(inForce).includes(name) || name === 'plugin-files') return false
    const isSame = !isExtra && words.join(' ') === valueIn(inForce, name)
    return !isSame && settingValue(settings, name)?.join(' ') !== valueIn(inForce, name)
  })
  return replaced.map(
    setting =>
      `${placeOf(setting)} sets ${setting.isExtra ? 'extra-' : ''}${setting.name}, which nixsig's setting replaces${carriedOver(setting.name, found)}`,
  )
}

function carriedOver(name: string, { afterBuild, policy }: Found): string {
  if (name === 'post-build-hook' && afterBuild !== undefined)
    return `; nixsig runs the hook after its own (${printable(afterBuild.path)}), for what it admitted`
  if (policy !== undefined) return ''
  if (name === 'substituters') return '; the gate asks them (see the policy)'
  if (name === 'trusted-public-keys') return '; they are principals of the policy'
  return name === 'trusted-substituters' ? '; they are comments in the policy' : ''
}

/** What of nix.conf's caches and keys a policy says, and what it does not. */
function ofCaches({ policy, carried, settings }: Found, { gate }: InForce): readonly string[] {
  if (gate === undefined) return []
  if (policy !== undefined) return lostBy(policy, carried)
  if (!takesUnsigned(settings)) return carried.notes
  return [
    ...carried.notes,
    'nix.conf has require-sigs = false: Nix took what nobody signed, and the policy does not',
  ]
}

function missingIn({ installation, without }: InForce): readonly string[] {
  const { directory, plugin, buildHook } = installation
  const notes: string[] = []
  if (plugin === undefined && !without.includes('plugin')) {
    notes.push(
      `${directory} has no native/nixsig-plugin.so (it was built without a C compiler): what is copied into the store is not judged on its way in`,
    )
  }
  if (buildHook === undefined && !without.includes('build-hook')) {
    notes.push(`${directory} has no build-hook: a refusal ends the whole command that met it`)
  }
  return notes
}

function ofGate({ policy }: Found, inForce: InForce): readonly string[] {
  if (inForce.gate === undefined) return ['nothing comes from binary caches without the gate']
  const notes: string[] = []
  if (policy === undefined || policy.mode === 'warn') {
    notes.push(
      'while the policy only warns, the gate passes on whatever the caches have, whoever signed it, and signs it; Nix no longer asks for other signatures',
    )
  }
  if (policy !== undefined && policy.gate.upstreams.length === 0) {
    notes.push('the policy names no binary caches ([gate] upstreams), so nothing comes from any')
  }
  return notes
}

function byHand({ hasSystemd }: Found, inForce: InForce): readonly string[] {
  if (hasSystemd || frontsIn(inForce).length === 0) return []
  const { program } = inForce.installation
  const start =
    inForce.gate === undefined ? [] : [`start the gate as root, now and at each boot: ${program} serve`]
  return [...start, 'restart nix-daemon, if it runs: it reads nix.conf when it starts']
}
