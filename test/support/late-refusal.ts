/** Outputs that are refused only once they are there: the policy becomes stricter while they are built. */
import { byDefault, POLICY, policyText, setPolicy, signer } from './trust.ts'
import type { World } from './world.ts'

/** The pre-build hook of such a world, and the post-build hook of one in which the policy changes only then. */
const WRAPPER = '/opt/wrapped/strict-afterwards'
const LATE_WRAPPER = '/opt/wrapped/strict-when-valid'

/** The derivation of one, as a pattern of the shell. */
const VICTIM = `/nix/store/${'?'.repeat(32)}-victim*`

/**
 * Whatever is called victim may be built when its build starts, and needs a builder who never attests as soon as it has
 * started; all else is trusted.
 */
export async function withLateVictims(world: World): Promise<void> {
  const rule = '[[rules]]\nmatch = { name = "victim*", kind = "output" }\nrequire.output = "bob"\n'
  const rest = byDefault('nothing', 'nothing', 'self')
  const bob = { bob: [signer('bob')] }
  world.write('/etc/nixsig/strict.toml', policyText(bob, `${rule}${rest}`))
  world.write('/etc/nixsig/lenient.toml', policyText(bob, rest))
  await setPolicy(world, policyText(bob, `${rule}${rest}`))
  world.write(
    WRAPPER,
    `#!/bin/sh
swap() { cp /etc/nixsig/$1.toml ${POLICY}.new && mv ${POLICY}.new ${POLICY}; }
case $1 in ${VICTIM}) swap lenient ;; esac
/opt/nixsig/pre-build-hook "$@" || exit
case $1 in ${VICTIM}) swap strict ;; esac
`,
    0o755,
  )
  await usePreBuildHook(world, WRAPPER)
}

/** The same, but that the policy becomes stricter when the output is valid, just before the post-build hook judges it. */
export async function withVictimsLetIn(world: World): Promise<void> {
  await withLateVictims(world)
  const swap = (policy: string) => `cp /etc/nixsig/${policy}.toml ${POLICY}.new && mv ${POLICY}.new ${POLICY}`
  const inCase = (drv: string, policy: string) => `case ${drv} in ${VICTIM}) ${swap(policy)} ;; esac`
  world.write(WRAPPER, `#!/bin/sh\n${inCase('$1', 'lenient')}\nexec /opt/nixsig/pre-build-hook "$@"\n`, 0o755)
  world.write(
    LATE_WRAPPER,
    `#!/bin/sh\n${inCase('$DRV_PATH', 'strict')}\nexec /opt/nixsig/post-build-hook\n`,
    0o755,
  )
  await world.output(`sed -i "s,^post-build-hook.*,post-build-hook = ${LATE_WRAPPER}," /etc/nix/nix.conf`)
}

/** Has Nix call this as its pre-build hook; the one of such a world unless told. */
export async function usePreBuildHook(world: World, path = WRAPPER): Promise<void> {
  await world.output(`sed -i "s,^pre-build-hook.*,pre-build-hook = ${path}," /etc/nix/nix.conf`)
}
