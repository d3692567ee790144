// What python-tuf writes, right repositories and attacks, and what three clients make of it: nixsig, python-tuf and
// go-tuf of Debian sid. Where nixsig is stricter, docs/semantics.md says why.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { directorySource } from '../../src/lists/tuf/source.ts'
import { beginTrust, readNewest } from '../../src/lists/tuf/update.ts'
import { toHex } from '../../src/primitives/hex.ts'
import { sha256 } from '../../src/primitives/sodium.ts'
import { memoryStore } from '../support/lists/simulator.ts'
import { go, type PythonCase, pythonCases } from '../support/lists/tuf-oracles.ts'

const GOOD = [
  'nothing new',
  'every role anew, with hashes',
  'every key rotated',
  'two of two',
  'a team',
  'a team that has signed nothing',
  'extra fields',
  'signed bytes that are not canonical in the file',
  'fast-forward and its recovery',
]

/** Refused by all: the last state, and why nixsig refuses it. */
const ATTACKS: Readonly<Record<string, RegExp>> = {
  'rollback of timestamp': /timestamp metadata: goes back: version 2 was seen/,
  'rollback of snapshot': /snapshot metadata: goes back: version 2 was/,
  'rollback of targets': /targets metadata: goes back: version 2 was/,
  'expired root': /root metadata: ended on/,
  'expired timestamp': /timestamp metadata: ended on/,
  'expired snapshot': /snapshot metadata: ended on/,
  'expired targets': /targets metadata: ended on/,
  'mix and match of snapshot': /snapshot metadata: must be version 2, as was named/,
  'mix and match of targets': /targets metadata: must be version 2, as was named/,
  'another hash than was named': /targets metadata: has another SHA-256 than was named/,
  'too few signatures': /targets metadata: needs 2 signatures by its keys, has 1/,
  'more signatures needed than keys': /root metadata: 2 signatures are needed of 1 keys/,
  'one signature twice': /timestamp metadata: has two signatures by one key id/,
  'a root version is missing': /timestamp metadata: needs 1 signatures by its keys, has 0/,
  'root not signed by the previous': /root metadata: needs 1 signatures by the root keys of version 1, has 0/,
  'root not signed by its own keys': /root metadata: needs 1 signatures by its own root keys, has 0/,
  'arbitrary bytes of a target': /list\.json is not the file that was signed/,
  'a target without end': /larger than 12 bytes/,
  'metadata without end': /larger than 16384 bytes/,
  'a team beyond its paths': /no target/,
  'a snapshot that forgets a team': /snapshot metadata: no longer has team-gnome/,
  'signed over other bytes than canonical ones': /timestamp metadata: needs 1 signatures by its keys, has 0/,
  'a key of an unknown type': /root metadata: only ed25519 keys are accepted/,
}

/** Accepted by python-tuf, and why nixsig refuses. */
const STRICTER: Readonly<Record<string, RegExp>> = {
  'one raw key under two key ids': /root metadata: unknown field "note"/,
  'a key id that is not the hash of its key': /root metadata: key id a+ is not the SHA-256 of its key/,
  'a key with another field': /root metadata: unknown field "x-more"/,
  'a key with which everybody can sign': /root metadata: .*anybody could sign for it/,
  'a repeated field': /key "_type" is repeated/,
  'no consistent snapshots': /root metadata: must be true \(signed\.consistent_snapshot\)/,
  'two contents of one version': /timestamp metadata: was signed with other contents/,
  'a signature of another form': /timestamp metadata: must be 128 lower-case hexadecimal digits/,
  'a later specification': /timestamp metadata: only TUF 1\.0 is read/,
  'a target without SHA-256': /targets metadata: field "sha256" is missing/,
  'a role that is not a team':
    /snapshot metadata: "developers\.json" is neither targets\.json nor that of a team/,
  'a team that speaks for all': /targets metadata: must be below teams\/gnome\//,
}

const directory = mkdtempSync(join(tmpdir(), 'nixsig-python-cases-'))
after(() => rmSync(directory, { recursive: true, force: true }))
let cases: ReadonlyMap<string, PythonCase>
before(async () => {
  cases = await pythonCases(directory)
})

/** What each client makes of the states of a case, in order: `accepted`, or why not. */
async function verdictsOf(
  name: string,
): Promise<{ ours: string[]; python: readonly string[]; go: string[] }> {
  const { target, verdicts } = cases.get(name) ?? assert.fail(`python-tuf has no case ${name}`)
  const place = join(directory, String([...cases.keys()].indexOf(name)))
  const store = memoryStore()
  const other = go()
  const found = { ours: [] as string[], python: verdicts, go: [] as string[] }
  try {
    for (const [state] of verdicts.entries()) {
      const repository = join(place, String(state))
      const wanted = state === 0 ? 'list.json' : target
      const { accepts, output } = await other.update(repository, wanted)
      found.go.push(accepts ? 'accepted' : output)
      const source = directorySource(repository)
      const first = (await source.read('metadata/1.root.json', 100_000)) ?? assert.fail('no root')
      if (state === 0) await beginTrust(store, source, { sha256: toHex(sha256(first)) })
      try {
        const newest = await readNewest(store, source, Math.floor(Date.now() / 1000))
        const bytes = await newest.target(wanted)
        newest.accept()
        found.ours.push(bytes === undefined ? 'no target' : 'accepted')
      } catch (error) {
        found.ours.push(String(error))
      }
    }
  } finally {
    other.remove()
  }
  return found
}

test('python-tuf has no case that is not looked at', () => {
  const known = [
    ...GOOD.map(name => `good: ${name}`),
    ...[ATTACKS, STRICTER].flatMap(group => Object.keys(group).map(name => `attack: ${name}`)),
  ]
  assert.deepEqual([...cases.keys()].sort(), known.sort())
})

for (const name of GOOD)
  test(`written by python-tuf: ${name}`, async () => {
    const { ours, python, go } = await verdictsOf(`good: ${name}`)
    for (const verdicts of [ours, python, go]) assert.deepEqual([...new Set(verdicts)], ['accepted'])
  })

for (const [name, why] of Object.entries({ ...ATTACKS, ...STRICTER }))
  test(`attack: ${name}`, async () => {
    const { ours, python, go } = await verdictsOf(`attack: ${name}`)
    for (const verdicts of [ours, python, go])
      assert.deepEqual([...new Set(verdicts.slice(0, -1))], ['accepted'], 'before')
    assert.match(ours.at(-1) ?? '', why)
    assert.equal(python.at(-1) === 'accepted', name in STRICTER, python.at(-1))
    if (!(name in STRICTER)) assert.notEqual(go.at(-1), 'accepted')
  })
