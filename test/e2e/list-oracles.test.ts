// What nixsig publishes is what other clients of TUF take: python-tuf and go-tuf of Debian sid.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { readRepository } from '../../src/lists/keep/repository.ts'
import { DAY, type Kept, withKept } from '../support/lists/keeping.ts'
import { type TufOracle, tufOracles } from '../support/lists/tuf-oracles.ts'

const THREE = ['alice', 'bob', 'carol']

/** The clock of other clients is this machine's. */
const today = () => Math.floor(Date.now() / 1000)

async function withOracles(use: (kept: Kept, oracles: readonly TufOracle[]) => Promise<void>): Promise<void> {
  const oracles = tufOracles()
  try {
    await withKept(THREE, 2, async kept => {
      kept.now = today()
      for (const name of ['alice', 'bob']) await kept.sign(name)
      kept.publish()
      await use(kept, oracles)
    })
  } finally {
    for (const oracle of oracles) oracle.remove()
  }
}

async function accepted(kept: Kept, oracles: readonly TufOracle[], target?: string): Promise<void> {
  for (const oracle of oracles) {
    const { accepts, output } = await oracle.update(kept.out, target)
    assert.ok(accepts, `${oracle.name}: ${output}`)
    if (target === undefined)
      assert.deepEqual(oracle.taken(), readFileSync(join(kept.dir, 'list.json')), oracle.name)
  }
}

async function refused(kept: Kept, oracles: readonly TufOracle[], why: RegExp): Promise<void> {
  assert.throws(() => readRepository(kept.out), 'nixsig')
  for (const oracle of oracles) {
    const { accepts, output } = await oracle.update(kept.out)
    assert.equal(accepts, false, `${oracle.name}: ${output}`)
    assert.match(output, why)
  }
}

test('a list, its changes, the rotation of every role, and a team', () =>
  withOracles(async (kept, oracles) => {
    await accepted(kept, oracles)
    kept.add('one', 1)
    for (const name of ['alice', 'bob']) await kept.sign(name)
    kept.publish()
    await accepted(kept, oracles)
    for (const role of ['root', 'targets', 'snapshot', 'timestamp']) kept.rotate(role, ['dave'], ['carol'])
    kept.team('gnome', ['dora'], 1)
    kept.add('eve', 2, 'gnome')
    for (const name of ['dora', 'alice', 'bob', 'dave']) await kept.sign(name)
    kept.publish()
    await accepted(kept, oracles)
    await accepted(kept, oracles.slice(0, 1), 'teams/gnome/list.json')
    await kept.sign('dave', 'snapshot', 'timestamp')
    kept.publish()
    await accepted(kept, oracles)
  }))

test('attack: too few signatures are refused by all', () =>
  withOracles(async (kept, oracles) => {
    await accepted(kept, oracles)
    kept.add('one', 1)
    for (const name of ['alice', 'bob']) await kept.sign(name)
    kept.publish()
    const file = join(kept.out, 'metadata/2.targets.json')
    const { signatures, signed } = JSON.parse(readFileSync(file, 'utf8'))
    writeFileSync(file, JSON.stringify({ signatures: signatures.slice(1), signed }))
    await refused(kept, oracles, /threshold|signed by|not enough signatures/i)
  }))

test('attack: a new root without the old keepers is refused by all', () =>
  withOracles(async (kept, oracles) => {
    await accepted(kept, oracles)
    for (const role of ['root', 'targets', 'snapshot', 'timestamp']) kept.rotate(role, ['mallory'], ['carol'])
    for (const name of ['alice', 'bob', 'mallory']) await kept.sign(name)
    kept.publish()
    const file = join(kept.out, 'metadata/2.root.json')
    const { signatures, signed } = JSON.parse(readFileSync(file, 'utf8'))
    writeFileSync(file, JSON.stringify({ signatures: signatures.slice(0, 1), signed }))
    await refused(kept, oracles, /threshold|signed by|not enough signatures/i)
  }))

test('what has ended is refused by all', () =>
  withKept(THREE, 1, async kept => {
    const oracles = tufOracles()
    try {
      kept.now = today() - 61 * DAY
      await kept.sign('alice')
      kept.publish()
      for (const oracle of oracles) {
        const { accepts, output } = await oracle.update(kept.out)
        assert.equal(accepts, false, `${oracle.name}: ${output}`)
        assert.match(output, /expired/i, oracle.name)
      }
      kept.now = today()
      assert.throws(() => kept.publish(), /snapshot ended at/)
    } finally {
      for (const oracle of oracles) oracle.remove()
    }
  }))

test('whatever keepers do in whatever order, other clients follow', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom('add', 'rotate', 'renew'), fc.constantFrom('dave', 'erin')), {
        minLength: 1,
        maxLength: 4,
      }),
      steps =>
        withOracles(async (kept, oracles) => {
          let people = THREE
          for (const [index, [step, who]] of steps.entries()) {
            if (step === 'add') kept.add(`p${index}`, index)
            if (step === 'rotate' && !people.includes(who)) {
              const [goes = ''] = people
              for (const role of ['root', 'targets', 'snapshot', 'timestamp'])
                kept.rotate(role, [who], [goes])
              people = [...people.slice(1), who]
            }
            for (const name of [...people, ...THREE])
              await kept.sign(
                name,
                ...(step === 'renew' && name === people[0] ? ['snapshot', 'timestamp'] : []),
              )
            kept.publish()
            await accepted(kept, oracles)
          }
        }),
    ),
    { numRuns: 5 },
  ))
