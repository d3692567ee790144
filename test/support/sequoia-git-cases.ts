/** Histories under the semantics of sequoia-git. */
import {
  ALL_RIGHTS,
  certificateOf,
  DAY,
  type HistoryCase,
  KEYS,
  MADE_AT,
  type Made,
  type PolicyEntry,
  policyFile,
  revocation,
  withSubkey,
} from './history-cases.ts'
import { type CommitParts, SIGNED_AT, type SignedHistory, signatureHeader } from './signed-history.ts'

const { alice, bob, carol, mallory, subkey } = KEYS
const NAME = 'openpgp-policy.toml'

type Entries = Readonly<Record<string, PolicyEntry>>

const ALICE: PolicyEntry = { certificates: [certificateOf(alice)], rights: ALL_RIGHTS }
const BOB: PolicyEntry = { certificates: [certificateOf(bob)] }
const CAROL: PolicyEntry = { certificates: [certificateOf(carol)] }
const BOTH: Entries = { alice: ALICE, bob: BOB }

const bobWith = (...more: readonly Buffer[]): Entries => ({
  alice: ALICE,
  bob: { certificates: [certificateOf(bob, more)] },
})

let count = 0
/** A commit with this policy; each has other contents. */
function commit(
  history: SignedHistory,
  policy: Entries | string | undefined,
  parts: Omit<CommitParts, 'files'>,
): string {
  const text = typeof policy === 'object' ? policyFile(policy) : policy
  const file = text === undefined ? {} : { [NAME]: text }
  return history.commit({ ...parts, files: { ...file, contents: String(count++) } })
}

/** Commits one after another, the first of them the introduction. */
function line(...steps: readonly (readonly [Entries | string | undefined, Omit<CommitParts, 'files'>])[]) {
  return (history: SignedHistory): Made => {
    const ids: string[] = []
    for (const [policy, parts] of steps) {
      ids.push(commit(history, policy, { parents: ids.slice(-1), ...parts }))
    }
    const [introduction = '', tip = ''] = [ids[0], ids.at(-1)]
    return { introduction, tip, refused: tip }
  }
}

const one = (parts: Partial<CommitParts>, before: Entries | string = BOTH, after = before) =>
  line([before, {}], [after, { by: bob, ...parts }])

const WAYS: readonly HistoryCase[] = [
  { what: 'one commit by an authorized key', make: one({}), verdict: 'authentic' },
  { what: 'nothing after the introduction', make: line([BOTH, {}]), verdict: 'authentic' },
  {
    what: 'a key that is added, and signs the next commit',
    make: line([{ alice: ALICE }, {}], [BOTH, { by: alice }], [BOTH, { by: bob }]),
    verdict: 'authentic',
  },
  {
    what: 'a key that leaves with the right to do so',
    make: line([BOTH, {}], [{ alice: ALICE }, { by: alice }]),
    verdict: 'authentic',
  },
  {
    what: 'a merge of which one parent authorizes the key',
    make: history => {
      const introduction = commit(history, BOTH, {})
      const without = commit(history, { alice: ALICE }, { parents: [introduction], by: alice })
      const side = commit(history, BOTH, { parents: [introduction], by: bob })
      return { introduction, tip: commit(history, BOTH, { parents: [without, side], by: bob }) }
    },
    verdict: 'authentic',
  },
  {
    what: 'a merge brings in commits that nobody signed',
    make: history => {
      const introduction = commit(history, BOTH, {})
      const side = commit(history, BOTH, { parents: [introduction] })
      const other = commit(history, undefined, {})
      const tip = commit(history, BOTH, { parents: [introduction, side, other], by: alice })
      return { introduction, tip }
    },
    verdict: 'authentic',
  },
  {
    what: 'a tip that does not build on the introduction',
    make: history => {
      const introduction = commit(history, BOTH, {})
      const tip = commit(history, BOTH, { parents: [commit(history, BOTH, { message: 'x\n' })], by: bob })
      return { introduction, tip, refused: tip }
    },
    verdict: 'not-a-descendant',
  },
  {
    what: 'attack: a merge by a key that no parent authorizes',
    make: history => {
      const introduction = commit(history, BOTH, {})
      const sides = [alice, bob].map(by => commit(history, BOTH, { parents: [introduction], by }))
      const tip = commit(history, BOTH, { parents: sides, by: mallory })
      return { introduction, tip, refused: tip }
    },
    verdict: 'missing-key',
  },
  {
    what: 'attack: a commit on an unsigned one, however well signed',
    make: history => {
      const introduction = commit(history, BOTH, {})
      const refused = commit(history, BOTH, { parents: [introduction] })
      return { introduction, tip: commit(history, BOTH, { parents: [refused], by: alice }), refused }
    },
    verdict: 'unsigned',
  },
]

