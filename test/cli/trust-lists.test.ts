// What commands for users of lists name as the next step to whoever cannot take it without root.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asRoot, chosenList } from '../../src/cli/trust-lists.ts'
import type { Policy } from '../../src/policy/policy.ts'
import { BY_ROOT } from '../../src/primitives/next-step.ts'

/** Does something as if this user called. */
function asUser(uid: number, act: () => void): void {
  const real = process.geteuid
  process.geteuid = () => uid
  try {
    act()
  } finally {
    if (real !== undefined) process.geteuid = real
  }
}

const NO_LISTS = { lists: new Map() } as unknown as Policy

test("a plain user is told that root's commands are root's, and root is told the command alone", () => {
  asUser(1000, () => {
    assert.equal(asRoot('nixsig trust update ex'), `nixsig trust update ex (${BY_ROOT})`)
    assert.throws(
      () => chosenList(NO_LISTS, 'ex'),
      /no list ex; next: nixsig trust subscribe URL \(as root, /,
    )
  })
  asUser(0, () => {
    assert.equal(asRoot('nixsig trust update ex'), 'nixsig trust update ex')
    assert.throws(() => chosenList(NO_LISTS, 'ex'), /no list ex; next: nixsig trust subscribe URL$/)
  })
})
