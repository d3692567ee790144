// docs/semantics.md, A1 to A7: histories under sequoia-git's semantics.
import { mkdtempSync, rmSync } from 'node:fs'
import { after, describe, it } from 'node:test'
import { assertVerdict } from '../../support/history-verdicts.ts'
import { SEQUOIA_GIT_CASES } from '../../support/sequoia-git-cases.ts'

const dir = mkdtempSync('/tmp/nixsig-sequoia-git-')
after(() => rmSync(dir, { recursive: true, force: true }))

describe('a history under the semantics of sequoia-git:', () => {
  for (const each of SEQUOIA_GIT_CASES) {
    it(each.what, () => assertVerdict(dir, each, 'sequoia-git'))
  }
})