const lacks = (
  what: string,
  before: Entries | string,
  after: Entries | string | undefined,
  right: string,
) => ({
  what: `attack: ${what}`,
  make: line([before, {}], [after, { by: bob }]),
  verdict: 'unauthorized',
  says: new RegExp(`needed: ${right}`),
})

const mayAll = (name: 'alice' | 'bob', rights: readonly string[]): Entries => ({
  ...BOTH,
  [name]: { ...BOTH[name], certificates: BOTH[name]?.certificates ?? [], rights },
})

const RIGHTS: readonly HistoryCase[] = [
  lacks('somebody is added without the right to add', BOTH, { ...BOTH, carol: CAROL }, 'add_user'),
  lacks('somebody is removed without the right to retire', { ...BOTH, carol: CAROL }, BOTH, 'retire_user'),
  lacks('a signer gives itself a right', BOTH, mayAll('bob', ALL_RIGHTS), 'add_user and sign_tag'),
  lacks(
    'a right that the giver does not have',
    mayAll('bob', ['sign_commit', 'add_user']),
    mayAll('bob', ['sign_commit', 'add_user', 'audit']),
    'add_user and audit',
  ),
  lacks('a right is taken away', BOTH, mayAll('alice', ['sign_commit']), 'retire_user'),
  lacks(
    'a second certificate for somebody',
    BOTH,
    { ...BOTH, bob: { certificates: [certificateOf(bob), certificateOf(mallory)] } },
    'add_user',
  ),
  lacks(
    'a revocation is cut out of a certificate',
    bobWith(revocation(bob, 3, SIGNED_AT + DAY)),
    BOTH,
    'retire_user',
  ),
  lacks('the list of good commits is changed', BOTH, policyFile(BOTH, ['1'.repeat(40)]), 'audit'),
  lacks('the file is removed', BOTH, undefined, 'retire_user'),
  lacks(
    'a key that may not sign commits',
    mayAll('bob', ['sign_tag']),
    mayAll('bob', ['sign_tag']),
    'sign_commit',
  ),
  {
    what: 'attack: a key that is added and used in one commit',
    make: line([{ alice: ALICE }, {}], [BOTH, { by: bob }]),
    verdict: 'missing-key',
  },
  {
    what: 'attack: a key that signs after its removal',
    make: line([BOTH, {}], [{ alice: ALICE }, { by: alice }], [{ alice: ALICE }, { by: bob }]),
    verdict: 'missing-key',
  },
  {
    what: 'a certificate that gains a revocation, by whoever may sign',
    make: line([BOTH, {}], [bobWith(revocation(bob, 3, SIGNED_AT + DAY)), { by: bob }]),
    verdict: 'authentic',
  },
  {
    what: 'a file that is removed by somebody with all rights, and nothing after it',
    make: line([{ alice: ALICE }, {}], [undefined, { by: alice }]),
    verdict: 'authentic',
  },
]

const SIGNATURES: readonly HistoryCase[] = [
  { what: 'attack: an unsigned commit', make: one({ header: () => '' }), verdict: 'unsigned' },
  {
    what: 'attack: a commit that was changed under its signature',
    make: one({ tamper: text => text.replace('Change', 'Chance') }),
    verdict: 'bad-signature',
  },
  {
    what: 'attack: an old signature on a new body',
    make: one({ header: payload => signatureHeader(bob, `${payload}, as it was before`) }),
    verdict: 'bad-signature',
  },
  {
    what: 'attack: a second signature header',
    make: one({ header: payload => signatureHeader(mallory, payload) + signatureHeader(bob, payload) }),
    verdict: 'malformed',
  },
  {
    what: 'a signature by SHA-1',
    make: one({ signature: { hash: 2 } }),
    verdict: 'unacceptable',
    says: /SHA-1/,
  },
  {
    what: 'an SSH signature',
    make: one({
      header: () => 'gpgsig -----BEGIN SSH SIGNATURE-----\n U1NIU0lH\n -----END SSH SIGNATURE-----\n',
    }),
    verdict: 'unacceptable',
    says: /an SSH signature/,
  },
]

