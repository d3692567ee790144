/** Histories under Guix's semantics. */
import {
  certificateOf,
  DAY,
  guixFile,
  type HistoryCase,
  KEYS,
  MADE_AT,
  type Made,
  revocation,
  withSubkey,
} from './history-cases.ts'
import { type CommitParts, SIGNED_AT, type SignedHistory, signatureHeader } from './signed-history.ts'

const { alice, bob, carol, mallory, subkey } = KEYS
const NAME = '.guix-authorizations'

let count = 0
/** A commit whose file authorizes these keys; each has other contents. */
function commit(
  history: SignedHistory,
  keys: readonly (typeof alice)[] | string | undefined,
  parts: Omit<CommitParts, 'files'>,
): string {
  const text = typeof keys === 'string' ? keys : keys && guixFile(...keys)
  const file = text === undefined ? {} : { [NAME]: text }
  return history.commit({ ...parts, files: { ...file, contents: String(count++) } })
}

/** An introduction by Alice that authorizes these keys. */
function begin(history: SignedHistory, ...keys: readonly (typeof alice)[]): string {
  return commit(history, keys, { by: alice })
}

/** One commit after an introduction that authorizes Alice and Bob. */
function one(
  parts: Partial<CommitParts>,
  keys: Parameters<typeof commit>[1] = [alice, bob],
  more: Partial<Made> = {},
) {
  return (history: SignedHistory): Made => {
    const introduction = begin(history, alice, bob)
    const tip = commit(history, keys, { parents: [introduction], by: bob, ...parts })
    return { introduction, tip, refused: tip, ...more }
  }
}

const AUTHENTIC: readonly HistoryCase[] = [
  { what: 'one commit by an authorized key', make: one({}), verdict: 'authentic' },
  {
    what: 'nothing after the introduction',
    make: history => {
      const introduction = begin(history, alice)
      return { introduction, tip: introduction }
    },
    verdict: 'authentic',
  },
  {
    what: 'a merge by a key that both parents authorize',
    make: history => {
      const introduction = begin(history, alice, bob)
      const sides = [alice, bob].map(by => commit(history, [alice, bob], { parents: [introduction], by }))
      return { introduction, tip: commit(history, [alice, bob], { parents: sides, by: bob }) }
    },
    verdict: 'authentic',
  },
  {
    what: 'a merge of three branches',
    make: history => {
      const introduction = begin(history, alice, bob, carol)
      const all = [alice, bob, carol]
      const sides = all.map(by => commit(history, all, { parents: [introduction], by }))
      return { introduction, tip: commit(history, all, { parents: sides, by: carol }) }
    },
    verdict: 'authentic',
  },
  {
    what: 'a key that is added, and signs the next commit',
    make: history => {
      const introduction = begin(history, alice)
      const adding = commit(history, [alice, bob], { parents: [introduction], by: alice })
      return { introduction, tip: commit(history, [alice, bob], { parents: [adding], by: bob }) }
    },
    verdict: 'authentic',
  },
  { what: 'a key that signs its own removal', make: one({}, [alice]), verdict: 'authentic' },
  {
    what: 'a branch that forked before the introduction, from where its key was authorized',
    make: history => {
      const before = commit(history, [alice, bob], {})
      const introduction = commit(history, [alice, bob], { parents: [before], by: alice })
      const side = commit(history, [alice, bob], { parents: [before], by: bob })
      return {
        introduction,
        tip: commit(history, [alice, bob], { parents: [introduction, side], by: alice }),
      }
    },
    verdict: 'authentic',
  },
]

