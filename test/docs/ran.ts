/**
 * Which blocks of the documentation a test file ran, held against what the inventory says that it
 * runs.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Place, takeInventory } from './inventory.ts'
import type { Block } from './markdown.ts'

const done = new Set<string>()

/** Notes that a block was run, or that what it shows was seen. */
export function markRun({ at }: Pick<Block, 'at'>, place: Place): void {
  done.add(`${at} on ${place}`)
}

/**
 * A test, the last of a file, that the file ran all that the inventory says it runs. `places`: only
 * there, for a file that runs in parts.
 */
export function everyBlockWasRun(file: string, places?: readonly Place[]): void {
  test(`every example that ${file} is listed for was run`, () => {
    const expected = takeInventory().runs.flatMap(({ block, run }) =>
      run.by === file
        ? run.on.filter(place => places?.includes(place) ?? true).map(place => `${block.at} on ${place}`)
        : [],
    )
    assert.ok(expected.length > 0)
    assert.deepEqual(
      expected.filter(each => !done.has(each)),
      [],
    )
  })
}
