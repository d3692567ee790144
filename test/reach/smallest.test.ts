import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judge } from '../../src/policy/judge.ts'
import type { Role } from '../../src/policy/policy.ts'
import type { Claim, Subject } from '../../src/policy/verdict.ts'
import { type Lacking, smallestForAll, type Wanted } from '../../src/reach/smallest.ts'
import { bookOf, entry, policyWith } from '../policy/lists/books.ts'
import { identityOf, policyOf } from '../policy/policies.ts'
import { policyOfTwo } from '../support/tlog/log.ts'

const NOW = 1_800_000_000
const PEOPLE = ['ann', 'ben', 'cid', 'dan']
const ROLES: readonly Role[] = ['packager', 'reviewer', 'developer']
const ROOT = `/nix/store/${'z'.repeat(32)}-root.drv`

function dice(seed: number) {
  let state = seed
  return (sides: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return (state >> 8) % sides
  }
}

/** Groups with groups in them, roles or none, graphs or none, people who are revoked. */
function worldOf(seed: number) {
  const roll = dice(seed)
  const some = () => PEOPLE.filter(() => roll(2) === 0)
  const inner = [...new Set([...some(), 'ann', 'ben'])]
  const outer = [...new Set(['inner', ...some()])]
  const who = ['inner', 'outer', 'ann', 'dan'][roll(4)]
  const demand = ['', 'packager', 'reviewer'][roll(3)]
  const source =
    demand === '' ? `"${who}"` : `{ ${demand} = "${who}"${roll(2) === 0 ? ', developer = "cid"' : ''} }`
  const policy = policyOf(`version = 1
mode = "enforce"
${PEOPLE.map(name => `[principals.${name}]\nkeys = ["KEY(${name})"]\n`).join('')}
[groups.inner]
members = [${inner.map(name => `"${name}"`).join(', ')}]
threshold = ${1 + roll(2)}
[groups.outer]
members = [${outer.map(name => `"${name}"`).join(', ')}]
threshold = ${1 + roll(Math.min(2, outer.length))}
${roll(4) === 0 ? '[[revocations]]\nprincipal = "ben"\ndate = 2020-01-01\n' : ''}[default]
require = { source = ${source}, derivation = "inner", output = "self" }
accept-graph = ${roll(2) === 0}
`)
  const lacking: Lacking[] = Array.from({ length: 1 + roll(2) }, (_, index) => {
    const path = `/nix/store/${String(index).repeat(32)}-x.tar`
    const subject: Subject = { path, name: 'x.tar', kind: 'fetched-source', narHash: 'ab', builtHere: false }
    const claims = some()
      .slice(0, 1)
      .map(name => claim(subject, { who: name, role: 'packager', path }))
    return { subject, claims }
  })
  const graphs = [{ derivation: ROOT, members: new Set(lacking.map(({ subject }) => subject.path)) }]
  return { policy, lacking, graphs }
}

function claim({ path, narHash }: Subject, { who, role, path: over }: Wanted): Claim {
  const about = { key: identityOf(who), role, path, narHash, origin: 'x' }
  return over === path ? about : { ...about, graph: over }
}

type World = ReturnType<typeof worldOf>

function allPass({ policy, lacking }: World, added: readonly Wanted[]): boolean {
  return lacking.every(({ subject, claims }) => {
    const more = added.filter(({ path }) => path === subject.path || path === ROOT)
    const all = [...claims, ...more.map(one => claim(subject, one))]
    return judge(policy, subject, { claims: all, strays: [], troubles: [] }, NOW).outcome === 'trusted'
  })
}

/** Whether any so few signatures of anybody would do. */
function anyOf(
  world: World,
  all: readonly Wanted[],
  size: number,
  chosen: readonly Wanted[] = [],
  from = 0,
): boolean {
  if (size === 0) return allPass(world, chosen)
  for (let at = from; at < all.length; at++) {
    const one = all[at]
    if (one !== undefined && anyOf(world, all, size - 1, [...chosen, one], at + 1)) return true
  }
  return false
}

