import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseList } from '../../../src/formats/lists/document.ts'
import { planOf } from '../../../src/lists/keep/plan.ts'
import { NotPublishable } from '../../../src/lists/keep/publish.ts'
import { reportOf } from '../../../src/lists/keep/report.ts'
import { type Repository, readRepository, readTarget } from '../../../src/lists/keep/repository.ts'
import { DAY, type Kept, keeper, withKept } from '../../support/lists/keeping.ts'

const THREE = ['alice', 'bob', 'carol']

const published = ({ out }: Kept): Repository => readRepository(out) ?? assert.fail('nothing was published')
const listIn = (kept: Kept) => {
  const bytes = readTarget(kept.out, published(kept).targets.signed, 'list.json')
  return parseList(bytes ?? assert.fail('no list'), 'list')
}

test('a list kept by three is published when two have signed', () =>
  withKept(THREE, 2, async kept => {
    kept.add('guillem', 1)
    assert.deepEqual(await kept.sign('alice'), ['root', 'targets', 'snapshot', 'timestamp'])
    assert.deepEqual(await kept.sign('alice'), [])
    assert.throws(() => kept.publish(), /root \(1 of 2 by the new root's keepers\); targets \(1 of 2\)/)
    await kept.sign('carol')
    assert.deepEqual(kept.publish().roles, ['root', 'targets', 'snapshot', 'timestamp'])
    assert.deepEqual([...listIn(kept).principals.keys()], ['guillem'])
    assert.deepEqual(readdirSync(join(kept.out, 'metadata')).sort(), [
      '1.root.json',
      '1.snapshot.json',
      '1.targets.json',
      'timestamp.json',
    ])
    assert.ok(!existsSync(join(kept.dir, 'pending/root')))
    assert.deepEqual(kept.publish().roles, [], 'again')
  }))

test('a change is signed anew, and signatures over what was before are dropped', () =>
  withKept(THREE, 2, async kept => {
    for (const name of ['alice', 'bob']) await kept.sign(name)
    kept.publish()
    kept.add('one', 1)
    await kept.sign('alice')
    kept.add('two', 2)
    await kept.sign('bob')
    assert.throws(() => kept.publish(), /targets \(1 of 2\)/)
    await kept.sign('alice')
    kept.publish()
    assert.equal(published(kept).targets.signed.version, 2)
    assert.deepEqual([...listIn(kept).principals.keys()], ['one', 'two'])
  }))

test('timestamps are renewed alone, by one keeper', () =>
  withKept(THREE, 2, async kept => {
    for (const name of ['alice', 'bob']) await kept.sign(name)
    kept.publish()
    kept.now += 50 * DAY
    assert.deepEqual(await kept.sign('carol', 'snapshot', 'timestamp'), ['snapshot', 'timestamp'])
    assert.deepEqual(kept.publish().roles, ['snapshot', 'timestamp'])
    const { timestamp, targets } = published(kept)
    assert.equal(timestamp.signed.expires, kept.now + 60 * DAY)
    assert.equal(targets.signed.version, 1)
  }))

test('a lost key is replaced by the others, who sign as old and as new keepers', () =>
  withKept(THREE, 2, async kept => {
    for (const name of ['alice', 'bob']) await kept.sign(name)
    kept.publish()
    for (const role of ['root', 'targets', 'snapshot', 'timestamp']) kept.rotate(role, ['dave'], ['carol'])
    await kept.sign('alice')
    await kept.sign('dave')
    assert.throws(() => kept.publish(), /root \(1 of 2 by the old root's keepers\)/)
    await kept.sign('bob')
    kept.publish()
    assert.equal(published(kept).root.signed.version, 2)
    kept.add('one', 1)
    await kept.sign('carol').then(signed => assert.deepEqual(signed, []), assert.fail)
    for (const name of ['alice', 'dave']) await kept.sign(name)
    kept.publish()
    assert.deepEqual([...listIn(kept).principals.keys()], ['one'])
  }))

test('what was published is signed anew when its keepers change', () =>
  withKept(THREE, 2, async kept => {
    for (const name of ['alice', 'bob']) await kept.sign(name)
    kept.publish()
    kept.rotate('timestamp', ['server'], THREE, 1)
    for (const name of ['alice', 'bob']) assert.deepEqual(await kept.sign(name), ['root'])
    assert.deepEqual(await kept.sign('server'), ['timestamp'])
    kept.publish()
    assert.equal(published(kept).timestamp.signed.version, 2)
  }))

test('a change does not have to wait for a new root', () =>
  withKept(THREE, 2, async kept => {
    for (const name of ['alice', 'bob']) await kept.sign(name)
    kept.publish()
    kept.rotate('root', ['dave', 'erin', 'fred'], [], 5)
    kept.add('one', 1)
    for (const name of ['alice', 'bob']) await kept.sign(name)
    const { roles, left } = kept.publish()
    assert.deepEqual({ roles, left }, { roles: ['targets', 'snapshot', 'timestamp'], left: ['root'] })
    assert.equal(published(kept).root.signed.version, 1)
  }))

test('a team signs its own part, and keeps nobody waiting', () =>
  withKept(THREE, 2, async kept => {
    kept.team('gnome', ['dora', 'emil'], 2)
    kept.add('zoe', 1, 'gnome')
    for (const name of ['alice', 'bob']) await kept.sign(name)
    assert.deepEqual(await kept.sign('dora'), ['team-gnome'])
    assert.deepEqual(kept.publish().left, ['team-gnome'])
    assert.equal(published(kept).teams.size, 0)
    await kept.sign('emil')
    await kept.sign('alice')
    assert.deepEqual(kept.publish().roles, ['team-gnome', 'snapshot', 'timestamp'])
    const team = published(kept).teams.get('team-gnome')?.signed ?? assert.fail('no team')
    const part = parseList(readTarget(kept.out, team, 'teams/gnome/list.json') ?? assert.fail(), 'team')
    assert.deepEqual([...part.principals.keys()], ['zoe'])
  }))

test('a report says who still has to sign, what changed and what ends', () =>
  withKept(THREE, 2, async kept => {
    for (const name of ['alice', 'bob']) await kept.sign(name)
    kept.publish()
    kept.add('one', 1)
    await kept.sign('bob')
    const { roles, changes } = reportOf(kept.dir, planOf(kept.dir, { now: kept.now, renew: new Set() }))
    const needs = roles.find(({ role }) => role === 'targets')?.pending?.needs[0]
    assert.deepEqual(
      needs?.signed.map(({ name }) => name),
      ['bob'],
    )
    assert.deepEqual(needs?.unsigned.map(({ name }) => name).sort(), ['alice', 'carol'])
    assert.deepEqual(
      [...(changes.get('list') ?? [])].map(({ kind, what }) => `${kind} ${what}`),
      ['added principal one'],
    )
    assert.equal(roles[0]?.published?.ends, kept.now + 730 * DAY)
  }))

test('what has ended is not published', () =>
  withKept(THREE, 2, async kept => {
    for (const name of ['alice', 'bob']) await kept.sign(name)
    kept.publish()
    kept.now += 61 * DAY
    assert.throws(
      () => kept.publish(),
      (error: Error) =>
        error instanceof NotPublishable &&
        /snapshot ended at/.test(error.message) &&
        error.mend === ' --renew snapshot',
    )
  }))

test('random steps of keepers only ever publish repositories that verify and go forward', () =>
  fc.assert(
    fc.asyncProperty(fc.array(steps(), { maxLength: 25 }), list =>
      withKept(THREE, 2, async kept => {
        let before: Repository | undefined
        for (const [index, step] of list.entries()) {
          await take(kept, step, index)
          const now = readRepository(kept.out)
          if (now === undefined) continue
          for (const role of ['root', 'targets', 'snapshot', 'timestamp'] as const)
            assert.ok(now[role].signed.version >= (before?.[role].signed.version ?? 1), role)
          before = now
        }
      }),
    ),
    { numRuns: 25 },
  ))

type Step =
  | { readonly do: 'add' | 'publish' | 'wait' }
  | { readonly do: 'sign' | 'renew'; readonly who: string }
  | { readonly do: 'rotate'; readonly role: string; readonly add: string; readonly remove: string }

function steps(): fc.Arbitrary<Step> {
  const who = fc.constantFrom(...THREE, 'dave')
  const role = fc.constantFrom('root', 'targets', 'snapshot', 'timestamp')
  return fc.oneof(
    fc.record({
      do: fc.constantFrom('add' as const, 'publish' as const, 'publish' as const, 'wait' as const),
    }),
    fc.record({
      do: fc.constantFrom('sign' as const, 'sign' as const, 'sign' as const, 'renew' as const),
      who,
    }),
    fc.record({ do: fc.constant('rotate' as const), role, add: who, remove: who }),
  )
}

async function take(kept: Kept, step: Step, index: number): Promise<void> {
  try {
    if (step.do === 'add') kept.add(`p${index}`, index)
    else if (step.do === 'wait') kept.now += 5 * DAY
    else if (step.do === 'sign') await kept.sign(step.who)
    else if (step.do === 'renew') await kept.sign(step.who, 'snapshot', 'timestamp')
    else if (step.do === 'rotate') kept.rotate(step.role, [step.add], [step.remove])
    else kept.publish()
  } catch (error) {
    // Whoever does not sign for a role cannot leave it, and too few may have signed.
    if (
      !(error instanceof Error) ||
      !/does not sign for|not signed by enough|are needed of|ended at/.test(error.message)
    )
      throw error
  }
}

test('keepers have Ed25519 keys', () => {
  assert.throws(() => keeper('no name'), /cannot be a name/)
})
