import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { FileError } from '../../src/files/regular-file.ts'
import { parseList } from '../../src/formats/lists/document.ts'
import { type Admission, writeAdmission } from '../../src/ledger/admissions.ts'
import { openBook } from '../../src/lists/book/read.ts'
import { writeBook } from '../../src/lists/book/write.ts'
import { fallenUnder } from '../../src/reach/fallen.ts'
import type { Places } from '../../src/verifier/places.ts'
import { readPolicy } from '../../src/verifier/policy-file.ts'
import { identityOf, nixKeyOf } from '../policy/policies.ts'

const POLICY = `version = 1
mode = "enforce"
[lists.debian]
url = "https://lists.example.org/debian"
roles = ["developer"]
[default]
require = { source = { developer = "its-developers" }, derivation = "nothing", output = "self" }
`
const NOW = Math.floor(Date.now() / 1000)

function bookIn(directory: string, developer: string, version: number): string {
  mkdirSync(directory, { recursive: true, mode: 0o755 })
  const list = {
    format: 'nixsig-list-1',
    name: 'x',
    says: 'vouched',
    principals: { x: { keys: [nixKeyOf('k0')] }, y: { keys: [nixKeyOf('k1')] } },
    developers: {
      hello: { names: ['hello*'], urls: ['https://a.example/*'], by: [developer], threshold: 1 },
      other: { names: ['other*'], by: ['x'], threshold: 1 },
    },
  }
  const document = parseList(Buffer.from(JSON.stringify(list)), 'list')
  const certificate = () => assert.fail('no certificates')
  writeBook(directory, {
    name: 'debian',
    parts: [{ document, certificate }],
    version,
    ends: NOW + 86_400,
    seen: NOW,
  })
  return join(directory, 'book')
}

function admit(places: Places, number: number, name: string): string {
  const digest = number.toString().padStart(32, '0')
  const path = `/nix/store/${digest}-${name}`
  const entry: Admission = {
    path,
    kind: 'fetched-source',
    narHash: 'ab'.repeat(32),
    policy: readPolicy(places).policy.digest,
    until: NOW + 86_400,
    stamp: undefined,
    time: NOW,
    rule: 'default',
    builtHere: false,
    derivation: undefined,
    claims: [
      { key: identityOf('k0'), role: 'developer', graph: undefined, seen: NOW, trace: 'nix', origin: 'x' },
    ],
    build: undefined,
  }
  writeAdmission(places.state, digest, entry)
  return path
}

test('what a state of a list would make fall is told before it is taken, and nothing is written', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-'))
  try {
    const places = {
      policy: join(directory, 'policy.toml'),
      state: join(directory, 'state'),
      attestations: undefined,
    }
    writeFileSync(places.policy, POLICY)
    const place = join(places.state, 'lists', 'debian')
    bookIn(place, 'x', 1)
    const [hello] = [admit(places, 1, 'hello.tar'), admit(places, 2, 'other.tar')]
    // By the record alone: there is no store here.
    const fallen = async (book: string) => {
      const { policy } = readPolicy(places, new Map([['debian', openBook(book, 'debian')]]))
      const found = await fallenUnder(places, policy, { patience: 0 })
      return [found.falls.map(({ path }) => path), found.rises]
    }
    assert.deepEqual(await fallen(bookIn(join(place, 'next'), 'x', 2)), [[], []])
    assert.deepEqual(await fallen(bookIn(join(place, 'next'), 'y', 2)), [[hello], []])
    const [list] = readPolicy(places).policy.lists.values()
    assert.equal(list !== undefined && 'version' in list.book && list.book.version, 1)
    assert.throws(() => openBook(join(place, 'absent'), 'debian'), FileError)
  } finally {
    rmSync(directory, { recursive: true })
  }
})
