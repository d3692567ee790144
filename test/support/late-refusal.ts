/**
 * Outputs that are refused only after they are built, because the policy becomes stricter
 * meanwhile.
 */
import { byDefault, POLICY, policyText, setPolicy, signer } from './trust.ts'
import type { World } from './world.ts'

/**
 * The wrapped pre-build hook of such a world, or its post-build hook if the policy changes only
 * then.
 */
const WRAPPER = '/opt/wrapped/strict-afterwards'
const LATE_WRAPPER = '/opt/wrapped/strict-when-valid'

/** The path of such a derivation, as a shell pattern. */
const VICTIM = `/nix/store/${'?'.repeat(32)}-victim*`

/**
 * Outputs named victim may be built when their build starts; as soon as it has started they need a
 * builder who never attests. Everything else is trusted.
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

/**
 * Like `withLateVictims`, but the policy becomes stricter only when the output is valid, just
 * before the post-build hook judges it.
 */
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

/** Sets Nix's pre-build hook; by default that of such a world. */
export async function usePreBuildHook(world: World, path = WRAPPER): Promise<void> {
  await world.output(`sed -i "s,^pre-build-hook.*,pre-build-hook = ${path}," /etc/nix/nix.conf`)
}