const ending = (days: number): Entries => ({
  alice: ALICE,
  bob: { certificates: [certificateOf(bob, [], days * DAY)] },
})

const HARD = revocation(bob, 2, SIGNED_AT + DAY)

const KEY_STATES: readonly HistoryCase[] = [
  { what: 'a key that has ended since', make: one({}, ending(400)), verdict: 'authentic' },
  { what: 'attack: a key that had ended when it signed', make: one({}, ending(10)), verdict: 'expired-key' },
  {
    what: 'a key that was retired after it signed',
    make: one({}, bobWith(revocation(bob, 3, SIGNED_AT + DAY))),
    verdict: 'authentic',
  },
  {
    what: 'attack: a key that was retired before it signed',
    make: one({}, bobWith(revocation(bob, 3, MADE_AT + DAY))),
    verdict: 'revoked-key',
  },
  {
    what: 'attack: a key that is revoked as compromised',
    make: one({}, bobWith(HARD)),
    verdict: 'revoked-key',
  },
  {
    what: 'attack: a key that is revoked as compromised by a later commit',
    make: history => {
      const introduction = commit(history, BOTH, {})
      const refused = commit(history, BOTH, { parents: [introduction], by: bob })
      return { introduction, tip: commit(history, bobWith(HARD), { parents: [refused], by: alice }), refused }
    },
    verdict: 'revoked-key',
    says: /A7/,
  },
  {
    what: 'a commit by a key that was revoked later, which is listed as good after that',
    make: history => {
      const introduction = commit(history, BOTH, {})
      const listed = commit(history, BOTH, { parents: [introduction], by: bob })
      const revoking = commit(history, bobWith(HARD), { parents: [listed], by: alice })
      const text = policyFile(bobWith(HARD), [listed])
      return { introduction, tip: commit(history, text, { parents: [revoking], by: alice }) }
    },
    verdict: 'authentic',
  },
  {
    what: 'attack: a commit that is unsigned, and listed as good later',
    make: history => {
      const introduction = commit(history, BOTH, {})
      const refused = commit(history, BOTH, { parents: [introduction] })
      const text = policyFile(BOTH, [refused])
      return { introduction, tip: commit(history, text, { parents: [refused], by: alice }), refused }
    },
    verdict: 'unsigned',
  },
  {
    what: 'attack: a commit of a revoked key that a branch without authority lists as good',
    make: history => {
      const introduction = commit(history, BOTH, {})
      const refused = commit(history, BOTH, { parents: [introduction], by: bob })
      const side = commit(history, policyFile(bobWith(HARD), [refused]), { parents: [refused], by: mallory })
      return {
        introduction,
        tip: commit(history, bobWith(HARD), { parents: [refused, side], by: alice }),
        refused,
      }
    },
    verdict: 'revoked-key',
  },
  {
    what: 'a subkey that signs',
    make: one({ by: subkey }, { alice: ALICE, bob: { certificates: [withSubkey(bob, subkey)] } }),
    verdict: 'authentic',
  },
  {
    what: 'attack: a subkey that never agreed to belong there',
    make: one({ by: subkey }, { alice: ALICE, bob: { certificates: [withSubkey(bob, subkey, false)] } }),
    verdict: 'unacceptable',
  },
  {
    what: 'a subkey that the commit itself adds to a certificate',
    make: one({ by: subkey }, BOTH, { alice: ALICE, bob: { certificates: [withSubkey(bob, subkey)] } }),
    verdict: 'authentic',
  },
]

const FILES: readonly HistoryCase[] = [
  {
    what: 'a file that is not TOML',
    make: line([BOTH, {}], ['version = [', { by: bob }]),
    verdict: 'malformed',
    says: /A5.*not TOML/,
  },
  {
    what: 'a file of another version',
    make: one({}, policyFile(BOTH).replace('version = 0', 'version = 1')),
    verdict: 'malformed',
    says: /only version 0/,
    tool: 'authentic',
  },
  {
    what: 'a file with a key that is not known',
    make: one({}, `quorum = 2\n${policyFile(BOTH)}`),
    verdict: 'malformed',
    says: /unknown key quorum/,
    tool: 'authentic',
  },
]

export const SEQUOIA_GIT_CASES: readonly HistoryCase[] = [
  ...WAYS,
  ...RIGHTS,
  ...SIGNATURES,
  ...KEY_STATES,
  ...FILES,
]
