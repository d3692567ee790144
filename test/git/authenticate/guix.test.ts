// docs/semantics.md, A1 to A4: histories under Guix's semantics.
import { mkdtempSync, rmSync } from 'node:fs'
import { after, describe, it } from 'node:test'
import { GUIX_CASES } from '../../support/guix-cases.ts'
import { assertVerdict } from '../../support/history-verdicts.ts'

const dir = mkdtempSync('/tmp/nixsig-guix-')
after(() => rmSync(dir, { recursive: true, force: true }))

describe('a history under the semantics of Guix:', () => {
  for (const each of GUIX_CASES) {
    it(each.what, () => assertVerdict(dir, each, 'guix'))
  }
})
