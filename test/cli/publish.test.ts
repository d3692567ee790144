// `nixsig publish` and `nixsig sync` as they are called; what they do is tested in test/evidence
// and test/e2e.
// needs: dist
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { packaged, signer } from '../support/trust.ts'
import { buildCli } from './built-cli.ts'

const cli = buildCli()
after(() => cli.remove())

const DIGEST = `0c${'x'.repeat(30)}`
const FILE = `attestations/0c/${DIGEST}.intoto.jsonl`

mkdirSync(join(cli.dir, 'attestations/0c'), { recursive: true })
const line = packaged(signer('alice'), { path: `/nix/store/${DIGEST}-hello`, narHash: 'ab'.repeat(32) })
cli.write(FILE, `${line}\n`)

test('publishing tells what is new, and again that nothing is', () => {
  const { status, stdout, stderr } = cli.run('publish', '--to', 'public', '--as', 'alice')
  assert.equal(status, 0, stderr)
  assert.match(
    stdout,
    /^published in public\/alice: 1 new, 0 changed, 0 withdrawn, 0 unchanged \(as of 20.*Z\)\n$/,
  )
  assert.equal(cli.read(`public/alice/0c/${DIGEST}.intoto.jsonl`), cli.read(FILE))
  const again = cli.run('publish', '--to', 'public', '--as', 'alice').stdout
  assert.match(again, /^published before in public\/alice: 0 new, 0 changed, 0 withdrawn, 1 unchanged/)
})

for (const name of ['..', '.', '.git', 'a/b', '-x', '', '/etc', 'a\nb', 'ü']) {
  test(`attack: nothing is published under the name ${JSON.stringify(name)}`, () => {
    const { status, stderr } = cli.run('publish', '--to', 'public', `--as=${name}`)
    assert.equal(status, 2)
    assert.match(
      stderr,
      /^nixsig: ".*" is not a valid name: use letters, digits and \. _ - only; next: nixsig publish --help\n$/,
    )
  })
}

test('a broken file is told with its line, and nothing is published', () => {
  cli.write(FILE, `${line}\n{}\n`)
  const { status, stderr, stdout } = cli.run('publish', '--to', 'other', '--as', 'alice')
  cli.write(FILE, `${line}\n`)
  assert.equal(status, 2)
  assert.equal(stdout, '')
  assert.match(
    stderr,
    /^nixsig: attestations\/0c\/0cx+\.intoto\.jsonl is broken: .*\(line 2\): nothing was published/,
  )
})

function policyWith(sources: string): string {
  return cli.write(
    'policy.toml',
    `version = 1
mode = "enforce"
attestations.sources = ${sources}
[default]
require = { source = "nothing", derivation = "nothing", output = "self" }
`,
  )
}

function sync(...args: readonly string[]) {
  return cli.run('sync', '--policy', join(cli.dir, 'policy.toml'), '--state', join(cli.dir, 'state'), ...args)
}

test('a policy without sources leaves nothing to fetch', () => {
  policyWith('[]')
  const { status, stderr } = sync()
  assert.equal(status, 0)
  assert.equal(stderr, 'the policy names no sources of attestations\n')
})

test('a source that is down is told, and status 20 with it', () => {
  policyWith('["http://127.0.0.1:1/alice"]')
  const { status, stdout } = sync('--source', 'http://127.0.0.1:1/alice/')
  assert.equal(status, 20)
  assert.equal(
    stdout,
    `http://127.0.0.1:1/alice: 1 failed, 0 new, 0 changed, 0 removed, 0 unchanged
  index: connect ECONNREFUSED 127.0.0.1:1 (it has never answered): nixsig sync, by root, tries again
`,
  )
})

test('only sources of the policy are fetched', () => {
  policyWith('["http://127.0.0.1:1/alice"]')
  const { status, stderr } = sync('--source', 'http://127.0.0.1:1/mallory')
  assert.equal(status, 2)
  assert.match(stderr, /mallory is not one of the policy's attestations\.sources/)
})
