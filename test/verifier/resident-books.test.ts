/** A process that stays reads each new book, and holds few of them open. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { policyFor } from '../../src/policy/lists/policy-for.ts'
import { openResidentCache } from '../../src/verifier/resident-cache.ts'
import { bookFor, listOf } from '../support/lists/large-lists.ts'

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

test('after a hundred updates a resident process answers by the newest book and holds two open', () => {
  const state = join(dir, 'state')
  const policy = join(dir, 'policy.toml')
  mkdirSync(state, { mode: 0o700 })
  const book = join(state, 'lists/debian')
  writeFileSync(
    policy,
    'version = 1\nmode = "enforce"\n[lists.debian]\nurl = "https://lists.example.org/debian"\nroles = ["developer"]\n[default]\nrequire.source = { developer = "its-developers" }\nrequire.derivation = "nothing"\nrequire.output = "self"\n',
  )
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
