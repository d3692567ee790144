// CycloneDX and SPDX of an audit: whole in themselves, the same each time, and as nixpkgs names it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Audit } from '../../src/audit/audit.ts'
import type { Recorded } from '../../src/audit/recorded.ts'
import { cycloneDxOf } from '../../src/report/cyclonedx.ts'
import { spdxOf } from '../../src/report/spdx.ts'
import { packageOf } from '../../src/report/text.ts'
import { randomAudit } from '../support/audits/random.ts'

interface Property {
  readonly name: string
  readonly value: string
}

interface Component {
  readonly 'bom-ref': string
  readonly name: string
  readonly properties: readonly Property[]
}

const valuesOf = ({ properties }: Component, name: string) =>
  properties.filter(property => property.name === name).map(({ value }) => value)

/** Every `bom-ref` of a document. */
function refsIn(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return []
  const own = 'bom-ref' in value ? [String(value['bom-ref'])] : []
  return [...own, ...Object.values(value).flatMap(refsIn)]
}

function audits(): readonly Audit[] {
  return Array.from({ length: 40 }, (_, seed) =>
    randomAudit(seed, { paths: seed, ...(seed % 2 === 0 ? {} : { hostile: 'paths' }) }),
  )
}

test('CycloneDX: a component is named by its store path, as nixpkgs has it', () => {
  const audit = randomAudit(3, { paths: 30 })
  const { components } = JSON.parse(cycloneDxOf(audit)) as { components: readonly Component[] }
  for (const [index, path] of audit.paths.entries()) {
    const component = components[index]
    assert.ok(component)
    assert.equal(component['bom-ref'], path.path)
    assert.deepEqual(valuesOf(component, 'nix:store_path'), [path.path])
    assert.deepEqual(
      valuesOf(component, 'nix:narinfo:references').flatMap(value => value.split(' ')),
      path.references.map(place => audit.paths[place]?.path),
    )
    for (const hash of valuesOf(component, 'nix:narinfo:nar_hash')) {
      assert.match(hash, /^sha256:[0-9a-df-np-sv-z]{52}$/)
    }
    const deriver = path.derivation === undefined ? [] : [audit.paths[path.derivation]?.path]
    assert.deepEqual(valuesOf(component, 'nix:narinfo:deriver'), deriver)
    assert.deepEqual(valuesOf(component, 'nixsig:outcome'), [path.outcome])
  }
})

test('CycloneDX: signatures, content addresses and fetched files, by the names of nixpkgs', () => {
  const audit = randomAudit(3, { paths: 3 })
  const path = `/nix/store/${'0'.repeat(32)}-a-1.0.tar.gz`
  const [first] = audit.paths
  assert.ok(first)
  const some = { ...audit, paths: [{ ...first, path }, ...audit.paths.slice(1)] }
  const recorded: readonly (Recorded | undefined)[] = [
    {
      contentAddress: 'fixed:sha256:1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s',
      signatures: ['cache-1:AAAA', 'cache-2:\u202e', ...Array.from({ length: 50 }, (_, at) => `x:${at}`)],
      fetched: { url: 'https://example.org/a.tar.gz?v=1&X-Token=SECRET', sha256: '00'.repeat(32) },
    },
    { contentAddress: undefined, signatures: [], fetched: undefined },
  ]
  const text = cycloneDxOf(some, recorded)
  const [a, b, c] = (JSON.parse(text) as { components: readonly Component[] }).components
  assert.ok(a && b && c)
  assert.deepEqual(valuesOf(a, 'nix:narinfo:ca'), [recorded[0]?.contentAddress])
  const signatures = valuesOf(a, 'nix:narinfo:sig')
  assert.deepEqual([signatures.slice(0, 2), signatures.length], [['cache-1:AAAA', 'cache-2:\\u{202e}'], 20])
  assert.deepEqual(
    a.properties.filter(({ name }) => name.startsWith('nix:fod:')),
    [
      { name: 'nix:fod:method', value: 'fetchurl' },
      { name: 'nix:fod:name', value: 'a-1.0.tar.gz' },
      { name: 'nix:fod:url', value: 'https://example.org/a.tar.gz?v=1&X-Token=REDACTED' },
      { name: 'nix:fod:sha256', value: '0'.repeat(52) },
    ],
  )
  for (const other of [b, c])
    assert.ok(!other.properties.some(({ name }) => /^nix:(?:fod:|narinfo:(?:ca|sig)$)/.test(name)))
})

