import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { after, test } from 'node:test'
import { attestationFile } from '../../src/evidence/attestation-file.ts'
import { parseStorePath } from '../../src/formats/nix/store-path.ts'
import { type Admission, writeAdmission } from '../../src/ledger/admissions.ts'
import type { Inquiry } from '../../src/verifier/inquiry.ts'
import { rankDerivations } from '../../src/verifier/known-derivations-first.ts'

const root = mkdtempSync('/tmp/nixsig-known-')
after(() => rmSync(root, { recursive: true, force: true }))

const NOW = 1_800_000_000
const POLICY = 'cd'.repeat(32)
const DIGITS = '0123456789abcdfghijklmnpqrsvwxyz'

const inquiry = {
  snapshot: async () => ({ digest: POLICY, attestations: [`${root}/attestations`] }),
  places: { state: root },
  now: NOW,
} as unknown as Inquiry

/**
 * The digest of a number, last digits first, so that consecutive numbers fall into different
 * directories.
 */
function derivationOf(number: number): string {
  let digest = ''
  for (let rest = number; digest.length < 32; rest = Math.floor(rest / 32)) digest += DIGITS[rest % 32]
  return `/nix/store/${digest}-source.drv`
}

function admit(path: string): void {
  const entry: Admission = {
    path,
    narHash: 'ab'.repeat(32),
    policy: POLICY,
    until: undefined,
    stamp: undefined,
    kind: 'derivation',
    builtHere: false,
    derivation: undefined,
    time: NOW,
    rule: 'default',
    claims: [],
    build: undefined,
  }
  writeAdmission(root, parseStorePath(path).digest, entry)
}

test('attack: the known ones of tens of thousands of derivations are found, and other work is not blocked', async () => {
  const crowd = Array.from({ length: 40_000 }, (_, number) => derivationOf(number))
  const [admitted = '', attested = ''] = [crowd[39_999], crowd[31_234]]
  admit(admitted)
  const file = attestationFile(`${root}/attestations`, attested)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, '')
  let turns = 0
  const others = setInterval(() => turns++, 1)
  const { known, unknown } = await rankDerivations(inquiry, crowd, 100)
  clearInterval(others)
  assert.deepEqual(known, [admitted, attested])
  assert.ok(turns > 10, `${turns} turns`)
  // These are not in the store, so there is nothing to read; but no more than the limit may be
  // asked for.
  assert.equal(unknown.length, 100)
})

test('a directory of attestations that cannot be listed makes no derivation known, and is no error here', async () => {
  const file = `${root}/no-directory`
  writeFileSync(file, '')
  const unlisted = { ...inquiry, snapshot: async () => ({ digest: POLICY, attestations: [file] }) }
  const path = derivationOf(50_000)
  const { known, unknown } = await rankDerivations(unlisted as unknown as Inquiry, [path], 100)
  assert.deepEqual([known, unknown], [[], [path]])
})
