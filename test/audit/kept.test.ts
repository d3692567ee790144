// What an audit keeps, the next one reads as it was; of what a disk or a crash made of it, nothing.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Trusted } from '../../src/audit/member.ts'
import type { Kept } from '../../src/audit/packed.ts'
import { parseDocument, parseKept, printDocument, printKept } from '../../src/audit/parse-kept.ts'
import { isStorePath } from '../../src/formats/nix/store-path.ts'
import { FormatError } from '../../src/primitives/format-error.ts'

const path = fc.nat(30).map(number => `/nix/store/0123456789abcdfghijklmnpqrsvwxyz-${number}`)
const hash = fc.constantFrom('ab'.repeat(32), '01'.repeat(32))
/** Clocks, policies and files have times before 1970 as well. */
const instant = fc.integer({ min: -(2 ** 40), max: 2 ** 40 })
const time = fc.bigInt({ min: -(2n ** 60n), max: 2n ** 60n })
const stamp = fc.oneof(
  fc.tuple(fc.nat(), time).map(parts => parts.join(':')),
  fc.tuple(fc.nat(), time, fc.nat(), time, time).map(parts => parts.join(':')),
)
const version = fc.tuple(fc.nat(), time).map(parts => parts.join(':'))
const signatures = fc
  .array(
    fc.constantFrom('hydra-1', 'a:b', '~').map(name => `${name}:${'A'.repeat(86)}==`),
    { maxLength: 2 },
  )
  .map(all => all.join(' '))
const files = fc
  .array(fc.tuple(fc.nat(3), version), { maxLength: 2 })
  .map(all => all.map(parts => parts.join(':')).join(' '))
const claim = fc.record({
  key: fc.string(),
  role: fc.constantFrom('builder', 'packager', 'approver'),
  origin: fc.string(),
  graph: fc.option(path, { nil: undefined }),
  holders: fc.array(fc.string(), { maxLength: 2 }),
})
const verdict = fc.record({
  outcome: fc.constant('trusted'),
  rule: fc.string(),
  basis: fc.constantFrom('claims', 'exemption', 'no-requirement', undefined),
  exemption: fc.option(fc.nat(5), { nil: undefined }),
  claims: fc.array(claim, { maxLength: 2 }),
  critical: fc.record({ keys: fc.array(fc.string()), principals: fc.array(fc.string()) }),
})

const kept: fc.Arbitrary<Kept> = fc.array(verdict, { minLength: 1, maxLength: 3 }).chain(verdicts =>
  fc.record({
    time: instant,
    change: fc.option(instant, { nil: undefined }),
    basis: fc.record({
      version: fc.string(),
      policy: hash,
      own: fc.option(fc.string(), { nil: undefined }),
    }),
    database: fc.option(fc.string(), { nil: undefined }),
    names: fc.array(fc.string(), { maxLength: 2 }),
    isWhole: fc.boolean(),
    valid: fc.array(path, { maxLength: 3 }),
    keys: fc.array(
      fc.tuple(
        fc.string(),
        fc.record({
          label: fc.string(),
          principal: fc.option(fc.string(), { nil: undefined }),
          until: fc.option(instant, { nil: undefined }),
          isRevoked: fc.boolean(),
        }),
      ),
      { maxLength: 3 },
    ),
    infos: fc.array(
      fc.record({
        path,
        narHash: hash,
        narSize: fc.nat(),
        references: fc.array(path, { maxLength: 4 }),
        registrationTime: fc.nat(),
        isContentAddressed: fc.boolean(),
        signatures,
      }),
      { maxLength: 6 },
    ),
    judged: fc.array(
      fc.tuple(
        path,
        fc.record({
          kind: fc.constantFrom('fetched-source', 'local-source', 'derivation', 'output'),
          stamp,
          entry: version,
          narHash: hash,
          builtHere: fc.boolean(),
          derivation: fc.option(path, { nil: undefined }),
          inputs: fc.option(fc.array(path, { maxLength: 3 }), { nil: undefined }),
          signatures,
          files,
          // What is alike shares its claims, and may end at another time.
          standing: fc
            .tuple(fc.constantFrom(...verdicts), fc.option(instant, { nil: undefined }))
            .map(([one, until]) => ({ ...one, until }) as Trusted),
        }),
      ),
      { maxLength: 6 },
    ),
  }),
)

/** As JSON has it: what is undefined is not there. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

test('property: what is kept is read as it was, whatever its times, and what is changed is not read', () => {
  fc.assert(
    fc.property(kept, fc.nat(), fc.integer({ min: 1, max: 255 }), (given, at, change) => {
      const bytes = Buffer.from(printKept(given))
      assert.deepEqual(plain(parseKept(bytes)), plain(given))
      const place = at % bytes.length
      bytes[place] = (bytes[place] ?? 0) ^ change
      assert.throws(() => parseKept(bytes), FormatError)
    }),
    { numRuns: 500 },
  )
})

test('a NAR hash too few, too many or cut: nothing is read', () => {
  const [given] = fc.sample(
    kept.filter(({ infos, judged }) => infos.length === 0 && judged.length === 1),
    1,
  )
  assert.ok(given)
  const document = printDocument(given).toString('utf8')
  const hashes = /"narHash":"([0-9a-f]{64})"/
  assert.match(document, hashes)
  for (const other of ['', 'ab'.repeat(20), 'ab'.repeat(64)])
    assert.throws(
      () => parseDocument(Buffer.from(document.replace(hashes, `"narHash":"${other}"`))),
      FormatError,
    )
})

test('property: a document that somebody made up is refused, or names store paths alone', () => {
  fc.assert(
    fc.property(
      kept,
      fc.array(fc.tuple(fc.nat(), fc.constantFrom(...'0129-,[]{}"\\nab'))),
      (given, changes) => {
        const bytes = printDocument(given)
        for (const [at, character] of changes.slice(0, 2)) bytes[at % bytes.length] = character.charCodeAt(0)
        try {
          const read = parseDocument(bytes)
          const named = read.judged.flatMap(([one, { derivation, inputs = [] }]) => [
            one,
            ...inputs,
            ...(derivation === undefined ? [] : [derivation]),
          ])
          const registered = read.infos.flatMap(info => [info.path, ...info.references])
          for (const one of [...named, ...registered, ...read.valid]) assert.ok(isStorePath(one), one)
          for (const { narHash } of [...read.infos, ...read.judged.map(([, one]) => one)])
            assert.match(narHash ?? '', /^[0-9a-f]{64}$/)
        } catch (error) {
          if (!(error instanceof FormatError)) throw error
        }
      },
    ),
    { numRuns: 2000 },
  )
})