test('CycloneDX: no reference is there twice, and each leads somewhere', () => {
  for (const audit of audits()) {
    const bom = JSON.parse(cycloneDxOf(audit))
    const refs = refsIn(bom)
    const known = new Set(refs)
    assert.equal(known.size, refs.length)
    const { attestations, claims } = bom.declarations
    const used = [
      ...bom.dependencies.flatMap(({ ref, dependsOn }: { ref: string; dependsOn: string[] }) => [
        ref,
        ...dependsOn,
      ]),
      ...claims.flatMap(({ target, evidence }: { target: string; evidence: string[] }) => [
        target,
        ...evidence,
      ]),
      ...attestations.map(({ assessor }: { assessor: string }) => assessor),
      ...attestations.flatMap(({ map }: { map: readonly Mapped[] }) => map.flatMap(refsOfMapped)),
    ]
    for (const ref of used) assert.ok(known.has(ref), ref)
  }
})

interface Mapped {
  readonly requirement?: string
  readonly claims: readonly string[]
  readonly counterClaims?: readonly string[]
}

function refsOfMapped({ requirement, claims, counterClaims = [] }: Mapped): readonly string[] {
  return [...(requirement === undefined ? [] : [requirement]), ...claims, ...counterClaims]
}

test('CycloneDX: claims and counter-claims are as many as paths are trusted and refused', () => {
  for (const audit of audits()) {
    const [attestation] = JSON.parse(cycloneDxOf(audit)).declarations.attestations
    const map: readonly Mapped[] = attestation.map
    const trusted = audit.paths.filter(({ outcome }) => outcome === 'trusted').length
    const total = (count: (each: Mapped) => number) => map.reduce((sum, each) => sum + count(each), 0)
    assert.equal(
      total(({ claims }) => claims.length),
      trusted,
    )
    assert.equal(
      total(({ counterClaims = [] }) => counterClaims.length),
      audit.paths.length - trusted,
    )
  }
})

test('SPDX: no identifier is there twice, and each relationship is between two that are there', () => {
  for (const audit of audits()) {
    const { packages, relationships } = JSON.parse(spdxOf(audit))
    const ids: readonly string[] = packages.map(({ SPDXID }: { SPDXID: string }) => SPDXID)
    const known = new Set(['SPDXRef-DOCUMENT', ...ids])
    assert.equal(known.size, ids.length + 1)
    for (const id of ids) assert.match(id, /^SPDXRef-[A-Za-z0-9.-]+$/)
    for (const { spdxElementId, relatedSpdxElement } of relationships) {
      assert.ok(known.has(spdxElementId) && known.has(relatedSpdxElement))
    }
    const depends = relationships.filter(
      ({ relationshipType }: { relationshipType: string }) => relationshipType === 'DEPENDS_ON',
    )
    const references = audit.paths.reduce((sum, path) => sum + path.references.length, 0)
    assert.equal(depends.length, references)
  }
})

test('the same audit makes the same bytes, and another one another number', () => {
  for (const make of [cycloneDxOf, spdxOf]) {
    assert.equal(make(randomAudit(5)), make(randomAudit(5)))
    const numberOf = (text: string) => /urn:uuid:[0-9a-f-]{36}/.exec(text)?.[0]
    assert.ok(numberOf(make(randomAudit(5))))
    assert.notEqual(numberOf(make(randomAudit(5))), numberOf(make(randomAudit(6))))
  }
})

test('attack: names that would steer a terminal or break a document are escaped', () => {
  for (const audit of audits()) {
    for (const make of [cycloneDxOf, spdxOf]) {
      const text = make(audit)
      assert.match(text, /^[\x20-\x7e]*$/)
      assert.doesNotMatch(JSON.stringify(JSON.parse(text)), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u)
      assert.ok(text.length < 3_000 + 20_000 * (audit.paths.length + 10))
    }
  }
})

test('a package and its version are told apart as Nix does', () => {
  const of = (name: string) => Object.values(packageOf(`/nix/store/${'0'.repeat(32)}-${name}`))
  assert.deepEqual(of('openssl-3.0.1'), ['openssl', '3.0.1'])
  assert.deepEqual(of('openssl-3.0.1-bin'), ['openssl', '3.0.1-bin'])
  assert.deepEqual(of('linux-headers-6.1.drv'), ['linux-headers', '6.1'])
  assert.deepEqual(of('source'), ['source', undefined])
  assert.deepEqual(of('-1'), ['-1', undefined])
  assert.deepEqual(of('.drv'), ['.drv', undefined])
  assert.deepEqual(packageOf('no\u0000path'), { name: 'no\\u{0}path', version: undefined })
})
