// What tuf-conformance asks of a client when keys change, case by case, in our own words: see conformance.test.ts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { beginTrust, readNewest } from '../../../src/lists/tuf/update.ts'
import { conformanceWorld as world } from '../../support/lists/conformance-world.ts'
import { keyCalled, memoryStore, Simulator, signedBy } from '../../support/lists/simulator.ts'

const ALL = ['root', 'targets', 'snapshot', 'timestamp'] as const
const REST = ['targets', 'snapshot', 'timestamp'] as const

/** Keys, threshold and signers of a role; the last may have to be refused. */
type Step = readonly [keys: string, threshold: number, signers: string, why?: RegExp]

const ROOTS: Readonly<Record<string, readonly Step[]>> = {
  '1-of-1-key-rotation': [
    ['1', 1, '1'],
    ['2', 1, '21'],
    ['2', 1, '2'],
  ],
  '1-of-1-key-rotation-unused-signatures': [
    ['1', 1, '314'],
    ['2', 1, '3214'],
    ['2', 1, '324'],
  ],
  '3-of-5-sign-with-different-keycombos': [
    ['01234', 3, '024'],
    ['01234', 3, '041'],
    ['01234', 3, '013'],
    ['01234', 3, '013'],
  ],
  '3-of-5-one-key-rotated': [
    ['01234', 3, '024'],
    ['01345', 3, '041'],
  ],
  '3-of-5-one-key-rotated-with-intermediate-step': [
    ['01234', 3, '024'],
    ['01345', 3, '0245'],
    ['01345', 3, '045'],
  ],
  '3-of-5-all-keys-rotated-with-intermediate-step': [
    ['01234', 3, '024'],
    ['56789', 3, '024567'],
    ['56789', 3, '567'],
  ],
  '1-of-3-threshold-increase-to-2-of-3': [
    ['123', 1, '1'],
    ['123', 2, '12'],
  ],
  '2-of-3-threshold-decrease-to-1-of-3': [
    ['123', 2, '12'],
    ['123', 1, '12'],
    ['123', 1, '1'],
  ],
  '1-of-2-threshold-increase-to-2-of-2': [
    ['1', 1, '1'],
    ['12', 2, '12'],
  ],
  '1-of-1-key-rotation-fail-not-signed-with-old-key': [
    ['1', 1, '1'],
    ['2', 1, '234', /1 signatures by the root keys of version 1, has 0/],
  ],
  '1-of-1-key-rotation-fail-not-signed-with-new-key': [
    ['1', 1, '1'],
    ['2', 1, '134', /1 signatures by its own root keys, has 0/],
  ],
  '3-of-5-one-key-rotate-fails-not-signed-with-3-new-keys': [
    ['01234', 3, '024'],
    ['01345', 3, '024', /3 signatures by its own root keys, has 2/],
  ],
  '3-of-5-one-key-rotate-fails-not-signed-with-3-old-keys': [
    ['01234', 3, '024'],
    ['01345', 3, '045', /3 signatures by the root keys of version 1, has 2/],
  ],
  '1-of-3-threshold-bump-to-2-of-3-fails-new-threshold-not-reached': [
    ['123', 1, '1'],
    ['123', 2, '2', /2 signatures by its own root keys, has 1/],
  ],
  '2-of-3-threshold-decr-to-1-of-3-fails-old-threshold-not-reached': [
    ['123', 2, '12'],
    ['123', 1, '1', /2 signatures by the root keys of version 1, has 1/],
  ],
}

for (const [name, steps] of Object.entries(ROOTS)) {
  const why = steps.at(-1)?.[3]
  test(`${why === undefined ? '' : 'attack: '}test_root_rotation: ${name}`, async () => {
    const repo = new Simulator()
    const store = memoryStore()
    for (const [at, [keys, threshold, signers]] of steps.entries()) {
      repo.give('root', [...keys], threshold)
      const signed = { ...repo.roles['root'], version: at + 1 }
      repo.files.set(`metadata/${at + 1}.root.json`, signedBy(signed, [...signers]))
    }
    const first = keyCalled([...(steps[0]?.[2] ?? '')].find(each => steps[0]?.[0].includes(each)) ?? '').id
    await beginTrust(store, repo.source, { keys: [first] })
    if (why === undefined) await readNewest(store, repo.source, repo.now)
    else await assert.rejects(readNewest(store, repo.source, repo.now), why)
    assert.equal(store.root()?.version, why === undefined ? steps.length : steps.length - 1)
  })
}

const OTHERS: Readonly<Record<string, Step>> = {
  '1-of-1-key-rotation': ['2', 1, '2'],
  '1-of-1-key-rotation-unused-signatures': ['1', 1, '314'],
  '1-of-1-key-rotation-fail-not-signed-with-new-key': [
    '2',
    1,
    '134',
    /needs 1 signatures by its keys, has 0/,
  ],
  '3-of-5-one-key-signature-wrong-not-signed-with-3-expected-keys': ['01345', 3, '024', /needs 3 .*, has 2/],
  '2-of-5-one-key-signature-mising-threshold-not-reached': ['01345', 3, '04', /needs 3 .*, has 2/],
  '3-of-5-sign-first-combo': ['01234', 3, '024'],
  '3-of-5-sign-second-combo': ['01234', 3, '041'],
  '3-of-5-sign-third-combo': ['01234', 3, '013'],
  '3-of-5-sign-fourth-combo': ['01234', 3, '123'],
  '3-of-5-sign-fifth-combo': ['01234', 3, '234'],
}

for (const [name, [keys, threshold, signers, why]] of Object.entries(OTHERS)) {
  test(`${why === undefined ? '' : 'attack: '}test_non_root_rotations: ${name}`, async () => {
    for (const role of REST) {
      const { repo, refresh, refuses } = await world()
      repo.give(role, [...keys], threshold)
      repo.signers.set(role, [...signers])
      repo.publish(...ALL)
      if (why === undefined) assert.equal((await refresh()).root.version, 2)
      else await refuses(new RegExp(`${role} metadata: ${why.source}`))
    }
  })
}
