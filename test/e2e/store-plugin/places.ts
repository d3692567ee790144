import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as nix from '../../support/expressions.ts'
import { IMPORT, refuses, rows, withPlugin } from '../../support/plugin-world.ts'
import type { Version } from '../../support/world.ts'

const DATABASE = '/nix/var/nix/db'

/** Stores whose database is not where it usually is, or is not there yet. */
export function places(version: Version): void {
  test(`${version}: attack: a store whose database lies elsewhere under another name is guarded all the same`, () =>
    withPlugin(version, async world => {
      await refuses(world, IMPORT)
      await world.output(`mkdir /ssd && mv ${DATABASE} /ssd/nix-db && ln -s /ssd/nix-db ${DATABASE}`)
      await refuses(world, IMPORT)
      assert.equal(await rows(world), '0')
      await world.output(`rm ${DATABASE} && mv /ssd/nix-db ${DATABASE} && mv ${DATABASE}/db.sqlite /ssd/rows`)
      await world.output(`rm -f ${DATABASE}/db.sqlite-* && ln -s /ssd/rows ${DATABASE}/db.sqlite`)
      await refuses(world, IMPORT)
      assert.equal(await rows(world), '0')
      // Texts are known for what they are there too, by the file that lies in the store.
      world.write('/srv/text.nix', nix.derivation('text'))
      await world.output('nix-instantiate /srv/text.nix')
    }))
}
