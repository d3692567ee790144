// Properties of the verifier in random small worlds, which test/support/small-world/ describes.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import type { BuildNode, FetchNode, Labels, Node, Plan, Said } from '../support/small-world/plan.ts'
import {
  openSmallWorlds,
  type PropertyName,
  type SmallWorlds,
  whyNoSmallWorlds,
} from '../support/small-world/small-worlds.ts'

/** Milliseconds for each property; npm run fuzz uses more. */
const TIME = 1500
/** The fewest and the most cases, however slow or fast the machine is. */
const LEAST = 15
const MOST = 200

const skip = whyNoSmallWorlds()
let worlds: SmallWorlds | undefined
const open = async () => {
  worlds ??= await openSmallWorlds()
  return worlds
}
after(() => worlds?.close())

/** Random bytes; in most cases enough for a whole world. */
const BYTES = fc.uint8Array({ minLength: 60, maxLength: 300, size: 'max' })

/**
 * Seed of the worlds: the same each time, so that a commit is not blamed for what chance finds. Set
 * NIXSIG_TEST_SEED for others; npm run fuzz draws its own.
 */
const SEED = Number(process.env['NIXSIG_TEST_SEED'] ?? 44)

/**
 * Tries a property for the given time; on a slow machine for longer, until all verdicts that must
 * occur were seen. Throws with the seed and the bytes of the world that broke it, or with the
 * verdicts that were not seen.
 */
async function holds(
  property: PropertyName,
  missing: (seen: ReadonlySet<string>) => readonly string[],
): Promise<void> {
  const small = await open()
  await small.try(property, new Uint8Array())
  const end = performance.now() + TIME
  const seen = new Set<string>()
  let cases = 0
  const check = fc.asyncProperty(BYTES, async bytes => {
    if (cases >= LEAST && performance.now() > end && missing(seen).length === 0) return
    cases++
    const { broken, cameTo } = await small.try(property, bytes)
    if (broken !== undefined) throw new Error(`${broken}\n${Buffer.from(bytes).toString('base64')}`)
    for (const verdict of cameTo) seen.add(verdict)
  })
  // npm run fuzz shrinks failures; here that would take minutes.
  await fc.assert(check, { numRuns: MOST, endOnFailure: true, includeErrorInReport: true, seed: SEED })
  assert.deepEqual(missing(seen), [], `not seen in ${cases} worlds, NIXSIG_TEST_SEED=${SEED}`)
}

/**
 * Guards against properties that hold because nothing happens: every front must say both yes and
 * no. Returns those that have not.
 */
function notBothWays(seen: ReadonlySet<string>): readonly string[] {
  return ['verify', 'build', 'offers', 'incoming'].flatMap(front => {
    const said = [...seen].filter(verdict => verdict.startsWith(`${front}: `))
    return [
      ...(said.some(verdict => /: (trusted|let in)/.test(verdict)) ? [] : [`${front} says yes`]),
      ...(said.some(verdict => /: (untrusted|indeterminate)/.test(verdict)) ? [] : [`${front} says no`]),
    ]
  })
}

test(
  'what derivations declare about signatures turns a refusal into trust only with a good signature',
  { skip },
  () => holds('labels', notBothWays),
)

test('neither the order nor a derivation that nobody vouches for changes a verdict', { skip }, () =>
  holds('surroundings', notBothWays),
)

test('one inquiry for all questions answers like a separate inquiry for each', { skip }, () =>
  holds('inquiry', notBothWays),
)

test('the contents that are admitted before a build are those that are trusted after it', { skip }, () =>
  holds('foreseen', seen => ['allowed and trusted', 'neither'].filter(word => !seen.has(word))),
)

const NOWHERE = { caches: [false, false], addressed: [false, false], deriver: false, signedBy: [] } as const
const ABSENT = { offered: NOWHERE, isHere: false, hasDeriver: false, isGone: false }
const PACKAGED: readonly Said[] = [{ by: 'packager', word: 'packaged', wrong: false, isBare: true }]

/**
 * A package that a cache has, whose derivation a packager vouches for, and its source, for which
 * nobody vouches.
 */
