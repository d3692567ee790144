import { strict as assert } from 'node:assert'
import { parseGuixAuthorizations } from '../../src/formats/guix-authorizations.ts'
import { type OpenPgpGitPolicy, parseOpenPgpGitPolicy } from '../../src/formats/openpgp-git-policy.ts'
import { policyChanges } from '../../src/git/authenticate/policy-changes.ts'
import { FormatError } from '../../src/primitives/format-error.ts'
import { formatTarget, type Target } from '../target.ts'

const KEY = 'AD17 A21E F8AE D8F1 CC02  DBD9 F8AE D8F1 765C 61E3'
const GUIX = `;; who\n(authorizations (version 0) (("${KEY}" (name "alice"))\n ("${KEY.replaceAll(' ', '')}")))\n`
const POLICY = `version = 0\ncommit_goodlist = ["${'0123456789'.repeat(4)}"]\n[authorization.alice]\nsign_commit = true\nkeyring = """\n"""\n`

/** The files in which histories say who may sign them. */
export const HISTORIES: readonly Target[] = [
  formatTarget<ReadonlySet<string>>({
    name: 'guix authorizations',
    seeds: [GUIX],
    tokens: [
      '(',
      ')',
      '"',
      '\\"',
      ';',
      '\n',
      ' ',
      'authorizations',
      'version',
      '0',
      '1',
      KEY,
      '#|',
      "'",
      '[',
      '#;',
    ],
    read: parseGuixAuthorizations,
    print: keys => `(authorizations (version 0) (${[...keys].map(key => `("${key}")`).join(' ')}))`,
    also: keys => {
      for (const key of keys) assert.match(key, /^[0-9A-F]{40}$|^[0-9A-F]{64}$/)
    },
  }),
  formatTarget<OpenPgpGitPolicy>({
    name: 'openpgp git policy',
    seeds: [POLICY],
    tokens: [
      'version',
      ' = ',
      '0',
      'true',
      'false',
      '[authorization.b]\n',
      'audit',
      'keyring',
      '"""',
      "'''",
      '\n',
      '[]',
      '__proto__',
    ],
    read: parseOpenPgpGitPolicy,
    also: policy => {
      for (const id of policy.goodlist) assert.match(id, /^[0-9a-f]{40}$|^[0-9a-f]{64}$/)
      // Nothing changes from a policy to itself, and whoever begins with nothing needs a right.
      assert.deepEqual(policyChanges(policy, policy), [])
      try {
        const changes = policyChanges({ authorizations: new Map(), goodlist: new Set() }, policy)
        assert.equal(changes.length > 0, policy.authorizations.size + policy.goodlist.size > 0)
      } catch (error) {
        if (!(error instanceof FormatError)) throw error
      }
    },
  }),
]
