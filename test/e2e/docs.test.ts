// The commands of the documentation, run as they are written and in that order.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandsOf } from '../docs/markdown.ts'
import { runAll, STOCK, settledIn } from '../docs/page.ts'
import { everyBlockWasRun } from '../docs/ran.ts'
import { copyDist } from '../support/dist.ts'
import { EVERY_VERSION, withWorld } from '../support/world.ts'

for (const version of EVERY_VERSION) {
  const asDebianShipsIt = { ...STOCK, sandbox: 'false', 'sandbox-fallback': 'true', 'sandbox-paths': '' }
  test(`${version}: docs/getting-started.md, from nothing to a build`, () =>
    withWorld(version, { hooks: false, nixConf: asDebianShipsIt }, async world => {
      copyDist(world.path('/root/dist'))
      await runAll(world, commandsOf('docs/getting-started.md'))
    }))
}

test('docs/attestations.md: cosign verifies what bob attested', () =>
  withWorld('sid', { nixConf: STOCK }, async world => {
    await settledIn(world)
    await world.output(`nixsig keygen bob-1; nixsig attest source "$(nix-store --add hello.txt)" --as reviewer \
      --key bob-1.secret --out published`)
    const commands = commandsOf('docs/attestations.md', 'Verified by cosign')
    await runAll(world, commands)
    world.write('/root/other.txt', 'other\n')
    const [verify] = commands
    const other = verify?.script.replace('--dump "$path"', '--dump "$(nix-store --add other.txt)"') ?? ''
    const { status, stderr } = await world.run(other)
    assert.notEqual(status, 0)
    assert.match(stderr, /artifact digests do not match digests in statement/)
  }))

everyBlockWasRun('e2e/docs')
