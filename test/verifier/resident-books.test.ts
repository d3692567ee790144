/** A process that stays reads each new book, and holds few of them open. */
import assert from 'node:assert/strict'
import fs, { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { readSnapshot } from '../../src/ledger/policy-snapshot.ts'
import { policyFor } from '../../src/policy/lists/policy-for.ts'
import { loadPolicy } from '../../src/verifier/policy-file.ts'
import { openResidentCache } from '../../src/verifier/resident-cache.ts'
import { bookFor, listOf, ORDINARY } from '../support/lists/large-lists.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nixsig-resident-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

function openBooks(): number {
  const targets = readdirSync('/proc/self/fd').map(fd => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`)
    } catch {
      return ''
    }
  })
  return targets.filter(target => target.startsWith(`${dir}/`)).length
}

const POLICY = `version = 1
mode = "enforce"
[lists.debian]
url = "https://lists.example.org/debian"
roles = ["developer"]
[default]
require.source = { developer = "its-developers" }
require.derivation = "nothing"
require.output = "self"
`

test('after a hundred updates a resident process answers by the newest book and holds two open', () => {
  const state = join(dir, 'state')
  const policy = join(dir, 'policy.toml')
  mkdirSync(state, { mode: 0o700 })
  const book = join(state, 'lists/debian')
  writeFileSync(policy, POLICY)
  const cache = openResidentCache({ policy, state, attestations: undefined })
  try {
    for (let n = 0; n < 100; n++) {
      bookFor(
        book,
        listOf(n + 1, k => ({ names: [`p${k}-*`], urls: [] })),
      )
      const about = { name: `p${n}-1.tar.gz`, kind: 'fetched-source', urls: [] } as const
      assert.ok(policyFor(cache.policy(), about).principals.has(`debian/p${n}`), `update ${n}`)
      assert.ok(openBooks() <= 2, `${openBooks()} are open after update ${n}`)
    }
  } finally {
    cache.close()
  }
})

test('a hook that has all answers believes the policy with a list without opening the book', async () => {
  const state = join(dir, 'state')
  const policy = join(dir, 'policy.toml')
  mkdirSync(state, { mode: 0o700 })
  writeFileSync(policy, POLICY)
  bookFor(join(state, 'lists/debian'), listOf(10, ORDINARY))
  // A policy that was just changed is not noted.
  await setTimeout(2100)
  const { digest } = loadPolicy({ policy, state, attestations: undefined }, { remember: true })
  const opened: string[] = []
  const original = fs.openSync
  fs.openSync = ((file: string, ...rest: [number]) => {
    opened.push(file)
    return original(file, ...rest)
  }) as typeof fs.openSync
  syncBuiltinESMExports()
  try {
    assert.equal(readSnapshot(state, policy)?.digest, digest)
  } finally {
    fs.openSync = original
    syncBuiltinESMExports()
  }
  assert.deepEqual(opened, [join(state, 'policy')])
  bookFor(join(state, 'lists/debian'), listOf(11, ORDINARY))
  assert.equal(readSnapshot(state, policy), undefined)
})
