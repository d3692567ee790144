// An approval made on one machine lets another one build, by way of a plain file server.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import {
  approvalPolicy,
  approve,
  committers,
  DEFAULT_NIX,
  newKey,
  SOURCE,
  sourceRepository,
  writePolicy,
} from '../support/approvals.ts'
import { serve } from '../support/publication.ts'
import { ATTESTATIONS, POLICY } from '../support/trust.ts'
import { VERSIONS, withWorld } from '../support/world.ts'

const people = committers()
after(() => people.remove())

const BUILD = 'nix-build --no-out-link /srv/default.nix --argstr system x86_64-linux'

for (const version of VERSIONS) {
  test(`${version}: what was approved on one machine is built on another, once it is published`, async () => {
    const server = await serve(new Map())
    try {
      const policy = await withWorld(version, {}, async world => {
        const carol = await newKey(world, 'carol')
        await writePolicy(world, approvalPolicy(people, { approvers: { carol }, by: '"carol"' }))
        const source = sourceRepository(world)
        source.commit({ 'default.nix': DEFAULT_NIX, text: 'one\n' }, people.alice)
        source.tag('one', people.bob)
        const key = `--key carol.secret --out ${ATTESTATIONS} --yes`
        const approved = await approve(world, `${SOURCE} --file default.nix ${key}`)
        assert.equal(approved.status, 0, approved.stderr)
        const said = await world.output(
          `/opt/nixsig/nixsig publish --from ${ATTESTATIONS} --to /srv/public --as carol`,
        )
        assert.match(said, /2 new/)
        const directory = world.path('/srv/public/carol')
        const names = readdirSync(directory, { recursive: true, withFileTypes: true })
        server.files = new Map(
          names
            .filter(each => each.isFile())
            .map(each => join(each.parentPath, each.name))
            .map(file => [file.slice(directory.length + 1), readFileSync(file)]),
        )
        return world.read(POLICY)
      })
      await withWorld(version, {}, async world => {
        world.write('/srv/default.nix', DEFAULT_NIX)
        world.write('/srv/text', 'one\n')
        const sources = `sources = [{ url = "${server.url}", max-age = 0 }]`
        const subscribed = policy.replace(/^directories = .*$/m, sources)
        assert.notEqual(subscribed, policy)

        const files = server.files
        server.files = new Map([...files].filter(([name]) => !name.endsWith('.graph')))
        world.write(POLICY, subscribed)
        const without = await world.run(BUILD)
        assert.notEqual(without.status, 0)
        assert.match(without.stderr, /undecided.*\.graph is listed and not there/s)

        server.files = files
        const { status, stdout, stderr } = await world.run(BUILD)
        assert.equal(status, 0, stderr)
        assert.equal(world.read(stdout.trim()), 'one\n')
        const explained = await world.output(`/opt/nixsig/nixsig explain ${stdout.trim()}`)
        assert.match(explained, /approved by carol/)

        world.write('/srv/text', 'two\n')
        const refused = await world.run(BUILD)
        assert.notEqual(refused.status, 0)
        assert.match(refused.stderr, /carol as approver/)
      })
    } finally {
      await server.close()
    }
  })
}
