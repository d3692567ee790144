// The owners of user numbers that /etc/subuid gives to users.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { openSubordinateUsers } from '../../src/gate/subordinate-users.ts'

const PASSWD =
  'root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\nalice:x:1000:1000::/:/bin/sh\nmallory:x:1001:1001::/:/bin/sh\n'

function usersBy(t: TestContext, ranges: string) {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-subuid-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const places = { passwd: join(directory, 'passwd'), subuid: join(directory, 'subuid') }
  writeFileSync(places.passwd, PASSWD)
  writeFileSync(places.subuid, ranges)
  let time = 0
  const userOf = openSubordinateUsers(places, () => time)
  return {
    userOf,
    change(text: string) {
      writeFileSync(places.subuid, text)
      time += 1001
    },
  }
}

test('attack: 65,536 numbers that a user was given are that user', t => {
  const { userOf } = usersBy(
    t,
    'alice:100000:65536\nmallory:165536:65536\n1000:300000:10\nelsewhere:400000:10\n',
  )
  const mallory = Array.from({ length: 65_536 }, (_, n) => userOf(165_536 + n))
  assert.deepEqual([...new Set(mallory)], [1001])
  assert.deepEqual([99_999, 100_000, 165_535, 231_072].map(userOf), [99_999, 1000, 1000, 231_072])
  assert.deepEqual([300_009, 300_010, 400_000, 1001].map(userOf), [1000, 300_010, 'elsewhere', 1001])
})

test('attack: a range over numbers that users have takes none of them', t => {
  const { userOf } = usersBy(t, 'mallory:1:4000000000\n')
  assert.deepEqual([1000, 1001, 5000].map(userOf), [1000, 1001, 1001])
})

test('a file that changes, is too large, or says anything else', t => {
  const { userOf, change } = usersBy(t, '')
  assert.equal(userOf(100_000), 100_000)
  change('alice:100000:1\n')
  assert.equal(userOf(100_000), 1000)
  change(`alice:100000:1\n${'#'.repeat(1024 * 1024)}`)
  assert.equal(userOf(100_000), 100_000)
  for (const text of [
    'alice\n',
    'alice:x:1\n',
    'alice:1e5:1\n',
    ':100000:1\n',
    'alice:100000:-1\n',
    'alice:100000\n',
  ]) {
    change(text)
    assert.equal(userOf(100_000), 100_000)
  }
})

const line = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('root', 'toor', '0', '00', 'alice', 'mallory', '1001', '4294967295', 'elsewhere', ''),
      fc.oneof(fc.constantFrom(0, 1, 100_000, 4_294_967_295), fc.nat(200_000)),
      fc.oneof(fc.constantFrom(0, 1, 65_536, 4_294_967_296), fc.nat(200_000)),
    )
    .map(range => range.join(':')),
  fc.string({ maxLength: 12 }),
)

test('attack: no range makes anybody root, or root anybody, and whoever has a range is one', t => {
  const { userOf, change } = usersBy(t, '')
  const user = fc.oneof(fc.constantFrom(1, 99_999, 100_000, 4_294_967_295), fc.nat(300_000))
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), user, (lines, number) => {
      change(`${lines.join('\n')}\n`)
      assert.equal(userOf(0), 0)
      const owner = userOf(number === 0 ? 1 : number)
      assert.ok(owner !== 0 && owner !== '0' && owner !== 'root')
      for (const passwd of [1000, 1001]) assert.equal(userOf(passwd), passwd)
    }),
  )
  fc.assert(
    fc.property(
      fc.integer({ min: 2000, max: 300_000 }),
      fc.integer({ min: 1, max: 70_000 }),
      (start, count) => {
        // Ranges of the same user that overlap, in any order, are that user's as a whole.
        change(`mallory:${start}:${count}\nmallory:${start}:1\nmallory:${start + 1}:1\n`)
        assert.equal(userOf(start + count - 1), 1001)
        change(`root:${start}:${count}\n`)
        const owners = new Set([0, count - 1].map(offset => userOf(start + offset)))
        assert.equal(owners.size, count > 65_536 ? 2 : 1)
      },
    ),
  )
})