function packageOf(labels: { readonly fetch?: Labels; readonly build?: Labels }): Plan {
  const rule = { acceptsGraph: false, acceptsUnknown: false, output: '"builder"' }
  const source: FetchNode = {
    ...{ kind: 'fetch', ...ABSENT, inputs: [], said: [], saidOfDerivation: PACKAGED },
    ...{ content: { kind: 'blob', number: 0 }, isExecutable: false, url: 0 },
    ...(labels.fetch && { labels: labels.fetch }),
  }
  const build: BuildNode = {
    ...{ kind: 'build', ...ABSENT, inputs: [0], said: [], saidOfDerivation: PACKAGED },
    ...{ outputs: ['out'], refers: false, signedBy: [], isOurs: false },
    offered: { ...NOWHERE, caches: [true, false], signedBy: ['builder'] },
    ...(labels.build && { labels: labels.build }),
  }
  const policy = {
    default: { ...rule, source: '"dev"', derivation: '"packager"' },
    sources: 'attested',
    exempt: [],
  } as const
  return { nodes: [source, build], policy }
}

const NAMED = { subject: 'out', signature: 0 } as const

const CALLED: Readonly<Record<string, Parameters<typeof packageOf>[0]>> = {
  'by its own derivation': { fetch: { form: 'environment', role: true, records: [] } },
  'by its own derivation, in structured attributes': {
    fetch: { form: 'structured', role: true, records: [] },
  },
  'by what is built from it': { build: { form: 'environment', role: false, records: [NAMED] } },
  'a list of checksums by what is built from it': {
    build: { form: 'structured', role: false, records: [{ ...NAMED, checksums: 0 }] },
  },
}

test('a package whose source nobody signed is refused at the gate', { skip }, async () => {
  assert.equal((await (await open()).verdicts({ plan: packageOf({}) })).get('offers 1'), 'untrusted 10')
})

for (const [how, labels] of Object.entries(CALLED)) {
  test(`attack: a source that nobody signed is named as a signature ${how}`, { skip }, async () => {
    const verdicts = await (await open()).verdicts({ plan: packageOf(labels) })
    assert.equal(verdicts.get('offers 1'), 'indeterminate 20')
    assert.match(verdicts.get('incoming 1') ?? '', /^(indeterminate 20|untrusted 10)$/)
  })
}

const DERIVATION = { ...ABSENT, said: [], saidOfDerivation: [], inputs: [] }
const FILE = { isExecutable: false, said: [], offered: NOWHERE, isHere: true, hasDeriver: false }
const SIGNATURE = { kind: 'signature', form: 'minisign', by: 'dev', over: 0 } as const
const BLOB = { kind: 'blob', number: 0 } as const

/** A source and its developer's signature, named by a derivation for which nobody has to vouch. */
const SIGNED: Readonly<Record<string, readonly Node[]>> = {
  'a file': [
    { kind: 'local', content: SIGNATURE, references: [], ...FILE },
    { kind: 'local', content: BLOB, references: [], ...FILE },
    {
      ...{
        kind: 'build',
        ...DERIVATION,
        inputs: [0, 1],
        outputs: ['out'],
        refers: false,
        signedBy: [],
        isOurs: false,
      },
      labels: { form: 'environment', role: false, records: [{ subject: 1, signature: 0 }] },
    },
  ],
  'what is fetched': [
    { kind: 'local', content: SIGNATURE, references: [], ...FILE },
    {
      ...{ kind: 'fetch', content: BLOB, url: 1000, isExecutable: false, ...DERIVATION, isHere: true },
      labels: { form: 'environment', role: false, records: [{ subject: 'out', signature: 0 }] },
    },
  ],
}

for (const [what, nodes] of Object.entries(SIGNED)) {
  test(`attack: one of hundreds of derivations that use ${what} names its signature`, {
    skip,
  }, async () => {
    const rule = { source: '"dev"', derivation: '"nothing"', output: '"builder"', acceptsGraph: false }
    const policy = { default: { ...rule, acceptsUnknown: false }, sources: 'data', exempt: [] } as const
    const small = await open()
    for (const crowd of [{}, { crowd: 1 }]) {
      const verdicts = await small.verdicts({ plan: { nodes, policy }, ...crowd })
      assert.equal(verdicts.get('verify 1'), 'trusted: claims of dev')
    }
  })
}