test('what is proposed makes all paths pass, and no fewer signatures would, on 200 random worlds', () => {
  let asked = 0
  let graphs = 0
  for (let seed = 1; seed <= 200; seed++) {
    const world = worldOf(seed * 104_729)
    const found = smallestForAll(world.policy, world.lacking, world.graphs, NOW)
    const all = [ROOT, ...world.lacking.map(({ subject }) => subject.path)].flatMap(path =>
      PEOPLE.flatMap(who =>
        (path === ROOT ? (['packager'] as const) : ROLES).map(role => ({ who, role, path })),
      ),
    )
    if (found.each.some(({ signatures }) => signatures === undefined)) {
      // Not even everybody in every role.
      assert.equal(allPass(world, all), false, `seed ${seed}`)
      continue
    }
    const wanted = [...found.graphs, ...found.each.flatMap(({ signatures = [] }) => signatures)]
    assert.equal(found.isExact, true)
    assert.equal(allPass(world, wanted), true, `seed ${seed}`)
    for (let size = 0; size < Math.min(wanted.length, 4); size++)
      assert.equal(anyOf(world, all, size), false, `seed ${seed}: ${size} would do, not ${wanted.length}`)
    asked += wanted.length
    graphs += found.graphs.length
  }
  assert.ok(asked > 100 && graphs > 10, `${asked} signatures, ${graphs} over graphs`)
})

test('developers whom a list names are asked, for the address of the source, and nobody else of the list', () => {
  const book = bookOf({
    principals: { 'debian/x': ['k0'], 'debian/y': ['k1'] },
    developers: [entry('debian/hello', ['debian/x'], { urls: ['https://a.example/*'] })],
    ends: NOW + 1000,
  })
  const policy = policyWith(
    `version = 1
mode = "enforce"
[lists.debian]
url = "https://lists.example.org/debian"
roles = ["developer"]
[default]
require = { source = { developer = "its-developers" }, derivation = "nothing", output = "refuse" }
`,
    { debian: book },
  )
  const path = `/nix/store/${'0'.repeat(32)}-hello.tar`
  const subject: Subject = {
    path,
    name: 'hello.tar',
    kind: 'fetched-source',
    narHash: 'ab',
    builtHere: false,
  }
  const from = (url: string) => ({ subject: { ...subject, urls: [url] }, claims: [] })
  const [found] = smallestForAll(policy, [from('https://a.example/hello.tar')], [], NOW).each
  assert.deepEqual(found?.signatures, [{ who: 'debian/x', role: 'developer', path }])
  const [none] = smallestForAll(policy, [from('https://b.example/hello.tar')], [], NOW).each
  assert.equal(none?.signatures, undefined)
})

test('asks for the proof alone of who signed and was not logged, and for both of others', () => {
  const policy = policyOf(
    `version = 1
mode = "enforce"
[principals]
ann.keys = ["KEY(ann)"]
ben.keys = ["KEY(ben)"]
[groups.either]
members = ["ann", "ben"]
threshold = 1
[quorums]
main.policy = "main.txt"
[default]
require = { source = { packager = "either", logged = "main" }, derivation = "nothing", output = "self" }
accept-graph = true
`,
    { certificate: () => Buffer.from(policyOfTwo()) },
  )
  const path = `/nix/store/${'1'.repeat(32)}-x.tar`
  const subject: Subject = { path, name: 'x.tar', kind: 'fetched-source', narHash: 'ab', builtHere: false }
  const signaturesWith = (...claims: readonly Claim[]) =>
    smallestForAll(policy, [{ subject, claims }], [], NOW).each.flatMap(({ signatures }) => signatures)
  const wanted = { role: 'packager', path, logged: 'main' }
  assert.deepEqual(signaturesWith(), [{ ...wanted, who: 'ann', or: ['ben'] }])
  const byBen = claim(subject, { who: 'ben', role: 'packager', path })
  assert.deepEqual(signaturesWith(byBen), [{ ...wanted, who: 'ben', isSigned: true, or: ['ann'] }])
  const graph = { ...byBen, graph: ROOT }
  assert.deepEqual(signaturesWith(graph), [
    { ...wanted, who: 'ben', path: ROOT, isSigned: true, or: ['ann'] },
  ])
  const proven = { quorum: 'main', outcome: 'proven', found: [] } as const
  assert.deepEqual(signaturesWith({ ...byBen, logging: [proven] }), [])
})
