/** Every Nix file of the checkout parses with the oldest and the newest supported Nix. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { placeCheckout } from '../support/checkout.ts'
import { CHECKOUT } from '../support/nixos.ts'
import { VERSIONS, withWorld } from '../support/world.ts'

for (const version of VERSIONS) {
  test(`${version}: every Nix file parses`, () =>
    withWorld(version, { hooks: false }, async world => {
      placeCheckout(world)
      const files = (await world.output(`find ${CHECKOUT} -name '*.nix' -type f`)).split('\n')
      assert.ok(files.length > 40, `${files.length} files`)
      const { status, stderr } = await world.run(['nix-instantiate', '--parse', ...files])
      assert.equal(status, 0, stderr)
    }))
}
