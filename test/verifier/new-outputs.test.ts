// What others judge later is this machine's work only by an expectation, whatever else is there.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { expectOutput } from '../../src/ledger/expected.ts'
import { notePresent } from '../../src/ledger/present.ts'
import type { PathInfo } from '../../src/store/store-client.ts'
import { endingOf, ofThisBuild } from '../../src/verifier/new-outputs.ts'

const NOW = 1_800_000_000
const DIGESTS = ['0', '1', '2', '3'].map(first => `${first}123456789abcdfghijklmnpqrsvwxyz`.slice(0, 32))
const DERIVATION = `/nix/store/${DIGESTS[0]}-made.drv`
const FOUND = { policy: 'ef'.repeat(32), until: undefined }

const record = fc.constantFrom('expected', 'expected by another', 'present', 'nothing')
const output = fc.record({ record, isValid: fc.boolean(), age: fc.constantFrom(0, 3, 200, 10_000) })

test('S10: without a hook of Nix only what was expected of this derivation is its work', () =>
  fc.assert(
    fc.property(fc.array(output, { minLength: 1, maxLength: 4 }), outputs => {
      const state = mkdtempSync(join(tmpdir(), 'nixsig-made-'))
      try {
        const all = outputs.map((each, index) => {
          const digest = DIGESTS[index] ?? ''
          const path = `/nix/store/${digest}-made`
          const derivation =
            each.record === 'expected by another' ? `/nix/store/${digest}-other.drv` : DERIVATION
          const of = { digest, path, derivation }
          if (each.record.startsWith('expected'))
            expectOutput(state, { ...of, output: 'out', time: NOW, found: FOUND, admits: { kind: 'any' } })
          if (each.record === 'present') notePresent(state, { ...of, stamp: '1:2' })
          return { ...each, path, isExpected: each.record === 'expected' }
        })
        const valid = all
          .filter(({ isValid }) => isValid)
          .map(({ path, age }) => ({ path, registrationTime: NOW - age }) as PathInfo)
        const paths = all.map(({ path }) => path)
        const build = { derivation: DERIVATION, outputs: paths, valid, ending: 'unknown', now: NOW } as const
        const { made, isNew } = ofThisBuild(state, build)
        const expected = all.filter(({ isValid, isExpected }) => isValid && isExpected)
        assert.deepEqual(
          [...made],
          expected.map(({ path }) => path),
        )
        assert.deepEqual([...isNew], [...made])
        // None of these lies on the disk, so no note is about what lies there.
        assert.equal(endingOf(state, DERIVATION, paths), 'build')
      } finally {
        rmSync(state, { recursive: true })
      }
    }),
  ))
