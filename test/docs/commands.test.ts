// docs/commands.md and the manual pages say of each command what its own data says.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { COMMANDS } from '../../src/cli/commands.ts'
import { commandsPage, documentedCommands, manualPages } from '../../src/cli/reference.ts'

const HEAD = `# Commands

Made from the commands' own data (src/cli/commands/) by \`NIXSIG_UPDATE_DOCS=1 npm test -- --unit --only docs/commands\`;
a test holds it against them. The manual pages are made of the same: \`man nixsig\`, \`man nixsig-verify\`.`

test('the page of the commands is made from their data', async () => {
  const page = commandsPage(HEAD, await documentedCommands())
  const file = join(PROJECT_ROOT, 'docs/commands.md')
  if (process.env['NIXSIG_UPDATE_DOCS'] === '1') writeFileSync(file, page)
  assert.equal(readFileSync(file, 'utf8'), page, 'NIXSIG_UPDATE_DOCS=1 writes the page anew')
})

test('there is a manual page for nixsig and for each first word of a command, and it names every option', async () => {
  const commands = await documentedCommands()
  const pages = manualPages('0.0.0', commands)
  const words = commands.map(({ entry }) => `nixsig-${entry.name.split(' ')[0]}.1`)
  assert.deepEqual(new Set(pages.keys()), new Set(['nixsig.1', ...words]))
  for (const { entry, command } of commands) {
    const page = pages.get(`nixsig-${entry.name.split(' ')[0]}.1`) ?? ''
    for (const name of Object.keys(command.options)) {
      assert.ok(page.includes(`\\-\\-${name.replaceAll('-', '\\-')}`), `${entry.name}: --${name}`)
    }
  }
})

test('groff finds nothing wrong with the manual pages', {
  skip: !hasGroff() && 'no groff here',
}, async () => {
  for (const [name, page] of manualPages('0.0.0', await documentedCommands())) {
    const { stderr, stdout } = spawnSync('groff', ['-man', '-ww', '-Tutf8', '-P-c'], {
      input: page,
      encoding: 'utf8',
    })
    assert.equal(stderr, '', name)
    assert.ok(stdout.length > 0, name)
  }
})

test('no command is hidden but those that the gate and the shells start themselves', () => {
  assert.deepEqual(
    COMMANDS.filter(({ isHidden }) => isHidden).map(({ name }) => name),
    ['serve-http', 'complete'],
  )
})

function hasGroff(): boolean {
  return spawnSync('groff', ['--version']).status === 0
}
