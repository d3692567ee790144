// What Nix sends to a build hook, read in pieces of any size.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readAccepted, readBuildRequest, readSettings } from '../../src/store/build-hook.ts'
import { encode, type Item, type Reader } from '../../src/store/wire.ts'

const DRV = '/nix/store/8lnyx2d403hiqnqcjj8wl9j0zk56alk5-hello-2.12.drv'

/** Reads these items; the reader must consume all of them. */
function read<T>(reader: Reader<T>, ...items: readonly Item[]): T {
  const bytes = encode(...items)
  let at = 0
  let step = reader.next(new Uint8Array())
  while (step.done !== true) {
    const end = at + step.value
    assert.ok(end <= bytes.length, 'it wants more than there is')
    step = reader.next(bytes.subarray(at, end))
    at = end
  }
  assert.equal(at, bytes.length)
  return step.value
}

test('settings', () => {
  const settings = read(readSettings(), 1, 'builders', 'ssh://a', 1, 'max-jobs', '4', 0)
  assert.deepEqual(Object.fromEntries(settings), { builders: 'ssh://a', 'max-jobs': '4' })
  assert.equal(read(readSettings(), 0).size, 0)
})

test('a request, and what follows one that was accepted', () => {
  assert.deepEqual(read(readBuildRequest(), 'try', 1, 'x86_64-linux', DRV, ['kvm']), {
    system: 'x86_64-linux',
    derivation: DRV,
    features: ['kvm'],
  })
  assert.equal(read(readAccepted(), ['/nix/store/a', '/nix/store/b'], ['out']), undefined)
})

const BROKEN: Readonly<Record<string, readonly [() => unknown, RegExp]>> = {
  'a setting twice': [() => read(readSettings(), 1, 'a', '1', 1, 'a', '2', 0), /a setting twice/],
  'something that is neither a setting nor their end': [
    () => read(readSettings(), 2),
    /neither another setting nor their end/,
  ],
  'a request that is not known': [() => read(readBuildRequest(), 'build'), /a request that is not known/],
  'a list that has no end': [() => read(readAccepted(), 2 ** 40), /a list of \d+ items/],
  'a string that has no end': [() => read(readBuildRequest(), 2 ** 40), /a string of \d+ bytes/],
}

for (const [what, [reading, reason]] of Object.entries(BROKEN)) {
  test(`attack: ${what} is an error`, () => assert.throws(reading, reason))
}
