// The options that say where a command looks: it takes those of what it reads, and refuses the
// others.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PLACE_OPTIONS } from '../../src/cli/command.ts'
import { COMMANDS } from '../../src/cli/commands.ts'
import { commandHelp } from '../../src/cli/help.ts'
import { parseValues, placesOf } from '../../src/cli/parse.ts'
import { UsageError } from '../../src/cli/usage-error.ts'
import { DEFAULT_PLACES } from '../../src/verifier/places.ts'

for (const entry of COMMANDS) {
  test(`nixsig ${entry.name} takes the places that it reads, names them in its help, and refuses the others`, async () => {
    const command = await entry.load()
    const needed = Object.entries(command.options).flatMap(([key, option]) =>
      option.kind !== 'flag' && option.required ? [`--${key}`, option.choices?.[0] ?? 'x'] : [],
    )
    const given = Object.values(command.arguments).flatMap(({ count }) =>
      count === 'one' || count === 'one or more' ? ['x'] : [],
    )
    const help = commandHelp(entry, command)
    for (const name of ['policy', 'state', 'attestations'] as const) {
      const call = () => parseValues(entry.name, command, [...needed, `--${name}`, '/srv/own', ...given])
      assert.equal(help.includes(`\n  --${name} ${PLACE_OPTIONS[name].value}`), command.reads.includes(name))
      if (command.reads.includes(name)) {
        const places = placesOf(call())
        assert.deepEqual([places[name]].flat(), ['/srv/own'])
      } else {
        assert.throws(
          call,
          error =>
            error instanceof UsageError &&
            error.message.startsWith(
              `nixsig ${entry.name} takes no --${name}, as it would not look there; next: `,
            ),
        )
      }
    }
    assert.deepEqual(placesOf(parseValues(entry.name, command, [...needed, ...given])), DEFAULT_PLACES)
  })
}

test('no command gives another meaning to the name of a place', async () => {
  for (const { name, load } of COMMANDS) {
    const own = Object.keys((await load()).options).filter(key => Object.hasOwn(PLACE_OPTIONS, key))
    assert.deepEqual(own, [], name)
  }
})
