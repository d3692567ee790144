import { FORGETS_BUILD_HOOK, rangeText } from '../formats/nix/nix-version.ts'
import { printable } from '../primitives/printable.ts'
import type { Found } from './found.ts'
import { NO_FEATURES, type Setting, settingValue } from './nix-conf.ts'
import type { SetupPlaces } from './places.ts'
import { frontsIn, type InForce, namesIn, valueIn } from './settings.ts'

/**
 * With these features, outputs are identified by unsigned statements about what a derivation
 * produced.
 */
const UNKNOWN_OUTPUTS = ['ca-derivations', 'dynamic-derivations', 'impure-derivations']

/**
 * User settings that would bypass nixsig and that setup does not change: one sentence each, with
 * what to do.
 */
export function obstaclesIn(found: Found, places: SetupPlaces, inForce: InForce): readonly string[] {
  return [
    ...featuresIn([...found.settings, ...found.later]),
    ...secretKeysIn([...found.settings, ...found.later], places),
    ...overrulesIn(found.later, inForce),
    ...forgottenIn(found, inForce),
    ...notCarriedIn(found, inForce),
    ...hookIn(found, inForce),
  ]
}

function featuresIn(settings: readonly Setting[]): readonly string[] {
  // A line that replaces the setting cancels earlier lines.
  const inForce = settingValue([NO_FEATURES, ...settings], 'experimental-features') ?? []
  return settings.flatMap(setting => {
    if (setting.name !== 'experimental-features') return []
    const found = UNKNOWN_OUTPUTS.filter(name => setting.words.includes(name) && inForce.includes(name))
    return found.map(
      name => `${placeOf(setting)} enables ${name}, whose outputs nobody can sign: take that word out`,
    )
  })
}

/**
 * The gate's signature means that a path was let in, so this key must not sign what is built here.
 */
function secretKeysIn(settings: readonly Setting[], { state }: SetupPlaces): readonly string[] {
  return settings
    .filter(
      ({ name, words }) => name === 'secret-key-files' && words.some(word => word.startsWith(`${state}/`)),
    )
    .map(
      setting =>
        `${placeOf(setting)} has Nix sign with a key of nixsig's, whose signatures mean something else: take it out of secret-key-files`,
    )
}

function overrulesIn(later: readonly Setting[], inForce: InForce): readonly string[] {
  const names = namesIn(inForce)
  return later.flatMap(setting => {
    const { name, isExtra, words } = setting
    const isHarmless = isExtra
      ? words.length === 0 || name === 'plugin-files'
      : words.join(' ') === valueIn(inForce, name)
    if (!names.includes(name) || isHarmless) return []
    const written = `${isExtra ? 'extra-' : ''}${name}`
    return [`${placeOf(setting)} is read after nix.conf and overrules it in ${written}: take that line out`]
  })
}

/** Where another program generates root's nix.conf, that file has to name the build-hook. */
function forgottenIn({ rootConf, later }: Found, inForce: InForce): readonly string[] {
  const hook = valueIn(inForce, 'build-hook')
  if (!rootConf.isMade || hook === undefined) return []
  if (settingValue(later, 'build-hook')?.join(' ') === hook) return []
  return [
    `${printable(rootConf.path)} is made by another program, and Nix ${rangeText(FORGETS_BUILD_HOOK)} reads build-hook only there: have that program add the line build-hook = ${hook}`,
  ]
}

/** What a first policy cannot say. A policy that is there already said it, or did without. */
function notCarriedIn({ policy, carried }: Found, inForce: InForce): readonly string[] {
  return policy === undefined && inForce.gate !== undefined ? carried.obstacles : []
}

/** Another post-build-hook that nixsig cannot run after its own. */
function hookIn({ afterBuild }: Found, inForce: InForce): readonly string[] {
  const hook = afterBuild?.hook
  if (hook?.problem === undefined || !frontsIn(inForce).includes('hooks')) return []
  return [
    `${hook.origin} names the post-build-hook ${printable(hook.program)}, which nixsig cannot run after its own: ${hook.problem}; put that right, or take the line out`,
  ]
}

/** For example `/etc/nix/nix.conf:7`. */
export function placeOf({ file, line }: Pick<Setting, 'file' | 'line'>): string {
  return `${printable(file)}:${line}`
}