const AUTHORIZATION: readonly HistoryCase[] = [
  {
    what: 'attack: a key that is added and used in one commit',
    make: history => {
      const introduction = begin(history, alice)
      const tip = commit(history, [alice, mallory], { parents: [introduction], by: mallory })
      return { introduction, tip, refused: tip }
    },
    verdict: 'unauthorized',
    says: /A4.*which parent [0-9a-f]{40} does not authorize/,
  },
  {
    what: 'attack: a key that signs after its removal',
    make: history => {
      const introduction = begin(history, alice, bob)
      const removal = commit(history, [alice], { parents: [introduction], by: alice })
      const tip = commit(history, [alice], { parents: [removal], by: bob })
      return { introduction, tip, refused: tip }
    },
    verdict: 'unauthorized',
  },
  {
    what: 'attack: a merge by a key that only one parent authorizes',
    make: history => {
      const introduction = begin(history, alice, bob)
      const removal = commit(history, [alice], { parents: [introduction], by: alice })
      const side = commit(history, [alice, bob], { parents: [introduction], by: bob })
      const tip = commit(history, [alice, bob], { parents: [side, removal], by: bob })
      return { introduction, tip, refused: tip }
    },
    verdict: 'unauthorized',
    says: new RegExp(`needed: a signature by key ${alice.fingerprint}`),
  },
  {
    what: 'attack: a merge of many branches, one of which does not authorize its key',
    make: history => {
      const introduction = begin(history, alice, bob)
      const sides = [1, 2, 3].map(() => commit(history, [alice, bob], { parents: [introduction], by: bob }))
      const without = commit(history, [alice], { parents: [introduction], by: alice })
      const tip = commit(history, [alice, bob], { parents: [...sides, without], by: bob })
      return { introduction, tip, refused: tip }
    },
    verdict: 'unauthorized',
  },
  {
    what: 'attack: a merge brings in a commit that nobody signed',
    make: history => {
      const introduction = begin(history, alice, bob)
      const refused = commit(history, [alice, bob], { parents: [introduction] })
      const tip = commit(history, [alice, bob], { parents: [introduction, refused], by: alice })
      return { introduction, tip, refused }
    },
    verdict: 'unsigned',
  },
  {
    what: 'attack: a merge brings in a history of its own',
    make: history => {
      const introduction = begin(history, alice, bob)
      const refused = commit(history, [alice, bob], { by: alice })
      const tip = commit(history, [alice, bob], { parents: [introduction, refused], by: alice })
      return { introduction, tip, refused }
    },
    verdict: 'unauthorized',
    says: /and no parent/,
  },
  {
    what: 'attack: a branch that forked before the introduction, where there was no file',
    make: history => {
      const before = commit(history, undefined, {})
      const introduction = commit(history, [alice, bob], { parents: [before], by: alice })
      const refused = commit(history, [alice, bob], { parents: [before], by: bob })
      const tip = commit(history, [alice, bob], { parents: [introduction, refused], by: alice })
      return { introduction, tip, refused }
    },
    verdict: 'unauthorized',
    says: /and there is none/,
  },
  {
    what: 'attack: the file is removed',
    make: history => {
      const introduction = begin(history, alice)
      const tip = commit(history, undefined, { parents: [introduction], by: alice })
      return { introduction, tip, refused: tip }
    },
    verdict: 'unauthorized',
    says: /the commit removes it/,
    tool: 'authentic',
  },
  {
    what: 'attack: the file is removed, and the history goes on',
    make: history => {
      const introduction = begin(history, alice)
      const refused = commit(history, undefined, { parents: [introduction], by: alice })
      return { introduction, tip: commit(history, [alice], { parents: [refused], by: alice }), refused }
    },
    verdict: 'unauthorized',
    says: /the commit removes it/,
  },
  {
    what: 'attack: an introduction by another key than the one that was named',
    make: history => {
      const introduction = begin(history, alice, bob)
      const tip = commit(history, [alice, bob], { parents: [introduction], by: bob })
      return { introduction, tip, refused: introduction, signer: bob }
    },
    verdict: 'unauthorized',
    says: /A2/,
  },
  {
    what: 'attack: a tip that does not build on the introduction',
    make: history => {
      const introduction = begin(history, alice, bob)
      const other = begin(history, alice, bob)
      const tip = commit(history, [alice, bob], { parents: [other], by: bob })
      return { introduction, tip, refused: tip }
    },
    verdict: 'not-a-descendant',
  },
  {
    what: 'a tip that the introduction builds on',
    make: history => {
      const before = commit(history, [alice], { by: alice })
      const introduction = commit(history, [alice], { parents: [before], by: alice })
      return { introduction, tip: before, refused: before }
    },
    verdict: 'not-a-descendant',
    tool: 'authentic',
  },
]

const pasted = (payload: string) => signatureHeader(bob, `${payload}, as it was before`)

const SIGNATURES: readonly HistoryCase[] = [
  { what: 'attack: an unsigned commit', make: one({ header: () => '' }), verdict: 'unsigned' },
  {
    what: 'attack: a commit that was changed under its signature',
    make: one({ tamper: text => text.replace('Change', 'Chance') }),
    verdict: 'bad-signature',
    says: /it was changed/,
  },
  { what: 'attack: an old signature on a new body', make: one({ header: pasted }), verdict: 'bad-signature' },
  {
    what: 'attack: a signature over the body with another end',
    make: one({ header: payload => signatureHeader(bob, `${payload}\n`) }),
    verdict: 'bad-signature',
  },
  {
    what: 'attack: a second signature header',
    make: one({ header: payload => signatureHeader(mallory, payload) + signatureHeader(bob, payload) }),
    verdict: 'malformed',
    says: /more than one signature/,
  },
  {
    what: 'attack: a signature under the header of another kind of ids',
    make: one({ header: payload => signatureHeader(bob, payload).replace('gpgsig', 'gpgsig-sha256') }),
    verdict: 'unsigned',
  },
  {
    what: 'a signature by a key that the keyring does not have',
    make: one({}, [alice, bob], { keyring: [certificateOf(alice)] }),
    verdict: 'missing-key',
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
    says: /an SSH signature, which these semantics do not know/,
  },
]

