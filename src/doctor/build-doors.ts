/** Doors about how Nix builds, and who may ask it to. */
import { itemsOf, type Settings, truthOf } from '../nix-config/settings.ts'
import { about, closed, type Finding, known, notApplicable, open, unknown, warning, worst } from './door.ts'
import type { Facts } from './facts.ts'
import { inEachView, list, shown, wants, wantsNone } from './views.ts'

/** Features whose outputs nobody signs, and about which a hook cannot be asked. */
const UNJUDGED_FEATURES = ['ca-derivations', 'dynamic-derivations', 'impure-derivations']

export const sandbox = wants('sandbox', true)
export const sandboxFallback = wants('sandbox-fallback', false)
export const experimentalFeatures = wantsNone('experimental-features', feature =>
  UNJUDGED_FEATURES.includes(feature),
)

/**
 * Trusted users can set anything, including hooks and sandbox. Those whom the policy accepts are a
 * warning.
 */
export function trustedUsers(facts: Facts): Finding {
  const accepted = known(facts.policy)?.nix.acceptTrustedUsers ?? []
  const others = wantsNone('trusted-users', user => user !== 'root' && !accepted.includes(user))(facts)
  const users = worst([others, inEachView(facts, settings => acceptedIn(settings, accepted))])
  if (known(facts.daemon)?.isForcedToTrust !== true) return users
  return worst([
    open('nix-daemon runs with --force-trusted, which trusts everybody', 'start nix-daemon without it'),
    users,
  ])
}

function acceptedIn(settings: Settings, accepted: readonly string[]): Finding {
  const present = itemsOf(settings, 'trusted-users').filter(user => accepted.includes(user))
  if (present.length === 0) return closed(shown(settings, 'trusted-users'))
  return warning(
    `trusted-users has ${list(present)}, whom the policy accepts: they can do what root can, and switch all of this off`,
    'let them deploy as docs/how-to/deploy.md says, and take them from accept-trusted-users',
  )
}

/** Never open: what users of the daemon ask for is judged. */
export function allowedUsers(facts: Facts): Finding {
  return inEachView(facts, settings =>
    closed(`note: ${shown(settings, 'allowed-users')}; what they ask for is judged`),
  )
}

/**
 * A flake whose settings are accepted could disable nixsig. Where flakes are not switched on, Nix
 * does not show the setting, which is false by default.
 */
export function acceptFlakeConfig(facts: Facts): Finding {
  const setting = inEachView(facts, (settings, { configuration }) => {
    const isAccepted = configuration.assignments.some(
      ({ name, value }) => name === 'accept-flake-config' && value !== 'false',
    )
    const hasFlakes = itemsOf(settings, 'experimental-features').includes('flakes')
    if (!hasFlakes && !isAccepted && settings.get('accept-flake-config') === undefined)
      return closed('note: flakes are not switched on, and accept-flake-config is false by default')
    const isFalse = truthOf(settings, 'accept-flake-config') === false
    return (isFalse ? closed : open)(shown(settings, 'accept-flake-config'))
  })
  const accepted = about(facts.files.acceptedFlakeSettings, count =>
    count === 0
      ? closed('')
      : open(
          `root accepted ${count} settings of flakes for good`,
          'remove trusted-settings.json from ~/.local/share/nix of root',
        ),
  )
  return accepted.state === 'closed' ? setting : worst([setting, accepted])
}

/** A remote builder judges by its own policy, if it has one. */
export function builders(facts: Facts): Finding {
  return inEachView(facts, settings => {
    const items = itemsOf(settings, 'builders')
    const files = items.filter(item => item.startsWith('@')).map(item => item.slice(1))
    const lists = files.map(file => facts.files.machines.get(file) ?? { value: false })
    const unread = lists.find(one => 'problem' in one)
    if (unread !== undefined && 'problem' in unread) return unknown(unread.problem)
    if (files.length === items.length && !lists.some(one => known(one)))
      return notApplicable('no remote builders')
    const note = 'whether a remote builder has a gate of its own cannot be seen from here'
    const [hook = ''] = itemsOf(settings, 'build-hook')
    const isFronted = facts.files.programs.get(hook)?.part === 'build-hook'
    return isFronted ? closed(`note: ${note}; what is sent to one is judged before`) : open(note)
  })
}

/** Never open: builds that evaluation starts are judged like any other. */
export function importFromDerivation(facts: Facts): Finding {
  return inEachView(facts, settings => {
    const isOn = truthOf(settings, 'allow-import-from-derivation') !== false
    return closed(isOn ? 'note: evaluation may build; such a build is judged as any other' : 'off')
  })
}

/** Whether a path is substituted or built, it is judged. */
export function substituteAndFallback(facts: Facts): Finding {
  return inEachView(facts, settings =>
    closed(
      `note: ${list([shown(settings, 'substitute'), shown(settings, 'fallback')])}; built or fetched, it is judged`,
    ),
  )
}
