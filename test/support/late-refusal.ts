/** Outputs that are refused only once they are there: the policy becomes stricter while they are built. */
import { byDefault, POLICY, policyText, setPolicy, signer } from './trust.ts'
import type { World } from './world.ts'

/** The pre-build hook of such a world. */
const WRAPPER = '/opt/wrapped/strict-afterwards'

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

/** Has Nix call this as its pre-build hook; the one of such a world unless told. */
export async function usePreBuildHook(world: World, path = WRAPPER): Promise<void> {
  await world.output(`sed -i "s,^pre-build-hook.*,pre-build-hook = ${path}," /etc/nix/nix.conf`)
}