const KEY_STATES: readonly HistoryCase[] = [
  {
    what: 'a key that has ended since, which the file goes on authorizing',
    make: one({}, [alice, bob], { keyring: [certificateOf(alice), certificateOf(bob, [], 400 * DAY)] }),
    verdict: 'authentic',
  },
  {
    what: 'a key that had ended when it signed, because keyrings are seldom renewed',
    make: one({}, [alice, bob], { keyring: [certificateOf(alice), certificateOf(bob, [], 10 * DAY)] }),
    verdict: 'authentic',
  },
  {
    what: 'a key that was retired after it signed',
    make: one({}, [alice, bob], {
      keyring: [certificateOf(alice), certificateOf(bob, [revocation(bob, 3, SIGNED_AT + DAY)])],
    }),
    verdict: 'authentic',
  },
  {
    what: 'attack: a key that was retired before it signed',
    make: one({}, [alice, bob], {
      keyring: [certificateOf(alice), certificateOf(bob, [revocation(bob, 3, MADE_AT + DAY)])],
    }),
    verdict: 'revoked-key',
    tool: 'authentic',
  },
  {
    what: 'attack: a key that was revoked as compromised after it signed',
    make: one({}, [alice, bob], {
      keyring: [certificateOf(alice), certificateOf(bob, [revocation(bob, 2, SIGNED_AT + DAY)])],
    }),
    verdict: 'revoked-key',
    tool: 'authentic',
  },
  {
    what: 'attack: a revoked key, with a copy of its certificate from before in another file',
    make: one({}, [alice, bob], {
      keyring: [
        certificateOf(bob),
        certificateOf(bob, [revocation(bob, 2, SIGNED_AT)]),
        certificateOf(alice),
      ],
    }),
    verdict: 'revoked-key',
    tool: 'authentic',
  },
  {
    what: 'a subkey whose primary key alone is authorized',
    make: one({ by: subkey }, [alice, bob], { keyring: [certificateOf(alice), withSubkey(bob, subkey)] }),
    verdict: 'unauthorized',
  },
]

const malformed = (
  what: string,
  file: string,
  says: RegExp,
  more: Partial<HistoryCase> = {},
): HistoryCase => ({
  what,
  make: history => {
    const introduction = begin(history, alice)
    const refused = commit(history, file, { parents: [introduction], by: alice })
    return { introduction, tip: commit(history, [alice], { parents: [refused], by: alice }), refused }
  },
  verdict: 'malformed',
  says,
  ...more,
})

const FILES: readonly HistoryCase[] = [
  malformed('a file that is not an expression', '(authorizations (version 0', /it has no end/),
  malformed(
    'a file of another version',
    guixFile(alice).replace('version 0', 'version 1'),
    /not \(version 0\)/,
  ),
  malformed(
    'a key that is not a fingerprint',
    guixFile(alice).replace(/"[^"]*"/, '"BEEF"'),
    /not a fingerprint/,
  ),
  malformed(
    'attack: a second expression, which Guix does not read',
    guixFile(alice) + guixFile(alice, mallory),
    /something after the first expression/,
    { tool: 'authentic' },
  ),
  {
    what: 'attack: a file that is a link',
    make: history => {
      const introduction = begin(history, alice)
      const parts = { parents: [introduction], by: alice, modes: { [NAME]: '120000' } }
      const refused = commit(history, 'elsewhere', parts)
      return { introduction, tip: commit(history, [alice], { parents: [refused], by: alice }), refused }
    },
    verdict: 'malformed',
    says: /not a plain file/,
  },
]

const SUBKEY: HistoryCase = {
  what: 'a subkey that is authorized itself',
  make: history => {
    const introduction = commit(history, [alice, subkey], { by: alice })
    const tip = commit(history, [alice, subkey], { parents: [introduction], by: subkey })
    return { introduction, tip, keyring: [certificateOf(alice), withSubkey(bob, subkey)] }
  },
  verdict: 'authentic',
}

export const GUIX_CASES: readonly HistoryCase[] = [
  ...AUTHENTIC,
  SUBKEY,
  ...AUTHORIZATION,
  ...SIGNATURES,
  ...KEY_STATES,
  ...FILES,
]
