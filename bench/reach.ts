/**
 * How many paths of the ledger a second are looked at for what would fall with a key, and how much
 * memory that takes: derivations with 20 inputs each, their outputs, and sources that two people
 * signed. By the record alone, on this machine's own disk.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { printAdmission } from '../src/ledger/admission-text.ts'
import { type Admission, entryFile } from '../src/ledger/admissions.ts'
import { allAdmissions } from '../src/ledger/all-admissions.ts'
import { parseKey } from '../src/policy/language/keys.ts'
import { parsePolicy } from '../src/policy/language/parse.ts'
import type { Book } from '../src/policy/lists/book.ts'
import type { Policy } from '../src/policy/policy.ts'
import { compare } from '../src/reach/compare.ts'
import { signer } from '../test/support/trust.ts'

const PATHS = Number(process.env['BENCH_PATHS'] ?? 60_000)
const ALPHABET = '0123456789abcdfghijklmnpqrsvwxyz'
const NOW = Math.floor(Date.now() / 1000)
const PEOPLE = Object.fromEntries(['alice', 'bob', 'carol'].map(name => [name, signer(name)]))

/** A list that has the packagers' names for each source, by name and address. */
const BOOK: Book = {
  digest: 'ab'.repeat(32),
  version: 1,
  ends: NOW + 86_400,
  seen: NOW,
  says: 'vouched',
  revocations: [],
  principal: name => {
    const known = PEOPLE[name.replace('debian/', '')]
    return known && { name, keys: [parseKey(known.publicKey)] }
  },
  group: () => undefined,
  holdersOf: () => [],
  revocationsOf: () => [],
  developersOf: ({ name }) => {
    const number = Number(/^package-(\d+)-/.exec(name)?.[1] ?? 0)
    const by = [number % 100 === 0 ? 'debian/alice' : 'debian/bob']
    const urls = ['https://example.org/*']
    return [{ name: `debian/p${number}`, names: [`package-${number}-*`], urls, by, threshold: 1 }]
  },
}

/** The same claims, of developers whom a list names. */
function policyOfList(more: string): Policy {
  const toml = `version = 1
mode = "enforce"
[lists.debian]
url = "https://example.org/list"
roles = ["developer"]
${more}[default]
require = { source = { developer = "its-developers" }, derivation = "nothing", output = "self" }
`
  const certificate = () => Buffer.alloc(0)
  return parsePolicy({ toml, file: 'policy.toml', directory: '/', certificate, book: () => BOOK })
}

function policyWith(more: string): Policy {
  const people = Object.entries(PEOPLE).map(
    ([name, { publicKey }]) => `[principals.${name}]\nkeys = ["${publicKey}"]\n`,
  )
  const toml = `version = 1
mode = "enforce"
${people.join('')}[groups.packagers]
members = ["alice", "bob", "carol"]
threshold = 1
${more}[default]
require = { source = "packagers", derivation = "packagers", output = "self" }
accept-graph = true
`
  return parsePolicy({ toml, file: 'policy.toml', directory: '/', certificate: () => Buffer.alloc(0) })
}

function pathOf(number: number, name: string): string {
  let rest = number
  let digest = ''
  for (let place = 0; place < 32; place++) {
    digest = `${ALPHABET[(rest + place * 7) & 31]}${digest}`
    rest = Math.floor(rest / 32)
  }
  // The first characters name the directory.
  return `/nix/store/${[...digest].reverse().join('')}-${name}`
}

function* entries(policy: Policy, role: 'packager' | 'developer'): Generator<Admission> {
  const claim = (name: string) => ({
    key: `ed25519:${Buffer.from(PEOPLE[name]?.key.publicKey ?? []).toString('hex')}`,
    role,
    graph: undefined,
    seen: NOW - 100,
    trace: 'nix',
    origin: '/etc/nixsig/attestations/aa/file.intoto.jsonl:1',
  })
  const base = {
    narHash: 'ab'.repeat(32),
    policy: policy.digest,
    until: undefined,
    time: NOW,
    rule: 'default',
  }
  const stamp = '1234567:1700000000000000000:4096:1700000000000000000:1700000000000000000'
  for (let number = 0; number < PATHS / 3; number++) {
    const [source, drv, out] = [3, 3, 3].map((times, at) => number * times + at)
    const made = pathOf(drv ?? 0, `package-${number}-1.0.drv`)
    const output = pathOf(out ?? 0, `package-${number}-1.0`)
    const inputs = Array.from({ length: 20 }, (_, back) => ({
      stamp,
      path: pathOf(Math.max(0, number - back - 1) * 3 + 2, `package-${Math.max(0, number - back - 1)}-1.0`),
    }))
    const common = { ...base, stamp, builtHere: false, derivation: undefined, build: undefined, claims: [] }
    const claims = number % 100 === 0 ? [claim('alice')] : [claim('alice'), claim('bob')]
    yield {
      ...common,
      path: pathOf(source ?? 0, `package-${number}-1.0.tar.xz`),
      kind: 'fetched-source',
      claims,
    }
    const build = { inputs, outputs: [{ name: 'out', path: output, takesAny: true }] }
    yield { ...common, path: made, kind: 'derivation', derivation: made, claims: [claim('bob')], build }
    yield {
      ...common,
      path: output,
      kind: 'output',
      builtHere: true,
      derivation: made,
      from: 'cd'.repeat(32),
    }
  }
}

for (const [title, role, policyBy, who] of [
  ['people of the policy', 'packager', policyWith, 'alice'],
  ['its-developers by a list, with addresses', 'developer', policyOfList, 'debian/alice'],
] as const)
  await measure(title, role, policyBy, who)

async function measure(
  title: string,
  role: 'packager' | 'developer',
  policyBy: (more: string) => Policy,
  who: string,
): Promise<void> {
  const state = mkdtempSync(join(tmpdir(), 'nixsig-bench-'))
  try {
    const before = policyBy('')
    const after = policyBy(`[[revocations]]\nprincipal = "${who}"\ndate = 2020-01-01\n`)
    for (const entry of entries(before, role)) {
      const file = entryFile(state, entry.path.slice('/nix/store/'.length, '/nix/store/'.length + 32))
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, printAdmission(entry), { mode: 0o600 })
    }
    const none = async () => Promise.reject(new Error('nothing is judged'))
    for (let round = 1; round <= 3; round++) {
      const found = await compare({
        before,
        after,
        entries: allAdmissions(state),
        support: { kind: 'keys', keys: new Set() },
        judges: 'affected',
        end: 0,
        now: NOW,
        own: undefined,
        verdict: none,
        inputsOf: () => undefined,
      })
      const rate = Math.round(found.entries / found.seconds)
      const memory = Math.round(process.memoryUsage().rss / 2 ** 20)
      console.log(
        `${title}: ${found.entries} entries, ${found.falls.length} fall: ${rate} a second, ${memory} MiB`,
      )
    }
  } finally {
    rmSync(state, { recursive: true })
  }
}
