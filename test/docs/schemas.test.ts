// docs/schemas has one file for each command with --json, and docs/how-to/json.md names every one.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { documentedCommands } from '../../src/cli/reference.ts'
import { assertSchema, readSchema } from '../support/schema.ts'

const PAGE = readFileSync(join(PROJECT_ROOT, 'docs/how-to/json.md'), 'utf8')
const SCHEMAS = readdirSync(join(PROJECT_ROOT, 'docs/schemas')).map(file =>
  file.replace(/\.schema\.json$/, ''),
)
/** Whose schemas are not written yet. */
const LATER = ['handoff', 'verify']

test('each command with --json has a schema, and each schema is of such a command', async () => {
  const commands = (await documentedCommands()).filter(({ command }) => 'json' in command.options)
  const names = commands.map(({ entry }) => entry.name.replaceAll(' ', '-'))
  assert.deepEqual(
    names.filter(name => !SCHEMAS.includes(name) && !LATER.includes(name)),
    [],
  )
  assert.deepEqual(
    SCHEMAS.filter(name => !names.includes(name)),
    [],
  )
})

for (const name of SCHEMAS) {
  test(`${name}.schema.json is a schema of JSON Schema 2020-12 that the page names`, () => {
    const { $schema, $id, title } = readSchema(name) as Record<string, unknown>
    assert.equal($schema, 'https://json-schema.org/draft/2020-12/schema')
    assert.equal($id, `urn:nixsig:schema:${name}`)
    assert.ok(typeof title === 'string' && title !== '')
    assert.ok(PAGE.includes(`(../schemas/${name}.schema.json)`), 'docs/how-to/json.md names it')
    assert.throws(() => assertSchema(name, { 'not a field of it': 1 }))
  })
}

test('the page says of each command without --json why', async () => {
  const commands = (await documentedCommands()).filter(({ command }) => !('json' in command.options))
  const without = PAGE.slice(PAGE.indexOf('## Commands without it'))
  for (const { entry } of commands) {
    if (OTHERS.includes(entry.name.split(' ')[0] ?? '')) continue
    assert.ok(without.includes(`\`${entry.name}\``), entry.name)
  }
})

/** Commands that get it together with their other changes. */
const OTHERS = ['explain', 'policy', 'quarantine']
