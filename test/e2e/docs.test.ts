// The commands of the documentation, run as they stand there, in the order in which they stand there.
import assert from 'node:assert/strict'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Commands, commandsOf } from '../docs/markdown.ts'
import { VERSIONS, type World, withWorld } from '../support/world.ts'

/** Runs them one after the other as root, each in a shell of its own in root's home. */
async function runAll(world: World, commands: readonly Commands[]): Promise<void> {
  assert.ok(commands.length > 0)
  for (const { section, script, refused, answer } of commands) {
    const { status, stdout, stderr } = await world.run(`set -e\n${script}`)
    const said = `${stdout}${stderr}`
    assert.equal(status !== 0, refused, `"${section}": ${script}\nended with ${status}:\n${said}`)
    for (const line of answer) assert.match(said, line, `"${section}": ${script}`)
  }
}

for (const version of VERSIONS) {
  const asDebianShipsIt = { sandbox: 'false', 'sandbox-fallback': 'true', 'sandbox-paths': '' }
  test(`${version}: docs/getting-started.md, from nothing to a build`, () =>
    withWorld(version, { hooks: false, nixConf: asDebianShipsIt }, async world => {
      cpSync(join(PROJECT_ROOT, 'dist'), world.path('/root/dist'), { recursive: true })
      await runAll(world, commandsOf('docs/getting-started.md'))
    }))
}
