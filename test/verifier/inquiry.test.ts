import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { openInquiry } from '../../src/verifier/inquiry.ts'

/**
 * A snapshot is only written if the policy's files are older than the resolution of the clock that
 * stamps them.
 */
const SETTLED_MS = 2100

function policyText(source: string): string {
  return `version = 1
mode = "enforce"
[principals.alice]
keys = ["alice-1:2vseemEFAOo0MO7aenTrcX7BNFQzgL4gkzpQ7p9KsvU="]
[default]
require.source = "${source}"
require.derivation = "nothing"
require.output = "self"
`
}

test('attack: nothing is judged under one policy and recorded under another', async () => {
  const state = mkdtempSync(join(tmpdir(), 'nixsig-inquiry-'))
  try {
    chmodSync(state, 0o700)
    const places = { policy: join(state, 'policy.toml'), state, attestations: undefined }
    writeFileSync(places.policy, policyText('alice'), { mode: 0o644 })
    await setTimeout(SETTLED_MS)
    const { digest } = await openInquiry(places, { records: true }).policy()

    const early = openInquiry(places, { records: true })
    assert.equal((await early.snapshot()).digest, digest)
    writeFileSync(places.policy, policyText('nothing'))
    await assert.rejects(early.policy(), /the policy was changed while it was asked/)

    const late = openInquiry(places, { records: true })
    const changed = await late.policy()
    assert.notEqual(changed.digest, digest)
    writeFileSync(places.policy, policyText('alice'))
    assert.equal((await late.snapshot()).digest, changed.digest)
  } finally {
    rmSync(state, { recursive: true })
  }
})
