// The README's steps to a first refusal, run as they are written on a machine that has only Nix and
// Node.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { blocksOf, commandsOf, patternsOf } from '../docs/markdown.ts'
import { STOCK } from '../docs/page.ts'
import { everyBlockWasRun, markRun } from '../docs/ran.ts'
import { copyDist } from '../support/dist.ts'
import { EVERY_VERSION, withWorld } from '../support/world.ts'

for (const version of EVERY_VERSION) {
  // As Debian ships it: without a sandbox, so that the lines of the README have something to
  // change.
  const settings = { hooks: false, nixConf: { ...STOCK, sandbox: 'false', 'sandbox-fallback': 'true' } }
  test(`${version}: the README leads to a refusal`, () =>
    withWorld(version, settings, async world => {
      const [commands, ...others] = commandsOf('README.md')
      assert.ok(commands?.refused)
      assert.deepEqual(others, [])
      copyDist(world.path('/root/dist'))
      const { status, stderr } = await world.run(`set -e\n${commands.script}`)
      assert.notEqual(status, 0)
      assert.equal(commands.answer.length, 1)
      for (const line of commands.answer) assert.match(stderr, line)
      assert.doesNotMatch(await world.output('ls /nix/store'), /hello-2\.12\.1\.tar\.gz$/m)
      markRun(commands, version)
      const [head = assert.fail()] = blocksOf('README.md')
      assert.equal(head.language, 'log')
      for (const line of patternsOf(head)) assert.match(stderr, line)
      markRun(head, version)
    }))
}

test('what the README says to run in the checkout are scripts of the package', () => {
  const { scripts } = JSON.parse(readFileSync(join(PROJECT_ROOT, 'package.json'), 'utf8'))
  const blocks = blocksOf('README.md').filter(({ language }) => language === 'sh build')
  const commands = blocks.flatMap(({ text }) => text.trim().split(' && '))
  assert.deepEqual(new Set(commands), new Set(['npm ci', 'npm run build', 'npm run demo', 'npm test']))
  for (const script of ['build', 'demo', 'test']) assert.ok(script in scripts, script)
})

test('the refusal at the head of the README is the one that its commands end with', () => {
  const [first, ...others] = blocksOf('README.md')
  const last = others.find(({ language }) => language === 'text')
  assert.equal(first?.text, last?.text)
})

everyBlockWasRun('e2e/readme')
